/* The fields of a feedback report and, behind the first empty line, the headers
   of the message that somebody complained of. */
#include "message.h"

#include "base/buf.h"

#define HEADERS "From: complaints@example.com\nSubject: complaint\nMIME-Version: 1.0\n" \
	"Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" \
	"--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n" \
	"--b\nContent-Type: message/feedback-report\n\n"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str fields = { (const char *)data, size }, returned = STR_EMPTY;
	struct arena *arena = arena_new();
	struct buf message = { 0 };
	struct report report;
	size_t at;

	if (str_find(fields, STR("\n\n"), 0, &at) == 1) {
		returned = str_sub(fields, at + 2, fields.len);
		fields = str_sub(fields, 0, at + 1);
	}
	buf_add(&message, STR(HEADERS));
	buf_add(&message, fields);
	buf_add(&message, STR("\n--b\nContent-Type: message/rfc822\n\n"));
	buf_add(&message, returned);
	promise_report(buf_str(&message), arena, &report);
	/* A report of a failed authentication (RFC 6591) complains of nothing. */
	for (unsigned i = 0; report.kind == REPORT_COMPLAINT && i < report.count; i++)
		promise(report.bounces[i].outcome == OUTCOME_COMPLAINT ||
		    report.bounces[i].outcome == OUTCOME_NONE);
	arena_free(arena);
	buf_free(&message);
	return 0;
}
