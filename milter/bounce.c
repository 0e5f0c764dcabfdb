#include "bounce.h"

#include <stddef.h>

static const char *const source_names[] = {
	[SOURCE_UNKNOWN] = "unknown", [SOURCE_NET] = "net", [SOURCE_LOCAL] = "local",
	[SOURCE_LOG] = "log", [SOURCE_THRESHOLD] = "threshold", [SOURCE_OPERATOR] = "operator", [SOURCE_CLOCK] = "clock",
};

static const char *const outcome_names[] = {
	[OUTCOME_NONE] = "none", [OUTCOME_FAILED] = "failed", [OUTCOME_EXPIRED] = "expired",
	[OUTCOME_DELAYED] = "delayed", [OUTCOME_DELIVERED] = "delivered",
	[OUTCOME_COMPLAINT] = "complaint", [OUTCOME_DEFERRED] = "deferred",
};

static const char *const stage_names[] = {
	[STAGE_UNKNOWN] = "unknown", [STAGE_CONNECT] = "connect", [STAGE_HELO] = "helo",
	[STAGE_MAIL] = "mail", [STAGE_RCPT] = "rcpt", [STAGE_DATA] = "data",
	[STAGE_EOD] = "eod",
};

static const char *const limit_names[] = {
	"size", "depth", "parts", "header", "recipients", "text", "memory", "cut",
};

const struct words source_words = WORDS(source_names);
const struct words outcome_words = WORDS(outcome_names);
const struct words stage_words = WORDS(stage_names);

/*
 * The text form is this table: printing and scanning are two loops over it,
 * so that a field cannot be written and forgotten when reading.
 */
enum kind { KIND_TEXT, KIND_TIME, KIND_NUMBER, KIND_WORD };

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	const struct words *words;
};

#define B(member) offsetof(struct bounce, member)
#define V(member) offsetof(struct verdict, member)

static const struct field bounce_fields[] = {
	{ "time", KIND_TIME, B(time), NULL },
	{ "arrival", KIND_TIME, B(arrival), NULL },
	{ "source", KIND_WORD, B(source), &source_words },
	{ "outcome", KIND_WORD, B(outcome), &outcome_words },
	{ "stage", KIND_WORD, B(stage), &stage_words },
	{ "code", KIND_NUMBER, B(code), NULL },
	{ "together", KIND_NUMBER, B(together), NULL },
	{ "named", KIND_NUMBER, B(named), NULL },
	{ "guessed", KIND_NUMBER, B(guessed), NULL },
	{ "again", KIND_NUMBER, B(again), NULL },
	{ "limits", KIND_NUMBER, B(limits), NULL },
	{ "recipient", KIND_TEXT, B(recipient), NULL },
	{ "final-recipient", KIND_TEXT, B(final_recipient), NULL },
	{ "original-recipient", KIND_TEXT, B(original_recipient), NULL },
	{ "sender", KIND_TEXT, B(sender), NULL },
	{ "message-id", KIND_TEXT, B(message_id), NULL },
	{ "queue-id", KIND_TEXT, B(queue_id), NULL },
	{ "envelope-id", KIND_TEXT, B(envelope_id), NULL },
	{ "token", KIND_TEXT, B(token), NULL },
	{ "report-id", KIND_TEXT, B(report_id), NULL },
	{ "reporting-mta", KIND_TEXT, B(reporting_mta), NULL },
	{ "remote-mta", KIND_TEXT, B(remote_mta), NULL },
	{ "relay", KIND_TEXT, B(relay), NULL },
	{ "server", KIND_TEXT, B(server), NULL },
	{ "port", KIND_NUMBER, B(port), NULL },
	{ "agent", KIND_TEXT, B(agent), NULL },
	{ "client", KIND_TEXT, B(client), NULL },
	{ "login", KIND_TEXT, B(login), NULL },
	{ "status", KIND_TEXT, B(status), NULL },
	{ "diagnostic-type", KIND_TEXT, B(diagnostic_type), NULL },
	{ "text", KIND_TEXT, B(text), NULL },
	{ "feedback", KIND_TEXT, B(feedback), NULL },
	{ "report", KIND_TEXT, B(report), NULL },
};

static const struct field verdict_fields[] = {
	{ "category", KIND_WORD, V(category), &category_words },
	{ "subcause", KIND_TEXT, V(subcause), NULL },
	{ "identity", KIND_TEXT, V(identity), NULL },
	{ "rule", KIND_TEXT, V(rule), NULL },
	{ "proof", KIND_WORD, V(proof), &proof_words },
	{ "evidence", KIND_TEXT, V(evidence), NULL },
	{ "decision", KIND_WORD, V(decision), &decision_words },
	{ "table", KIND_WORD, V(table), &table_set_words },
	{ "reason", KIND_TEXT, V(reason), NULL },
	{ "until", KIND_TIME, V(until), NULL },
	{ "batch", KIND_TIME, V(batch), NULL },
	{ "takes-back", KIND_TIME, V(takes_back), NULL },
	{ "was", KIND_TEXT, V(was), NULL },
	{ "becomes", KIND_TEXT, V(becomes), NULL },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* All enums above are stored as the int that C makes of them. */
_Static_assert(sizeof(enum source) == sizeof(unsigned), "an enum is one unsigned");
_Static_assert(sizeof(enum category) == sizeof(unsigned), "an enum is one unsigned");

void
bounce_init(struct bounce *bounce)
{
	*bounce = (struct bounce){ .words = "" };
	for (size_t i = 0; i < COUNT_OF(bounce_fields); i++) {
		if (bounce_fields[i].kind == KIND_TEXT)
			*(const char **)((char *)bounce + bounce_fields[i].offset) = "";
	}
}

static void
print_escaped(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		switch (text.data[i]) {
		case '\n':
			buf_add(out, STR("\\n"));
			break;
		case '\r':
			buf_add(out, STR("\\r"));
			break;
		case '\\':
			buf_add(out, STR("\\\\"));
			break;
		default:
			buf_add_byte(out, text.data[i]);
		}
	}
}

static void
print_field(const struct field *field, const void *base, struct buf *out)
{
	const char *at = (const char *)base + field->offset;
	const char *text;

	switch (field->kind) {
	case KIND_TEXT:
		text = *(const char *const *)at;
		if (*text != '\0') {
			buf_printf(out, "%s ", field->name);
			print_escaped(str_of(text), out);
			buf_add_byte(out, '\n');
		}
		break;
	case KIND_TIME:
		if (*(const int64_t *)at != 0)
			buf_printf(out, "%s %lld\n", field->name,
			    (long long)*(const int64_t *)at);
		break;
	case KIND_NUMBER:
		if (*(const unsigned *)at != 0)
			buf_printf(out, "%s %u\n", field->name, *(const unsigned *)at);
		break;
	case KIND_WORD:
		if (*(const unsigned *)at != 0)
			buf_printf(out, "%s %s\n", field->name,
			    words_name(field->words, *(const unsigned *)at));
		break;
	}
}

void
bounce_print(const struct bounce *bounce, const struct verdict *verdict, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(bounce_fields); i++)
		print_field(&bounce_fields[i], bounce, out);
	for (size_t i = 0; i < COUNT_OF(verdict_fields); i++)
		print_field(&verdict_fields[i], verdict, out);
}

static const char *
scan_escaped(struct str value, struct arena *arena)
{
	char *copy = arena_alloc(arena, value.len + 1), *to = copy;

	for (size_t i = 0; i < value.len; i++) {
		char byte = value.data[i];

		if (byte == '\\' && i + 1 < value.len) {
			byte = value.data[++i];
			if (byte == 'n')
				byte = '\n';
			else if (byte == 'r')
				byte = '\r';
		}
		*to++ = byte;
	}
	return copy;
}

static int
scan_field(const struct field *field, void *base, struct str value, struct arena *arena)
{
	char *at = (char *)base + field->offset;
	uint64_t number;

	switch (field->kind) {
	case KIND_TEXT:
		*(const char **)at = scan_escaped(value, arena);
		return 0;
	case KIND_TIME:
		if (str_number(value, &number) == -1)
			return -1;
		*(int64_t *)at = (int64_t)number;
		return 0;
	case KIND_NUMBER:
		if (str_number(value, &number) == -1 || number > UINT32_MAX)
			return -1;
		*(unsigned *)at = (unsigned)number;
		return 0;
	case KIND_WORD:
		return words_find(field->words, value, (unsigned *)at) == 1 ? 0 : -1;
	}
	return -1;
}

static const struct field *
find_field(const struct field *fields, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++) {
		if (str_equal(str_of(fields[i].name), name))
			return &fields[i];
	}
	return NULL;
}

int
bounce_scan(struct str text, struct arena *arena, struct bounce *bounce_r,
    struct verdict *verdict_r)
{
	struct str line, name;

	bounce_init(bounce_r);
	verdict_init(verdict_r);
	while (str_next_piece(&text, '\n', &line)) {
		const struct field *field;
		int ret = 0;

		if (!str_next_piece(&line, ' ', &name))
			return -1;
		field = find_field(bounce_fields, COUNT_OF(bounce_fields), name);
		if (field != NULL)
			ret = scan_field(field, bounce_r, line, arena);
		else if ((field = find_field(verdict_fields, COUNT_OF(verdict_fields), name)) != NULL)
			ret = scan_field(field, verdict_r, line, arena);
		if (ret == -1)
			return -1;
	}
	return 0;
}

const char *
bounce_limits_print(unsigned limits, struct arena *arena)
{
	const char *text = "";

	for (size_t i = 0; i < COUNT_OF(limit_names); i++) {
		if (limits & (1u << i))
			text = arena_printf(arena, "%s%s%s", text, *text == '\0' ? "" : ",",
			    limit_names[i]);
	}
	return text;
}
