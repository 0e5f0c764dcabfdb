#include "judge/rule.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/msg.h"
#include "judge/literal.h"
#include "judge/rule_set.h"

#define FILE_BYTES (4 * 1024 * 1024)
#define CLUE_BYTES_LEAST 3

static void
add_literal(struct rule_set *set, struct str literal, unsigned number)
{
	prefilter_add(regex_is_ascii(literal) ? set->literals : set->foreign, literal, number);
}

/* The number of a clue, which is new or known. */
static unsigned
find_clue(struct rule_set *set, struct str text)
{
	unsigned number;

	for (number = 0; number < set->clue_count; number++) {
		if (str_iequal(set->clues[number], text))
			return number;
	}
	set->clues[set->clue_count++] = text;
	add_literal(set, text,
	    (rule_index_words(set->index) + RULE_SET_SCOPE_WORDS) * 64 + number);
	return number;
}

static void
add_clues(struct rule_set *set, struct rule *rule, const struct literals *literals)
{
	if (set->clue_count + literals->count > RULE_SET_CLUES_MOST)
		return;
	/* What every other word has in it is none. */
	for (unsigned i = 0; i < literals->count; i++) {
		if (literals->texts[i].len < CLUE_BYTES_LEAST)
			return;
	}
	rule->clues = arena_alloc(set->arena, literals->count * sizeof(rule->clues[0]));
	for (unsigned i = 0; i < literals->count; i++)
		rule->clues[rule->clue_count++] = find_clue(set, literals->texts[i]);
}

/* Prepare a rule, which has its place in the order now. */
static int
compile_rule(struct rule_set *set, unsigned number, const char **error_r)
{
	struct rule *rule = &set->rules[number];
	struct literals sets[LITERAL_SETS] = { 0 };

	if (rule->line.kind == RULE_PATTERN_LITERAL) {
		sets[0].texts[0] = str_of(rule->line.pattern);
		sets[0].count = 1;
	}
	if (rule->line.kind == RULE_PATTERN_REGEX) {
		if (regex_compile(rule->line.pattern, &rule->regex, error_r) == -1)
			return -1;
		literal_required(rule->line.pattern, set->arena, sets);
	}
	for (unsigned i = 0; i < sets[0].count; i++)
		add_literal(set, sets[0].texts[i], number);
	if (sets[0].count == 0)
		rule_index_assume(set->index, number);
	add_clues(set, rule, &sets[1]);
	rule_index_add(set->index, number, &rule->line);
	rule->demands_soft = rule_file_demands_soft(&rule->line);
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
	if (set->scope_count == RULE_SET_SCOPES_MOST)
		return msg_failure(error_r, "more than %d scopes", RULE_SET_SCOPES_MOST);
	set->scopes[set->scope_count++] = scope;
	return 0;
}

static int
add_rule(struct rule_set *set, struct str line, bool local, const char *file, unsigned number,
    const char **error_r)
{
	struct rule *rule = &set->rules[set->rule_count];

	if (set->rule_count == RULE_SET_RULES_MOST)
		return msg_failure(error_r, "more than %d rules", RULE_SET_RULES_MOST);
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
	set->index = rule_index_new(set->rule_count);
	for (unsigned i = 0; i < set->rule_count; i++) {
		struct rule *rule = &set->rules[i];

		if (compile_rule(set, i, &error) == -1)
			return msg_failure(error_r, "%s:%u: %s", rule->file, rule->line_number,
			    error);
	}
	for (unsigned i = 0; i < set->scope_count; i++) {
		for (unsigned j = 0; j < set->scopes[i].signature_count; j++)
			add_literal(set, set->scopes[i].signatures[j],
			    rule_index_words(set->index) * 64 + i);
	}
	prefilter_build(set->literals);
	prefilter_build(set->foreign);
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
	set->literals = prefilter_new();
	set->foreign = prefilter_new();
	set->rules = calloc(RULE_SET_RULES_MOST, sizeof(set->rules[0]));
	set->clues = calloc(RULE_SET_CLUES_MOST, sizeof(set->clues[0]));
	if (set->rules == NULL || set->clues == NULL)
		msg_out_of_memory();
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
		regex_free(set->rules[i].regex);
	prefilter_free(set->literals);
	prefilter_free(set->foreign);
	rule_index_free(set->index);
	free(set->rules);
	free(set->clues);
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
