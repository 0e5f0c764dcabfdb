#include "store/incidents.h"
