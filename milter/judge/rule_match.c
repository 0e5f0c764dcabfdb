#include <string.h>

#include "base/msg.h"
#include "judge/rule_set.h"

#define RULE_WORDS (RULE_SET_RULES_MOST / 64)
#define WORDS_MOST (RULE_WORDS + RULE_SET_SCOPE_WORDS + RULE_SET_CLUES_MOST / 64)

/* What one search knows. Sets are of bits, as in rule_index.h. */
struct search {
	const struct rule_set *set;
	const struct rule_query *query;
	struct rule_status status;
	bool has_status;
	bool whole;  /* the whole text was looked through, codes included */
	bool scoped; /* `scopes` is filled in */
	struct regex_text words;
	uint64_t left[WORDS_MOST];  /* rules that are to be tried, scopes, clues */
	uint64_t other[WORDS_MOST]; /* the same of the whole text, for its scopes */
	const uint64_t *scopes;     /* scopes one of whose texts occurs */
};

static void
find_literals(const struct rule_set *set, struct str text, uint64_t *bits)
{
	prefilter_search(set->literals, text, bits);
	if (!regex_is_ascii(text))
		prefilter_search(set->foreign, text, bits);
}

/*
 * Begin a search: all rules one of whose literals occurs, as far as they have
 * any. Mostly the words are the end of the whole text: then one pass finds
 * the signatures of scopes too, and maybe a literal in the codes, which has to
 * be looked at again.
 */
static void
search_begin(struct search *search, const struct rule_set *set, const struct rule_query *query)
{
	unsigned words = rule_index_words(set->index);
	struct str text = query->text;

	search->set = set;
	search->query = query;
	search->has_status = rule_file_parse_status(query->status, &search->status) == 0;
	search->whole = text.len >= query->words.len &&
	    str_equal(str_sub(text, text.len - query->words.len, text.len), query->words);
	search->scoped = search->whole;
	search->scopes = search->left + words;
	regex_text_init(&search->words, query->words);
	memcpy(search->left, rule_index_assumed(set->index), words * sizeof(search->left[0]));
	memset(search->left + words, 0, (RULE_SET_SCOPE_WORDS + (set->clue_count + 63) / 64) *
	    sizeof(search->left[0]));
	find_literals(set, search->whole ? text : query->words, search->left);
}

/* Look for the signatures of scopes. */
static void
search_scopes(struct search *search)
{
	memset(search->other, 0, sizeof(search->other));
	find_literals(search->set, search->query->text, search->other);
	search->scopes = search->other + rule_index_words(search->set->index);
	search->scoped = true;
}

/* Does one of the rule's clues occur, if it has any? */
static bool
has_clue(const struct search *search, const struct rule *rule)
{
	const uint64_t *clues = search->left + rule_index_words(search->set->index) +
	    RULE_SET_SCOPE_WORDS;

	for (unsigned i = 0; i < rule->clue_count; i++) {
		if ((clues[rule->clues[i] / 64] >> (rule->clues[i] % 64) & 1) != 0)
			return true;
	}
	return rule->clue_count == 0;
}

/* The number of the next rule to be tried from `number` on, or the count of
   all rules. */
static unsigned
search_next(const struct search *search, unsigned number)
{
	const struct rule_set *set = search->set;
	unsigned words = rule_index_words(set->index);

	for (unsigned i = number / 64; i < words; i++) {
		uint64_t word = search->left[i];

		if (i == number / 64)
			word &= UINT64_MAX << (number % 64);
		for (; word != 0; word &= word - 1) {
			unsigned next = i * 64 + (unsigned)__builtin_ctzll(word);

			if (has_clue(search, &set->rules[next]))
				return next;
		}
	}
	return set->rule_count;
}

static bool
scope_holds(struct search *search, unsigned number)
{
	const struct rule_scope_line *scope = &search->set->scopes[number];

	for (unsigned i = 0; i < scope->host_count; i++) {
		if (search->query->host.len > 0 &&
		    str_name_matches(search->query->host, scope->hosts[i]))
			return true;
	}
	if (!search->scoped)
		search_scopes(search);
	return (search->scopes[number / 64] >> (number % 64) & 1) != 0;
}

static bool
pattern_matches(struct search *search, struct rule *rule)
{
	size_t at;
	int ret;

	if (rule->line.kind == RULE_PATTERN_NONE)
		return true;
	if (rule->line.kind == RULE_PATTERN_LITERAL)
		return !search->whole || str_ifind(search->query->words,
		    str_of(rule->line.pattern), 0, &at) == 1;
	ret = regex_matches(rule->regex, &search->words);
	if (ret == -1 && !atomic_exchange(&rule->reported, true))
		msg_warning("%s:%u: rule %s takes too long for some reply; simplify its expression",
		    rule->file, rule->line_number, rule->line.id);
	return ret == 1;
}

static enum rule_try
try_rule(struct search *search, struct rule *rule)
{
	if (!rule_file_code_matches(&rule->line, search->query->code))
		return RULE_TRY_CODE;
	if (!rule_file_status_matches(&rule->line, search->has_status ? &search->status : NULL))
		return RULE_TRY_STATUS;
	if (rule->scope != -1 && !scope_holds(search, (unsigned)rule->scope))
		return RULE_TRY_SCOPE;
	return pattern_matches(search, rule) ? RULE_TRY_MATCHED : RULE_TRY_PATTERN;
}

static void
report_try(const struct rule_set *set, unsigned number, enum rule_try result,
    void (*tried)(const struct rule_tried *tried, void *context), void *context)
{
	const struct rule *rule = &set->rules[number];
	struct rule_tried report = {
		.view = rule_set_view(set, number),
		.file = rule->file,
		.line_number = rule->line_number,
		.result = result,
	};

	tried(&report, context);
}

int
rule_set_explain(const struct rule_set *set, const struct rule_query *query,
    void (*tried)(const struct rule_tried *tried, void *context), void *context,
    struct rule_hit *hit_r)
{
	enum rule_try result = RULE_TRY_PATTERN;
	struct search search;
	unsigned number;

	search_begin(&search, set, query);
	/* Who wants to know why is told of the others too. */
	if (tried == NULL)
		rule_index_narrow(set->index, query->code,
		    search.has_status ? &search.status : NULL, search.left);
	for (number = search_next(&search, 0); number < set->rule_count;
	    number = search_next(&search, number + 1)) {
		result = try_rule(&search, &set->rules[number]);
		if (tried != NULL)
			report_try(set, number, result, tried, context);
		if (result == RULE_TRY_MATCHED)
			break;
	}
	regex_text_free(&search.words);
	if (result != RULE_TRY_MATCHED)
		return 0;
	*hit_r = (struct rule_hit){
		.id = set->rules[number].line.id,
		.subcause = set->rules[number].line.subcause,
		.category = set->rules[number].line.category,
		.demands_soft = set->rules[number].demands_soft,
	};
	return 1;
}

int
rule_set_match(const struct rule_set *set, const struct rule_query *query, struct rule_hit *hit_r)
{
	return rule_set_explain(set, query, NULL, NULL, hit_r);
}
