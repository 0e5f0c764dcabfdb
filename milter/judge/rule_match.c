#include <string.h>

#include "base/msg.h"
#include "judge/rule_set.h"

#define WORDS_MOST (RULE_SET_RULES_MOST / 64)

/* What one search knows. Sets are of bits, as in rule_index.h. */
struct search {
	const struct rule_set *set;
	const struct rule_query *query;
	struct rule_status status;
	bool has_status;
	bool signed_known;              /* `signed_by` is filled in */
	struct regex_text words;
	uint64_t found[LITERAL_SETS * WORDS_MOST]; /* rules that have a literal here */
	uint64_t left[WORDS_MOST];      /* rules that are to be tried */
	uint64_t signed_by[RULE_SET_SCOPES_MOST / 64]; /* scopes one of whose texts occurs */
};

/* Begin a search: all rules whose literals occur, as far as they have any. */
static void
search_begin(struct search *search, const struct rule_set *set, const struct rule_query *query)
{
	unsigned words = rule_index_words(set->index);

	search->set = set;
	search->query = query;
	search->has_status = rule_file_parse_status(query->status, &search->status) == 0;
	search->signed_known = false;
	regex_text_init(&search->words, query->words);
	for (unsigned i = 0; i < LITERAL_SETS; i++)
		memcpy(search->found + (size_t)i * words, rule_index_assumed(set->index, i),
		    words * sizeof(search->found[0]));
	prefilter_search(set->literals, query->words, search->found);
	for (unsigned i = 0; i < words; i++)
		search->left[i] = search->found[i] & search->found[words + i];
}

/* The number of the next rule to be tried from `number` on, or the count of
   all rules. */
static unsigned
search_next(const struct search *search, unsigned number)
{
	unsigned words = rule_index_words(search->set->index);
	uint64_t word;

	for (unsigned i = number / 64; i < words; i++) {
		word = search->left[i];
		if (i == number / 64)
			word &= UINT64_MAX << (number % 64);
		if (word != 0)
			return i * 64 + (unsigned)__builtin_ctzll(word);
	}
	return search->set->rule_count;
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
	if (!search->signed_known) {
		memset(search->signed_by, 0, sizeof(search->signed_by));
		prefilter_search(search->set->signatures, search->query->text, search->signed_by);
		search->signed_known = true;
	}
	return (search->signed_by[number / 64] >> (number % 64) & 1) != 0;
}

static bool
pattern_matches(struct search *search, struct rule *rule)
{
	int ret;

	/* A literal that was found has matched already. */
	if (rule->line.kind != RULE_PATTERN_REGEX)
		return true;
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
