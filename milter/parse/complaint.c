#include "parse/complaint.h"

int
complaint_read(struct reading *reading)
{
	(void)reading;
	return 0;
}
