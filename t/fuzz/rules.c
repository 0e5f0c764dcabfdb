/* A file of rules: it loads, or it is refused with file and line; what loads
   can be asked. */
#include "support.h"

#include <fcntl.h>
#include <unistd.h>

#include "judge/rule.h"

static char directory[] = "/tmp/bm-fuzz-XXXXXX";
static char path[64];

static void
clean_up(void)
{
	unlink(path);
	rmdir(directory);
}

static void
write_rules(const uint8_t *data, size_t size)
{
	int fd;

	if (path[0] == '\0') {
		promise(mkdtemp(directory) != NULL);
		snprintf(path, sizeof(path), "%s/x.rules", directory);
		atexit(clean_up);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	promise(fd != -1 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void
count(const struct rule_tried *tried, void *context)
{
	promise(tried->view.line != NULL && tried->file != NULL);
	*(unsigned *)context += tried->result == RULE_TRY_MATCHED;
}

/* Whoever asks why is told of one rule that matched, the one that decides. */
static void
ask(const struct rule_set *set, const struct rule_query *query)
{
	struct rule_hit hit, why;
	unsigned matched = 0;
	int ret = rule_set_match(set, query, &hit);

	promise(rule_set_explain(set, query, count, &matched, &why) == ret);
	promise(matched == (unsigned)ret);
	if (ret == 1)
		promise(hit.category < CATEGORY_COUNT && hit.id != NULL && hit.id == why.id);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rule_query queries[] = {
		{ { "user unknown", 12 }, { "550 user unknown", 16 }, { "mx.example.com", 14 },
		    { "5.1.1", 5 }, 550 },
		{ { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 30 }, { "a", 1 }, { "", 0 }, { "", 0 }, 0 },
	};
	struct rule_set *set;
	const char *error;

	write_rules(data, size);
	if (rule_set_load(directory, "/nonexistent", &set, &error) == -1) {
		promise(strncmp(error, path, strlen(path)) == 0);
		promise(error[strlen(path)] == ':' && atoi(error + strlen(path) + 1) > 0);
		return 0;
	}
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		ask(set, &queries[i]);
	rule_set_free(set);
	return 0;
}
