/* An incident of the store: what is read is printed in one form only, and the
   sentence is a line, whatever the names are. */
#include "support.h"

#include "watch/incident.h"

#define NOW INT64_C(1795000000)

/* Any rule may have any names. */
static void
say(struct incident *incident, struct arena *arena)
{
	for (unsigned rule = 0; rule < WATCH_RULES; rule++) {
		const char *sentence;

		incident->rule = rule;
		sentence = incident_sentence(incident, NOW, arena);
		promise_clean(sentence);
		promise(strlen(sentence) <= INCIDENT_SENTENCE_BYTES);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct incident incident, copy;
	struct buf once = { 0 }, twice = { 0 };

	if (incident_scan((struct str){ (const char *)data, size }, arena, &incident) == 0) {
		incident_print(&incident, &once);
		promise(incident_scan(buf_str(&once), arena, &copy) == 0);
		incident_print(&copy, &twice);
		promise(str_equal(buf_str(&once), buf_str(&twice)));
		incident_copy(&copy, arena, &incident);
		buf_clear(&twice);
		incident_print(&incident, &twice);
		promise(str_equal(buf_str(&once), buf_str(&twice)));
		say(&incident, arena);
	}
	buf_free(&once);
	buf_free(&twice);
	arena_free(arena);
	return 0;
}
