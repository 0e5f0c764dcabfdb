#include "store/breaker.h"
