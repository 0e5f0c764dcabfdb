/* What a message must give, whatever is in it. */
#ifndef T_FUZZ_MESSAGE_H
#define T_FUZZ_MESSAGE_H

#include "support.h"

#include <time.h>

#include "parse/address.h"
#include "parse/limits.h"
#include "parse/report.h"

/* 50 ms and 16 MiB are promised. Sanitizers, and a machine that does other
   things, take their share of the time: what is seen here is the square. */
#define MESSAGE_SECONDS 2.0
#define MESSAGE_BYTES ((size_t)16 * 1024 * 1024)

static inline void
promise_address(const char *address, struct arena *arena)
{
	const char *again;

	promise_clean(address);
	if (*address != '\0')
		promise(address_parse(str_of(address), arena, &again) == 1 &&
		    strcmp(address, again) == 0);
}

/* The text form comes back as it was. */
static inline void
promise_round_trip(const struct bounce *bounce, struct arena *arena)
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

static inline void
promise_bounce(const struct bounce *bounce, struct arena *arena)
{
	const char *const lines[] = {
		bounce->text, bounce->words, bounce->final_recipient, bounce->original_recipient,
		bounce->message_id, bounce->queue_id, bounce->envelope_id, bounce->report_id,
		bounce->reporting_mta, bounce->remote_mta, bounce->relay, bounce->status,
		bounce->diagnostic_type, bounce->feedback, bounce->server, bounce->agent,
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		promise_clean(lines[i]);
	promise(strlen(bounce->text) <= LIMITS_REPLY_BYTES);
	promise(strlen(bounce->words) <= LIMITS_REPLY_BYTES);
	promise(bounce->code == 0 || (bounce->code >= 100 && bounce->code <= 599));
	promise(charset_is_utf8(str_of(bounce->report)));
	promise_address(bounce->recipient, arena);
	promise_address(bounce->sender, arena);
	promise_round_trip(bounce, arena);
}

/* Read a message; the report is in the arena, which is bounded, too. */
static inline void
promise_report(struct str message, struct arena *arena, struct report *report_r)
{
	clock_t began = clock();

	report_parse(message, REPORT_KEEP, arena, report_r);
	promise((double)(clock() - began) / CLOCKS_PER_SEC < MESSAGE_SECONDS);
	promise(arena_used(arena) < MESSAGE_BYTES);
	promise(report_r->count <= LIMITS_RECIPIENTS);
	promise(report_r->kind < REPORT_KIND_COUNT);
	promise_clean(report_r->report_id);
	promise_clean(report_r->from_domain);
	for (unsigned i = 0; i < report_r->count; i++)
		promise_bounce(&report_r->bounces[i], arena);
}

#endif
