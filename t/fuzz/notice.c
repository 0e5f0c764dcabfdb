/* The words of a notice without a delivery status, as text and as HTML; and the
   readers of such words, one by one. */
#include "message.h"

#include "base/buf.h"
#include "parse/entries.h"
#include "parse/html.h"
#include "parse/mention.h"
#include "parse/reason.h"

#define HEADERS "From: MAILER-DAEMON@mx.example.com\nTo: news@example.org\n" \
	"Subject: Undelivered Mail Returned to Sender\nContent-Type: text/"

static void
check_message(const char *type, struct str notice, struct arena *arena)
{
	struct buf message = { 0 };
	struct report report;

	buf_printf(&message, HEADERS "%s; charset=utf-8\n\n", type);
	buf_add(&message, notice);
	promise_report(buf_str(&message), arena, &report);
	buf_free(&message);
}

static void
check_mentions(struct str line, struct arena *arena)
{
	struct mention mention;
	size_t from = 0;

	while (mention_find(line, from, arena, &mention) == 1) {
		promise(mention.start >= from && mention.end > mention.start);
		promise(mention.end <= line.len);
		promise_address(mention.address, arena);
		from = mention.end;
	}
}

static void
check_entries(struct str notice, struct arena *arena)
{
	static const char *const others[] = { "news@example.org", NULL };
	struct entries entries;

	entries_find(notice, others, arena, &entries);
	promise(entries.count <= LIMITS_RECIPIENTS);
	for (unsigned i = 0; i < entries.count; i++) {
		promise_address(entries.list[i].address, arena);
		for (unsigned j = 0; j < i; j++)
			promise(strcmp(entries.list[i].address, entries.list[j].address) != 0);
	}
}

static void
check_reason(struct str paragraphs, struct arena *arena)
{
	struct bounce bounce;

	bounce_init(&bounce);
	if (reason_read(paragraphs, arena, &bounce) == 1)
		promise_bounce(&bounce, arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str notice = { (const char *)data, size }, text;

	check_message("plain", notice, arena);
	arena_reset(arena);
	check_message("html", notice, arena);
	arena_reset(arena);
	notice = charset_to_utf8(notice, STR_EMPTY, arena);
	text = html_to_text(notice, arena);
	promise(text.len <= notice.len && charset_is_utf8(text));
	check_mentions(notice, arena);
	check_entries(notice, arena);
	check_reason(entries_paragraphs(notice, arena), arena);
	arena_free(arena);
	return 0;
}
