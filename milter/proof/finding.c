#include "proof/finding.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const type_names[] = {
	[DNS_A] = "A", [DNS_AAAA] = "AAAA", [DNS_MX] = "MX", [DNS_PTR] = "PTR", [DNS_TXT] = "TXT",
};

/* What may have come from a stranger, for a terminal: no control characters, and
   none that change the direction of the text around them. */
static const char *
printable(struct str text, size_t limit, struct arena *arena)
{
	bool cut = text.len > limit;
	char *copy = arena_alloc(arena, limit + sizeof("..."));
	size_t len = cut ? limit : text.len;

	for (size_t i = 0; i < len; i++)
		copy[i] = text.data[i] == '\t' ? ' '
		    : text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i];
	if (cut)
		memcpy(copy + len, "...", sizeof("..."));
	return copy;
}

/* The records in quotes; more of them than can be shown need not be copied. */
static const char *
quote(const struct dns_answer *answer, struct arena *arena)
{
	struct buf text = { 0 };
	const char *quoted;

	for (unsigned i = 0; i < answer->count && text.len <= DIAGNOSE_ANSWER_BYTES; i++)
		buf_printf(&text, "%s\"%s\"", i == 0 ? "" : " ", answer->records[i].text);
	if (answer->cut)
		buf_printf(&text, "%s(more than is read)", answer->count == 0 ? "" : " ");
	quoted = printable(buf_str(&text), DIAGNOSE_ANSWER_BYTES, arena);
	buf_free(&text);
	return quoted;
}

static const char *
print_answer(const struct finding_source *source, struct arena *arena)
{
	switch (source->answer.status) {
	case DNS_FOUND:
		return quote(&source->answer, arena);
	case DNS_NO_NAME:
		return "NXDOMAIN";
	case DNS_NO_DATA:
		return arena_printf(arena, "no %s record", type_names[source->type]);
	case DNS_FAILED:
		break;
	}
	return "no answer";
}

struct finding_source
finding_ask(struct examination *exam, enum dns_type type, const char *name)
{
	struct finding_source source = { .type = type, .name = name };

	dns_lookup(exam->dns, type, name, exam->deadline_msec, exam->arena, &source.answer);
	return source;
}

void
finding_add(struct examination *exam, enum diagnose_check check, enum diagnose_state state,
    enum finding_weight weight, const struct finding_source *source, const char *format, ...)
{
	struct diagnosis *diagnosis = exam->diagnosis;
	struct diagnose_finding *finding;
	char text[DIAGNOSE_TEXT_BYTES + 2];
	va_list args;

	if (diagnosis->count == DIAGNOSE_FINDINGS)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding = &diagnosis->findings[diagnosis->count++];
	*finding = (struct diagnose_finding){ .check = check, .state = state, .query = "",
		.answer = "",
		.text = printable(str_of(text), DIAGNOSE_TEXT_BYTES - 3, exam->arena) };
	if (source != NULL && source->name != NULL) {
		finding->query = printable(str_of(arena_printf(exam->arena, "%s %s", source->name,
			type_names[source->type])), DIAGNOSE_ANSWER_BYTES, exam->arena);
		finding->answer = print_answer(source, exam->arena);
	}
	if (state == DIAGNOSE_BAD && weight > exam->weight) {
		exam->weight = weight;
		diagnosis->cause = finding->text;
	}
}
