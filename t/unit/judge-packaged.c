/* Every regular expression of the packaged rules, one at a time. Against texts
   that are made to be slow none may exceed its match limit (how long it took
   is said and not judged); and none may miss a text because of the literal
   that it is looked up by. */
#include "support.h"

#include <glob.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/msg.h"
#include "judge/rule.h"
#include "judge/rule_file.h"
#include "parse/limits.h"
#include "parse/report.h"

#define FILE_BYTES (4 * 1024 * 1024)
#define WORDS_MOST 40 /* of one expression */

/* What stands between the words of an expression: what its wildcards take. */
static const char *const fillers[] = {
	"", " ", "a", "a ", " a", "-", "<a@b.c> ", "(", ".", "\xc3\xa4", "0", "aaaaaaaaaaaaaaaaaaaa ",
};

static char directory[] = "/tmp/bm-rules-XXXXXX";
static char path[64];
static int64_t slowest_usec;

/* Time of this thread, whatever else the machine does. */
static int64_t
cpu_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
setup(void **state)
{
	(void)state;
	msg_open("judge-packaged", false);
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/one.rules", directory);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

/* A set of this one expression, whatever its scope and columns were. */
static struct rule_set *
load_alone(const char *pattern)
{
	FILE *file = fopen(path, "w");
	struct rule_set *set;
	const char *error;

	assert_non_null(file);
	fputs("one - - - /", file);
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			fputc(*p++, file);
		else if (*p == '/')
			fputc('\\', file);
		fputc(*p, file);
	}
	fputs("/ unknown\n", file);
	fclose(file);
	if (rule_set_load(directory, "/nonexistent", &set, &error) == -1)
		fail_msg("%s: %s", pattern, error);
	return set;
}

/* The runs of letters of an expression. */
static unsigned
words_of(const char *pattern, struct str *words)
{
	unsigned count = 0;

	for (const char *p = pattern; *p != '\0' && count < WORDS_MOST;) {
		const char *start = p;

		if (*p == '\\' && p[1] != '\0') {
			p += 2;
			continue;
		}
		while (str_is_alnum(*p) || *p == ' ')
			p++;
		if (p > start)
			words[count++] = (struct str){ start, (size_t)(p - start) };
		else
			p++;
	}
	return count;
}

static void
match(const struct rule_set *set, const struct buf *text, const char *pattern)
{
	struct str words = exact_bytes(text->data,
	    text->len < LIMITS_REPLY_BYTES ? text->len : LIMITS_REPLY_BYTES);
	struct rule_query query = { .words = words, .text = words, .host = STR_EMPTY,
		.status = STR_EMPTY };
	int64_t start = cpu_usec();
	struct rule_hit hit;

	rule_set_match(set, &query, &hit);
	start = cpu_usec() - start;
	if (start > slowest_usec)
		slowest_usec = start;
	check(rule_set_slow(set) == 0, "/%s/ is slow for: %.*s", pattern, 200, words.data);
	drop(words);
}

/* All words of the expression once, then each of them, again and again. */
static unsigned
try_pattern(const char *pattern)
{
	struct rule_set *set = load_alone(pattern);
	struct str words[WORDS_MOST];
	unsigned count = words_of(pattern, words);

	for (size_t f = 0; f < COUNT(fillers); f++) {
		for (unsigned i = 0; i <= count; i++) {
			struct buf text = { 0 };

			for (unsigned j = 0; j < count; j++) {
				buf_add(&text, words[j]);
				buf_add(&text, str_of(fillers[f]));
			}
			while (text.len < LIMITS_REPLY_BYTES) {
				if (i < count)
					buf_add(&text, words[i]);
				buf_add(&text, str_of(fillers[f]));
				buf_add_byte(&text, ' ');
			}
			match(set, &text, pattern);
			buf_free(&text);
		}
	}
	rule_set_free(set);
	return 1;
}

/* With an option in front an expression is tried for every text: what differs
   from that was hidden by its literal. */
static unsigned
compare_pattern(const char *pattern)
{
	const char *path_of_replies = getenv("BM_REPLIES"), *error = "";
	struct buf content = { 0 }, always = { 0 };
	struct rule_set *set = load_alone(pattern), *all;
	struct str rest, line, host;

	buf_printf(&always, "(?i)%s", pattern);
	all = load_alone(buf_cstr(&always));
	assert_int_equal(file_read(path_of_replies == NULL ? "t/data/replies.tsv" : path_of_replies,
	    FILE_BYTES, &content, &error), 1);
	for (rest = buf_str(&content); str_next_piece(&rest, '\n', &line);) {
		struct rule_query query = { .host = STR_EMPTY, .status = STR_EMPTY };
		struct rule_hit hit;

		str_next_piece(&line, '\t', &host);
		query.words = query.text = line;
		check(rule_set_match(set, &query, &hit) == rule_set_match(all, &query, &hit),
		    "/%s/ for %.*s", pattern, STR_ARGS(line));
	}
	buf_free(&content);
	buf_free(&always);
	rule_set_free(set);
	rule_set_free(all);
	return 1;
}

static unsigned
try_file(const char *file, unsigned (*try)(const char *pattern))
{
	struct buf content = { 0 };
	struct str rest, line;
	const char *error = "";
	unsigned tried = 0;

	assert_int_equal(file_read(file, FILE_BYTES, &content, &error), 1);
	for (rest = buf_str(&content); str_next_piece(&rest, '\n', &line);) {
		struct arena *arena = arena_new();
		struct rule_line rule;

		if (line.len > 0 && line.data[0] != '#' && !rule_file_is_scope(line) &&
		    rule_file_parse(line, arena, &rule, &error) == 0 &&
		    rule.kind == RULE_PATTERN_REGEX)
			tried += try(rule.pattern);
		arena_free(arena);
	}
	buf_free(&content);
	return tried;
}

static unsigned
try_packaged(unsigned (*try)(const char *pattern))
{
	const char *rules = getenv("BM_RULES");
	unsigned tried = 0;
	char pattern[256];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/*.rules", rules == NULL ? "rules" : rules);
	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		tried += try_file(files.gl_pathv[i], try);
	globfree(&files);
	assert_true(tried > 100);
	return tried;
}

static void
test_slow_texts(void **state)
{
	int64_t start = cpu_usec();
	unsigned tried = try_packaged(try_pattern);

	(void)state;
	print_message("# %u expressions in %lld us, slowest reply %lld us\n", tried,
	    (long long)(cpu_usec() - start), (long long)slowest_usec);
}

static void
test_prefilter_hides_nothing(void **state)
{
	(void)state;
	try_packaged(compare_pattern);
}

/* Messages that are made to be slow to read. */
static void
test_bombs(void **state)
{
	static const char head[] = "Content-Type: multipart/report; boundary=b\n\n--b\n"
	    "Content-Type: message/delivery-status\n\n";
	static const char *const bombs[][2] = {
		{ "", "Content-Type: multipart/mixed; boundary=b\n\n--b\n" },
		{ "", "Content-Type: message/rfc822\n\n" },
		{ "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n\n" },
		{ "Content-Type: multipart/mixed; boundary=b\n\n", "--" }, { "", "A: b\n" },
		{ "Subject: x", "\n " }, { "Content-Type: multipart/report", ";a=\"\"" },
		{ "Content-Type: multipart/report", ";boundary*0=x" },
		{ head, "Final-Recipient: rfc822; a@b.example\nStatus: 5.1.1\n" },
		{ head, "Original-Recipient: rfc822; a@b.example\n\n" },
		{ "Subject: ", "=?utf-8?q?a?= " }, { "Subject: ", "=?iso-2022-jp?b?a?=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bombs); i++) {
		struct arena *arena = arena_new();
		struct buf text = { 0 };
		struct report report;
		int64_t start;

		buf_add(&text, str_of(bombs[i][0]));
		while (text.len < LIMITS_REPORT_BYTES)
			buf_add(&text, str_of(bombs[i][1]));
		start = cpu_usec();
		report_parse(buf_str(&text), REPORT_KEEP, arena, &report);
		print_message("# bomb %zu: %lld us, %zu KiB\n", i,
		    (long long)(cpu_usec() - start), arena_used(arena) / 1024);
		check(arena_used(arena) < 64 * 1024 * 1024, "bomb %zu", i);
		buf_free(&text);
		arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_texts),
		cmocka_unit_test(test_prefilter_hides_nothing),
		cmocka_unit_test(test_bombs),
	};

	return cmocka_run_group_tests_name("judge-packaged", tests, setup, teardown);
}
