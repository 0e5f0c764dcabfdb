/* A whole message: whatever comes in, the bounces keep their promises and
   survive their text form. */
#include "support.h"

#include "parse/address.h"
#include "parse/limits.h"
#include "parse/report.h"

static void
check_recipient(const char *recipient, struct arena *arena)
{
	const char *again;

	if (*recipient != '\0')
		promise(address_parse(str_of(recipient), arena, &again) == 1 &&
		    strcmp(recipient, again) == 0);
}

static void
check_round_trip(const struct bounce *bounce, struct arena *arena)
{
	struct buf first = { 0 }, second = { 0 };
	struct verdict verdict;
	struct bounce back;

	verdict_init(&verdict);
	bounce_print(bounce, &verdict, &first);
	promise(bounce_scan(buf_str(&first), arena, &back, &verdict) == 0);
	bounce_print(&back, &verdict, &second);
	promise(str_equal(buf_str(&first), buf_str(&second)));
	buf_free(&first);
	buf_free(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct report report;

	report_parse((struct str){ (const char *)data, size }, REPORT_KEEP, arena, &report);
	promise(report.count <= LIMITS_RECIPIENTS);
	promise((report.kind == REPORT_OTHER) == (report.count == 0));
	promise_clean(report.report_id);
	for (unsigned i = 0; i < report.count; i++) {
		const struct bounce *bounce = &report.bounces[i];

		promise_clean(bounce->text);
		promise_clean(bounce->words);
		promise_clean(bounce->final_recipient);
		promise_clean(bounce->original_recipient);
		promise_clean(bounce->message_id);
		promise_clean(bounce->remote_mta);
		promise_clean(bounce->sender);
		promise_clean(bounce->relay);
		promise_clean(bounce->diagnostic_type);
		promise_clean(bounce->envelope_id);
		promise(charset_is_utf8(str_of(bounce->report)));
		check_recipient(bounce->recipient, arena);
		check_recipient(bounce->sender, arena);
		check_round_trip(bounce, arena);
	}
	arena_free(arena);
	return 0;
}
