/* A DMARC record: whatever stands in DNS is read or refused, and what is taken is
   one that receivers take. */
#include "support.h"

#include "proof/dmarc.h"
#include "proof/taglist.h"

static void
promise_tags(struct str text)
{
	struct str name, value, rest = text;

	while (taglist_next(&rest, &name, &value)) {
		promise(name.data >= text.data && value.data + value.len <= text.data + text.len);
		promise(taglist_find(text, name, &value, NULL) == 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dmarc_record record = { .why = "", .text = "" };
	struct arena *arena = arena_new();
	char *exact = malloc(size);
	struct str text = { exact, size };

	if (size > 0)
		memcpy(exact, data, size);
	promise_tags(text);
	if (dmarc_read(text, size % 2 == 1, arena, &record) == 1) {
		promise(record.why[0] == '\0');
		promise(size <= DMARC_RECORD_BYTES && strlen(record.text) == size);
		promise(record.policy < dmarc_policy_words.count && record.percent <= 100);
	} else {
		promise(record.why[0] != '\0');
		promise_clean(record.why);
	}
	arena_free(arena);
	free(exact);
	return 0;
}
