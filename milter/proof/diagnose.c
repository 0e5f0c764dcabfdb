#include "proof/diagnose.h"
