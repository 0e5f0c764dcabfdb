#include "judge/rule.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/file.h"
#include "base/msg.h"
#include "judge/prefilter.h"
#include "judge/rule_file.h"

#define FILE_BYTES (4 * 1024 * 1024)
#define RULES_MOST 16384
#define SCOPES_MOST 256
#define MATCH_LIMIT 100000 /* steps; stops a hopeless search in 0.2 ms */

struct rule {
	struct rule_line line;
	enum rule_level level;
	const char *file;
	unsigned line_number;
	int scope;        /* index, -1 for any */
	bool prefiltered; /* has a literal that the prefilter looks for */
	pcre2_code *regex;
	atomic_bool reported; /* that it exceeded its limit */
};

struct rule_set {
	struct arena *arena;
	struct rule *rules;
	unsigned rule_count;
	struct rule_scope_line scopes[SCOPES_MOST];
	unsigned scope_count;
	struct prefilter *prefilter;
	pcre2_match_context *match_context;
};

/* Say once in a process that regular expressions run slowly, and why. */
static void
note_no_jit(void)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said))
		msg_info("the system forbids PCRE2 to make machine code: "
		    "rules run in its interpreter");
}

/*
 * The longest run of letters that must occur in whatever the expression
 * matches: what stands outside of groups, classes and choices. When in doubt a
 * run ends; an expression without one is simply tried every time.
 */
static struct str
required_literal(const char *regex, struct arena *arena)
{
	struct str best = STR_EMPTY;
	char *out = arena_alloc(arena, strlen(regex) + 2), *start = out, *to = out;
	unsigned depth = 0;

	/* Options such as (?x) change what the letters mean. */
	if (regex[0] == '(' && regex[1] == '?' && str_is_alnum(regex[2]))
		return STR_EMPTY;

#define END_RUN() do { \
		if ((size_t)(to - start) > best.len) \
			best = (struct str){ start, (size_t)(to - start) }; \
		start = to; \
	} while (0)

	for (const char *p = regex; *p != '\0'; p++) {
		bool literal = false;

		switch (*p) {
		case '\\':
			p++;
			literal = !str_is_alnum(*p);
			/* Of "\x41" the 41 would look like letters. */
			if (*p == '\0' || (!literal && strchr("bBdDsSwW", *p) == NULL))
				return STR_EMPTY;
			break;
		case '[':
			p++;
			p += *p == '^';
			p += *p == ']';
			while (*p != '\0' && *p != ']' && *p != '[')
				p += *p == '\\' && p[1] != '\0' ? 2 : 1;
			/* "[[:digit:]]" does not end at its first "]". */
			if (*p != ']')
				return STR_EMPTY;
			break;
		case '(':
			depth++;
			break;
		case ')':
			if (depth > 0)
				depth--;
			break;
		case '|':
			if (depth == 0)
				return STR_EMPTY;
			break;
		case '.': case '^': case '$': case '+':
			break;
		case '*': case '?': case '{':
			/* What stands before it need not occur. */
			if (to > start)
				to--;
			if (*p == '{') {
				while (*p != '\0' && *p != '}')
					p++;
				if (*p == '\0')
					return STR_EMPTY;
			}
			break;
		default:
			literal = (unsigned char)*p < 0x80;
		}
		if (literal && depth == 0)
			*to++ = *p;
		else
			END_RUN();
	}
	END_RUN();
#undef END_RUN
	return best;
}

static int
compile_regex(struct rule *rule, const char **error_r)
{
	PCRE2_UCHAR text[256];
	PCRE2_SIZE at;
	int code;

	rule->regex = pcre2_compile((PCRE2_SPTR)rule->line.pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_CASELESS | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (rule->regex == NULL) {
		pcre2_get_error_message(code, text, sizeof(text));
		return msg_failure(error_r, "the expression fails at character %zu: %s",
		    (size_t)at + 1, (const char *)text);
	}
	if (pcre2_jit_compile(rule->regex, PCRE2_JIT_COMPLETE) != 0)
		note_no_jit();
	return 0;
}

static int
compile_rule(struct rule_set *set, struct rule *rule, unsigned number, const char **error_r)
{
	struct str literal = STR_EMPTY;

	if (rule->line.kind == RULE_PATTERN_LITERAL)
		literal = str_of(rule->line.pattern);
	if (rule->line.kind == RULE_PATTERN_REGEX) {
		if (compile_regex(rule, error_r) == -1)
			return -1;
		literal = required_literal(rule->line.pattern, set->arena);
	}
	rule->prefiltered = literal.len > 0;
	if (rule->prefiltered)
		prefilter_add(set->prefilter, literal, number);
	return 0;
}

static enum rule_level
level_of(const struct rule *rule, bool local)
{
	if (local)
		return RULE_LOCAL;
	if (rule->scope != -1)
		return RULE_PROVIDER;
	if (rule->line.kind != RULE_PATTERN_NONE)
		return RULE_TEXT;
	return rule->line.status_count > 0 ? RULE_STATUS : RULE_CODE;
}

static int
find_scope(const struct rule_set *set, struct str name)
{
	for (unsigned i = 0; i < set->scope_count; i++) {
		if (str_equal(str_of(set->scopes[i].name), name))
			return (int)i;
	}
	return -1;
}

static int
add_scope(struct rule_set *set, struct str line, const char **error_r)
{
	struct rule_scope_line scope;

	if (rule_file_parse_scope(line, set->arena, &scope, error_r) == -1)
		return -1;
	if (find_scope(set, str_of(scope.name)) != -1)
		return msg_failure(error_r, "the scope %s is declared twice", scope.name);
	if (set->scope_count == SCOPES_MOST)
		return msg_failure(error_r, "more than %d scopes", SCOPES_MOST);
	set->scopes[set->scope_count++] = scope;
	return 0;
}

static int
add_rule(struct rule_set *set, struct str line, bool local, const char *file, unsigned number,
    const char **error_r)
{
	struct rule *rule = &set->rules[set->rule_count];

	if (set->rule_count == RULES_MOST)
		return msg_failure(error_r, "more than %d rules", RULES_MOST);
	if (rule_file_parse(line, set->arena, &rule->line, error_r) == -1)
		return -1;
	for (unsigned i = 0; i < set->rule_count; i++) {
		if (strcmp(set->rules[i].line.id, rule->line.id) == 0)
			return msg_failure(error_r, "the id %s is already used at %s:%u",
			    rule->line.id, set->rules[i].file, set->rules[i].line_number);
	}
	rule->scope = find_scope(set, rule->line.scope);
	if (rule->line.scope.len > 0 && rule->scope == -1)
		return msg_failure(error_r, "the scope %.*s is not declared above",
		    STR_ARGS(rule->line.scope));
	rule->file = file;
	rule->line_number = number;
	rule->level = level_of(rule, local);
	set->rule_count++;
	return 0;
}

static int
load_file(struct rule_set *set, const char *path, bool local, const char **error_r)
{
	struct buf content = { 0 };
	struct str rest, line;
	unsigned number = 0;
	int ret;

	ret = file_read(path, FILE_BYTES, &content, error_r);
	if (ret == 0)
		ret = msg_failure(error_r, "%s: %s", path, strerror(ENOENT));
	rest = (struct str){ arena_strdup(set->arena, buf_str(&content)), content.len };
	buf_free(&content);
	while (ret == 1 && str_next_piece(&rest, '\n', &line)) {
		const char *error;
		size_t nul;
		int added;

		number++;
		line = str_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (str_find_byte(line, '\0', 0, &nul))
			added = msg_failure(&error, "there is a NUL byte in this line");
		else if (rule_file_is_scope(line))
			added = add_scope(set, line, &error);
		else
			added = add_rule(set, line, local, path, number, &error);
		if (added == -1)
			ret = msg_failure(error_r, "%s:%u: %s", path, number, error);
	}
	return ret == -1 ? -1 : 0;
}

static int
is_rules_file(const struct dirent *entry)
{
	return str_iends(str_of(entry->d_name), STR(".rules")) && entry->d_name[0] != '.';
}

static int
load_directory(struct rule_set *set, const char *directory, bool local, const char **error_r)
{
	struct dirent **entries;
	int count, ret = 0;

	count = scandir(directory, &entries, is_rules_file, alphasort);
	if (count == -1) {
		if (local && errno == ENOENT)
			return 0;
		return msg_failure(error_r, "%s: %s", directory, strerror(errno));
	}
	for (int i = 0; i < count; i++) {
		if (ret == 0)
			ret = load_file(set, arena_printf(set->arena, "%s/%s", directory,
			    entries[i]->d_name), local, error_r);
		free(entries[i]);
	}
	free(entries);
	if (ret == 0 && count == 0 && !local)
		return msg_failure(error_r, "%s: no *.rules file in it", directory);
	return ret;
}

static int
by_level(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int files;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	files = strcmp(x->file, y->file);
	if (files != 0)
		return files;
	return x->line_number < y->line_number ? -1 : 1;
}

static int
compile_all(struct rule_set *set, const char **error_r)
{
	const char *error;

	qsort(set->rules, set->rule_count, sizeof(set->rules[0]), by_level);
	for (unsigned i = 0; i < set->rule_count; i++) {
		struct rule *rule = &set->rules[i];

		if (compile_rule(set, rule, i, &error) == -1)
			return msg_failure(error_r, "%s:%u: %s", rule->file, rule->line_number,
			    error);
	}
	prefilter_build(set->prefilter);
	return 0;
}

int
rule_set_load(const char *packaged_dir, const char *local_dir, struct rule_set **set_r,
    const char **error_r)
{
	struct rule_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		msg_out_of_memory();
	set->arena = arena_new();
	set->prefilter = prefilter_new();
	set->rules = calloc(RULES_MOST, sizeof(set->rules[0]));
	set->match_context = pcre2_match_context_create(NULL);
	if (set->rules == NULL || set->match_context == NULL)
		msg_out_of_memory();
	pcre2_set_match_limit(set->match_context, MATCH_LIMIT);
	pcre2_set_depth_limit(set->match_context, MATCH_LIMIT);
	/* Packaged rules come first: local ones may use their scopes. */
	if (load_directory(set, packaged_dir, false, error_r) == -1 ||
	    load_directory(set, local_dir, true, error_r) == -1 ||
	    compile_all(set, error_r) == -1) {
		rule_set_free(set);
		return -1;
	}
	*set_r = set;
	return 0;
}

void
rule_set_free(struct rule_set *set)
{
	if (set == NULL)
		return;
	for (unsigned i = 0; i < set->rule_count; i++)
		pcre2_code_free(set->rules[i].regex);
	pcre2_match_context_free(set->match_context);
	prefilter_free(set->prefilter);
	free(set->rules);
	arena_free(set->arena);
	free(set);
}

unsigned
rule_set_count(const struct rule_set *set)
{
	return set->rule_count;
}

struct rule_view
rule_set_view(const struct rule_set *set, unsigned number)
{
	const struct rule *rule = &set->rules[number];

	return (struct rule_view){
		.line = &rule->line,
		.scope = rule->scope == -1 ? NULL : &set->scopes[rule->scope],
		.level = rule->level,
	};
}

unsigned
rule_set_slow(const struct rule_set *set)
{
	unsigned slow = 0;

	for (unsigned i = 0; i < set->rule_count; i++)
		slow += atomic_load(&set->rules[i].reported);
	return slow;
}

static bool
scope_holds(const struct rule_scope_line *scope, const struct rule_query *query)
{
	size_t at;

	for (unsigned i = 0; i < scope->host_count; i++) {
		if (query->host.len > 0 && str_name_matches(query->host, scope->hosts[i]))
			return true;
	}
	for (unsigned i = 0; i < scope->signature_count; i++) {
		if (str_ifind(query->text, scope->signatures[i], 0, &at) == 1)
			return true;
	}
	return false;
}

static bool
regex_matches(struct rule *rule, pcre2_match_context *context, struct str words)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int ret;

	if (data == NULL)
		msg_out_of_memory();
	ret = pcre2_match(rule->regex, (PCRE2_SPTR)words.data, words.len, 0, 0, data, context);
	pcre2_match_data_free(data);
	if ((ret == PCRE2_ERROR_MATCHLIMIT || ret == PCRE2_ERROR_DEPTHLIMIT ||
	    ret == PCRE2_ERROR_JIT_STACKLIMIT) && !atomic_exchange(&rule->reported, true))
		msg_warning("%s:%u: rule %s takes too long for some reply; simplify its expression",
		    rule->file, rule->line_number, rule->line.id);
	return ret >= 0;
}

/* What one search knows. */
struct search {
	const struct rule_set *set;
	const struct rule_query *query;
	uint64_t found[RULES_MOST / 64];  /* rules whose literal occurs */
	signed char scopes[SCOPES_MOST];  /* -1 not asked yet, 0 no, 1 yes */
};

static void
note_found(unsigned number, void *context)
{
	struct search *search = context;

	search->found[number / 64] |= UINT64_C(1) << (number % 64);
}

static bool
rule_matches(struct search *search, struct rule *rule)
{
	const struct rule_query *query = search->query;

	if (!rule_file_code_matches(&rule->line, query->code) ||
	    !rule_file_status_matches(&rule->line, query->status))
		return false;
	if (rule->scope != -1) {
		signed char *holds = &search->scopes[rule->scope];

		if (*holds == -1)
			*holds = scope_holds(&search->set->scopes[rule->scope], query);
		if (*holds == 0)
			return false;
	}
	/* A literal that was found has matched already. */
	return rule->line.kind != RULE_PATTERN_REGEX ||
	    regex_matches(rule, search->set->match_context, query->words);
}

int
rule_set_match(const struct rule_set *set, const struct rule_query *query,
    struct rule_hit *hit_r)
{
	struct search search = { .set = set, .query = query };

	memset(search.scopes, -1, sizeof(search.scopes));
	prefilter_search(set->prefilter, query->words, note_found, &search);
	for (unsigned i = 0; i < set->rule_count; i++) {
		struct rule *rule = &set->rules[i];

		if (rule->prefiltered && (search.found[i / 64] >> (i % 64) & 1) == 0)
			continue;
		if (!rule_matches(&search, rule))
			continue;
		*hit_r = (struct rule_hit){
			.id = rule->line.id,
			.subcause = rule->line.subcause,
			.category = rule->line.category,
			.demands_soft = rule_file_demands_soft(&rule->line),
		};
		return 1;
	}
	return 0;
}
