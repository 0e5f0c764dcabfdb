/* A whole message: whatever comes in, the bounces keep their promises and
   survive their text form. */
#include "message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct report report;

	promise_report((struct str){ (const char *)data, size }, arena, &report);
	/* A success that is told in words has no recipients for us. */
	if (report.kind == REPORT_DSN)
		promise(report.count > 0);
	if (report.kind == REPORT_OTHER)
		promise(report.count == 0);
	arena_free(arena);
	return 0;
}
