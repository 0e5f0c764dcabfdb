#include "pipeline_watch.h"
