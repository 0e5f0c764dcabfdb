#include "watch/thresholds.h"
