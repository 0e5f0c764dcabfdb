#include "watch/telling.h"
