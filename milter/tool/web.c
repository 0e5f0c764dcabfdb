#include <stdlib.h>

#include "metrics.h"

int
main(void)
{
	return EXIT_SUCCESS;
}
