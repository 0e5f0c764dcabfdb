#include "config_alert.h"
