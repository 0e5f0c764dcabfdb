#include "watch/incident.h"
