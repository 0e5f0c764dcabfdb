#include "tool/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/msg.h"
#include "store/table.h"

#define COLUMNS 76 /* room to quote it in a mail */
#define NAME_COLUMNS 11

void
print_wrapped(const char *text, size_t indent)
{
	struct str rest = str_of(text), word;
	size_t column = indent;

	while (str_next_word(&rest, &word)) {
		if (column > indent && column + 1 + word.len > COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		printf("%s%.*s", column > indent ? " " : "", STR_ARGS(word));
		column += word.len + (column > indent);
	}
	putchar('\n');
}

/* A time, or a word where there is none. */
static const char *
time_or(int64_t time, const char *word, char text[CLOCK_TEXT_BYTES])
{
	return time == 0 ? word : clock_print(time, text);
}

void
print_json_line(json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);

	if (text == NULL)
		msg_out_of_memory();
	puts(text);
	free(text);
	json_decref(object);
}

void
print_csv(const char *value, const char *end)
{
	putchar('"');
	for (; *value != '\0'; value++) {
		if (*value == '"')
			putchar('"');
		putchar(*value);
	}
	printf("\"%s", end);
}

void
print_suppression_head(enum print_format format)
{
	if (format == PRINT_TEXT)
		printf("%-29s %-16s %-20s %s\n", "ADDRESS", "CATEGORY", "SINCE", "UNTIL");
	if (format == PRINT_CSV)
		puts("address,state,table,category,since,until,event");
}

void
print_suppression(enum print_format format, const char *address, const char *state,
    enum table_set table, const struct standing_entry *entry)
{
	char since[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], value[TABLE_VALUE_BYTES];

	clock_print(entry->since, since);
	clock_print(entry->until, until);
	switch (format) {
	case PRINT_TEXT:
		/* The date is enough, and fits into 80 columns. */
		printf("%-29s %-16s %-20s %.10s\n", address, category_name(entry->category),
		    since, entry->until == 0 ? "never" : until);
		break;
	case PRINT_POSTMAP:
		printf("%s %s\n", address, table_access_value(entry->category, value));
		break;
	case PRINT_CSV:
		print_csv(address, ",");
		printf("%s,%s,%s,%s,%s,%llu\n", state, words_name(&table_set_words, table),
		    category_name(entry->category), since, until,
		    (unsigned long long)entry->event);
		break;
	case PRINT_JSON:
		print_json_line(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s*,s:I}", "address", address, "state",
		    state, "table", words_name(&table_set_words, table), "category",
		    category_name(entry->category), "since", since, "until",
		    entry->until == 0 ? NULL : until, "event", (json_int_t)entry->event));
		break;
	}
}

void
print_event_head(enum print_format format)
{
	if (format == PRINT_TEXT)
		printf("%-20s %6s %-8s %-16s %s\n", "TIME", "EVENT", "DECISION", "CATEGORY",
		    "ADDRESS");
	if (format == PRINT_CSV)
		puts("event,time,source,recipient,outcome,code,status,category,subcause,rule,proof,"
		    "decision,reason,until,remote_mta,queue_id,message_id,text");
}

static void
print_event_json(const struct journal_event *event)
{
	const struct bounce *b = &event->bounce;
	const struct verdict *v = &event->verdict;
	char time[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES], arrival[CLOCK_TEXT_BYTES];
	struct arena *arena = arena_new();
	json_t *object;

	clock_print(b->time, time);
	clock_print(v->until, until);
	clock_print(b->arrival, arrival);
	object = json_pack("{s:I,s:s,s:s,s:s,s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
	    "event", (json_int_t)event->sequence, "time", time,
	    "source", words_name(&source_words, b->source), "recipient", b->recipient,
	    "outcome", words_name(&outcome_words, b->outcome),
	    "stage", words_name(&stage_words, b->stage), "code", (int)b->code,
	    "status", b->status, "class", words_name(&class_words, category_class(v->category)),
	    "category", category_name(v->category), "subcause", v->subcause, "rule", v->rule,
	    "proof", words_name(&proof_words, v->proof),
	    "decision", words_name(&decision_words, v->decision), "reason", v->reason,
	    "table", words_name(&table_set_words, v->table), "until", until);
	if (object != NULL)
		json_object_update_new(object, json_pack(
		    "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
		    "final_recipient", b->final_recipient, "original_recipient",
		    b->original_recipient, "sender", b->sender, "message_id", b->message_id,
		    "queue_id", b->queue_id, "envelope_id", b->envelope_id, "report_id",
		    b->report_id, "reporting_mta", b->reporting_mta, "remote_mta", b->remote_mta,
		    "relay", b->relay, "client", b->client, "arrival", arrival, "limits",
		    bounce_limits_print(b->limits, arena), "text", b->text, "report", b->report));
	if (object != NULL)
		json_object_update_new(object, json_pack("{s:s,s:i,s:s,s:s,s:b,s:b,s:s,s:s,s:s,s:s}", "server",
		    b->server, "port", (int)b->port, "agent", b->agent, "login", b->login, "again",
		    (int)b->again, "guessed", (int)b->guessed, "identity", v->identity, "feedback",
		    b->feedback, "evidence", v->evidence, "token", b->token));
	print_json_line(object);
	arena_free(arena);
}

static void
print_event_csv(const struct journal_event *event)
{
	const struct bounce *b = &event->bounce;
	const struct verdict *v = &event->verdict;
	char time[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];

	printf("%llu,%s,%s,", (unsigned long long)event->sequence, clock_print(b->time, time),
	    words_name(&source_words, b->source));
	print_csv(b->recipient, ",");
	printf("%s,%u,%s,%s,%s,%s,%s,%s,", words_name(&outcome_words, b->outcome), b->code,
	    b->status, category_name(v->category), v->subcause, v->rule,
	    words_name(&proof_words, v->proof), words_name(&decision_words, v->decision));
	print_csv(v->reason, ",");
	printf("%s,", clock_print(v->until, until));
	print_csv(b->remote_mta, ",");
	print_csv(b->queue_id, ",");
	print_csv(b->message_id, ",");
	print_csv(b->text, "\n");
}

void
print_event(enum print_format format, const struct journal_event *event)
{
	const struct bounce *b = &event->bounce;
	char time[CLOCK_TEXT_BYTES];

	switch (format) {
	case PRINT_JSON:
		print_event_json(event);
		break;
	case PRINT_CSV:
		print_event_csv(event);
		break;
	default:
		printf("%-20s %6llu %-8s %-16s %s\n", time_or(b->time, "-", time),
		    (unsigned long long)event->sequence,
		    words_name(&decision_words, event->verdict.decision),
		    event->bounce.outcome == OUTCOME_DELIVERED ? "-" :
		    category_name(event->verdict.category),
		    b->recipient[0] != '\0' ? b->recipient : b->final_recipient);
		if (b->text[0] != '\0') {
			printf("    ");
			print_wrapped(b->text, 4);
		}
	}
}

void
print_line(const char *name, const char *value)
{
	if (value[0] == '\0')
		return;
	printf("    %-*s ", NAME_COLUMNS, name);
	print_wrapped(value, 4 + NAME_COLUMNS + 1);
}

/* Whom our MTA asked, and which of its agents did. */
static void
print_server(const struct bounce *bounce, struct arena *arena)
{
	const char *port = bounce->port == 0 ? "" : arena_printf(arena, ", port %u", bounce->port);

	if (bounce->agent[0] != '\0')
		print_line("asked", arena_printf(arena, "%s%s, by %s", bounce->server[0] == '\0' ?
		    "nobody" : bounce->server, port, bounce->agent));
}

/* By which lane we know, and who handed in the report; the log and our own MTA's
   report tell who handed in the message. */
static void
print_source(const struct bounce *bounce, struct arena *arena)
{
	bool log = bounce->source == SOURCE_LOG;
	const char *source = words_name(&source_words, bounce->source);

	print_line("told by", log || bounce->client[0] == '\0' ? source :
	    arena_printf(arena, "%s, %s", source, bounce->client));
	if (log && bounce->client[0] != '\0')
		print_line("client", arena_printf(arena, "%s%s%s", bounce->client,
		    bounce->login[0] == '\0' ? "" : ", login ", bounce->login));
}

void
print_event_story(const struct journal_event *event)
{
	const struct bounce *b = &event->bounce;
	const struct verdict *v = &event->verdict;
	char time[CLOCK_TEXT_BYTES], until[CLOCK_TEXT_BYTES];
	struct arena *arena = arena_new();

	printf("%s  event %llu\n", time_or(b->time, "-", time),
	    (unsigned long long)event->sequence);
	print_line("said", b->text);
	print_line("by", b->remote_mta[0] != '\0' ? b->remote_mta : b->reporting_mta);
	print_server(b, arena);
	if (b->outcome != OUTCOME_NONE)
		print_line("outcome", arena_printf(arena, "%s%s%s",
		    words_name(&outcome_words, b->outcome), b->stage == STAGE_UNKNOWN ? "" :
		    ", at ", b->stage == STAGE_UNKNOWN ? "" : words_name(&stage_words, b->stage)));
	print_line("from", b->sender);
	print_line("message", b->message_id);
	print_line("queue id", b->queue_id);
	print_source(b, arena);
	print_line("limits hit", bounce_limits_print(b->limits, arena));
	if (b->again)
		print_line("again", "the message had failed so before, and counts once");
	if (b->guessed)
		print_line("guessed", "no mail system names the recipient");
	print_line("identity", v->identity);
	if (b->outcome != OUTCOME_DELIVERED)
		print_line("meaning", arena_printf(arena, "%s%s%s%s%s%s",
		    category_name(v->category), v->subcause[0] == '\0' ? "" : ": ", v->subcause,
		    v->rule[0] == '\0' ? "" : " (rule ", v->rule, v->rule[0] == '\0' ? "" : ")"));
	print_line("proof", arena_printf(arena, "%s%s%s%s", words_name(&proof_words, v->proof),
	    v->evidence[0] == '\0' ? "" : " (", v->evidence, v->evidence[0] == '\0' ? "" : ")"));
	print_line("decision", arena_printf(arena, "%s: %s%s%s",
	    words_name(&decision_words, v->decision), v->reason,
	    v->until == 0 ? "" : ", until ", v->until == 0 ? "" : clock_print(v->until, until)));
	if (b->report[0] != '\0')
		printf("%s\n", b->report);
	arena_free(arena);
}
