#include "proof/dmarc.h"
