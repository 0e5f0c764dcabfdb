/* The words of a server, read and classified with the packaged rules. */
#include "support.h"

#include "judge/classify.h"
#include "parse/limits.h"
#include "parse/reply.h"

static struct rule_set *
load_rules(void)
{
	const char *directory = getenv("BM_RULES"), *error;
	struct rule_set *rules;

	if (rule_set_load(directory == NULL ? "rules" : directory, "/nonexistent", &rules,
	    &error) == -1) {
		fprintf(stderr, "%s\n", error);
		exit(2);
	}
	return rules;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rule_set *rules;
	struct arena *arena = arena_new();
	struct verdict verdict;
	struct bounce bounce;
	struct reply reply;

	if (rules == NULL)
		rules = load_rules();
	reply_parse((struct str){ (const char *)data, size }, arena, &reply);
	promise_clean(reply.text);
	promise_clean(reply.words);
	promise_clean(reply.host);
	promise_clean(reply.relay);
	promise(strlen(reply.text) <= LIMITS_REPLY_BYTES);
	promise(reply.code == 0 || (reply.code >= 200 && reply.code <= 599));
	bounce_init(&bounce);
	verdict_init(&verdict);
	bounce.code = reply.code;
	bounce.status = reply.status;
	bounce.text = reply.text;
	bounce.words = reply.words;
	bounce.remote_mta = reply.host;
	classify(rules, &bounce, arena, &verdict);
	promise(verdict.category < CATEGORY_COUNT && verdict.category != CATEGORY_MANUAL);
	promise_clean(verdict.identity);
	promise(strlen(verdict.identity) <= strlen(reply.words));
	/* Without a word, no mailbox is taken away, but by status or 556. */
	if (reply.words[0] == '\0' && reply.status[0] == '\0' && reply.code != 556)
		promise(category_class(verdict.category) != CLASS_HARD);
	arena_free(arena);
	return 0;
}
