#include "judge/rule_file.h"

#include <string.h>

#include "base/msg.h"

#define COLUMN_ITEMS 16 /* of a code or status list, and names of a scope */

/* What a category may be refined by; words separated by blanks. Of lists: the
   operator, and the list where it has several (bouncemilter-rules(5)). */
static const struct {
	enum category category;
	const char *names;
} subcauses[] = {
	{ CATEGORY_AUTH_FAILURE, "spf dkim dmarc arc alignment unspecified" },
	{ CATEGORY_THROTTLED, "ip netblock dkim-domain spf-domain url-domain from-domain" },
	{ CATEGORY_IP_BLOCKLISTED, "abusix apple att barracuda cloudmark comcast cox gmx godaddy "
	    "google invaluement mailspike microsoft mimecast nixspam orange proofpoint psbl senderscore "
	    "sorbs spamcop spamhaus spamhaus-css spamhaus-pbl spamhaus-sbl spamhaus-xbl spamhaus-zen "
	    "spectrum symantec t-online trendmicro uceprotect yahoo" },
	{ CATEGORY_DOMAIN_BLOCKLISTED, "abusix barracuda invaluement sorbs spamhaus spamhaus-dbl surbl "
	    "uribl" },
};

bool
rule_file_is_scope(struct str line)
{
	struct str word;

	return str_next_word(&line, &word) && str_equal(word, STR("scope"));
}

static int
parse_id(struct str word, struct arena *arena, const char **id_r, const char **error_r)
{
	for (size_t i = 0; i < word.len; i++) {
		char byte = word.data[i];

		if (!str_is_alnum(byte) && byte != '.' && byte != '-')
			return msg_failure(error_r, "the id \"%.*s\" may only have letters, digits, "
			    "\".\" and \"-\"", STR_ARGS(word));
	}
	*id_r = arena_strdup(arena, word);
	return 0;
}

static int
parse_code(struct str word, struct rule_code *code_r)
{
	if (word.len != 3 || word.data[0] < '2' || word.data[0] > '5')
		return -1;
	for (size_t i = 0; i < 3; i++) {
		if (!str_is_digit(word.data[i]) && word.data[i] != 'x')
			return -1;
		code_r->digits[i] = word.data[i];
	}
	return 0;
}

/* A number of at most three digits, or "x" (-1). */
static int
parse_part(struct str word, int *part_r)
{
	uint64_t number;

	if (str_equal(word, STR("x"))) {
		*part_r = -1;
		return 0;
	}
	if (word.len > 3 || str_number(word, &number) == -1)
		return -1;
	*part_r = (int)number;
	return 0;
}

int
rule_file_parse_status(struct str word, struct rule_status *status_r)
{
	struct str class, subject, first;

	if (!str_next_piece(&word, '.', &class) || class.len != 1 ||
	    class.data[0] == '\0' || strchr("245x", class.data[0]) == NULL ||
	    !str_next_piece(&word, '.', &subject) || !str_next_piece(&word, '-', &first) ||
	    parse_part(subject, &status_r->subject) == -1 ||
	    parse_part(first, &status_r->first) == -1)
		return -1;
	status_r->class = class.data[0];
	status_r->last = status_r->first;
	if (word.len > 0 && (parse_part(word, &status_r->last) == -1 || status_r->first < 0 ||
	    status_r->last < status_r->first))
		return -1;
	return 0;
}

static int
parse_codes(struct str column, struct arena *arena, struct rule_line *rule, const char **error_r)
{
	struct str word;

	if (str_equal(column, STR("-")))
		return 0;
	rule->codes = arena_alloc(arena, COLUMN_ITEMS * sizeof(rule->codes[0]));
	while (str_next_piece(&column, ',', &word)) {
		if (rule->code_count == COLUMN_ITEMS)
			return msg_failure(error_r, "more than %d reply codes", COLUMN_ITEMS);
		if (parse_code(word, &rule->codes[rule->code_count++]) == -1)
			return msg_failure(error_r, "\"%.*s\" is no reply code: write 550, 5xx "
			    "or \"-\" for any", STR_ARGS(word));
	}
	return 0;
}

static int
parse_statuses(struct str column, struct arena *arena, struct rule_line *rule,
    const char **error_r)
{
	struct str word;

	if (str_equal(column, STR("-")))
		return 0;
	rule->statuses = arena_alloc(arena, COLUMN_ITEMS * sizeof(rule->statuses[0]));
	while (str_next_piece(&column, ',', &word)) {
		if (rule->status_count == COLUMN_ITEMS)
			return msg_failure(error_r, "more than %d statuses", COLUMN_ITEMS);
		if (rule_file_parse_status(word, &rule->statuses[rule->status_count++]) == -1)
			return msg_failure(error_r, "\"%.*s\" is no enhanced status: write 5.1.1, "
			    "x.1.1, 5.7.x, 5.7.606-649 or \"-\" for any", STR_ARGS(word));
	}
	return 0;
}

/* Take a delimited text off the front. In a literal a backslash protects the
   next byte; in a regular expression only "\/" loses it. */
static int
take_delimited(struct str *rest, struct arena *arena, const char **text_r, const char **error_r)
{
	char delimiter = rest->data[0];
	char *out = arena_alloc(arena, rest->len), *to = out;
	size_t i;

	for (i = 1; i < rest->len && rest->data[i] != delimiter; i++) {
		if (rest->data[i] == '\\' && i + 1 < rest->len) {
			i++;
			if (delimiter == '/' && rest->data[i] != '/')
				*to++ = '\\';
		}
		*to++ = rest->data[i];
	}
	if (i >= rest->len)
		return msg_failure(error_r, "the pattern has no closing %c", delimiter);
	if (to == out)
		return msg_failure(error_r, "an empty pattern would match everything");
	if (i + 1 < rest->len && rest->data[i + 1] != ' ' && rest->data[i + 1] != '\t')
		return msg_failure(error_r, "a blank is missing behind the pattern");
	*text_r = out;
	*rest = str_sub(*rest, i + 1, rest->len);
	return 0;
}

static int
parse_pattern(struct str *rest, struct arena *arena, struct rule_line *rule, const char **error_r)
{
	struct str word;

	*rest = str_trim(*rest);
	if (rest->len == 0)
		return msg_failure(error_r, "there is no pattern");
	if (rest->data[0] == '"' || rest->data[0] == '/') {
		rule->kind = rest->data[0] == '"' ? RULE_PATTERN_LITERAL : RULE_PATTERN_REGEX;
		return take_delimited(rest, arena, &rule->pattern, error_r);
	}
	str_next_word(rest, &word);
	if (!str_equal(word, STR("-")))
		return msg_failure(error_r, "the pattern \"%.*s\" must be \"text\", /regex/ or \"-\"",
		    STR_ARGS(word));
	return 0;
}

static int
check_subcause(enum category category, struct str subcause, const char **error_r)
{
	for (size_t i = 0; i < sizeof(subcauses) / sizeof(subcauses[0]); i++) {
		struct str rest = str_of(subcauses[i].names), name;

		if (subcauses[i].category != category)
			continue;
		while (str_next_word(&rest, &name)) {
			if (str_equal(subcause, name))
				return 0;
		}
		return msg_failure(error_r, "unknown sub-cause \"%.*s\" of %s: write one of %s",
		    STR_ARGS(subcause), category_name(category), subcauses[i].names);
	}
	return msg_failure(error_r, "%s has no sub-causes", category_name(category));
}

static int
parse_category(struct str word, struct arena *arena, struct rule_line *rule, const char **error_r)
{
	struct str name;

	if (!str_next_piece(&word, ':', &name))
		return msg_failure(error_r, "there is no category");
	if (category_find(name, &rule->category) == 0 || rule->category == CATEGORY_MANUAL)
		return msg_failure(error_r, "unknown category \"%.*s\"", STR_ARGS(name));
	rule->subcause = arena_strdup(arena, word);
	return word.len == 0 ? 0 : check_subcause(rule->category, word, error_r);
}

/* A reply code alone may say "unknown" or something soft, never that a mailbox
   is gone; RFC 7504 gives 521 and 556 a meaning of their own. */
static int
check_code_only(const struct rule_line *rule, const char **error_r)
{
	if (rule->kind != RULE_PATTERN_NONE || rule->status_count > 0)
		return 0;
	if (rule->code_count == 0)
		return msg_failure(error_r, "a rule without code, status and pattern would match "
		    "everything");
	for (unsigned i = 0; i < rule->code_count; i++) {
		const char *digits = rule->codes[i].digits;

		if (category_class(rule->category) == CLASS_HARD && memcmp(digits, "521", 3) != 0 &&
		    memcmp(digits, "556", 3) != 0)
			return msg_failure(error_r, "a reply code alone may not choose the hard "
			    "category %s", category_name(rule->category));
	}
	return 0;
}

int
rule_file_parse(struct str line, struct arena *arena, struct rule_line *rule_r,
    const char **error_r)
{
	struct str id, code, status, category;

	*rule_r = (struct rule_line){ .pattern = "", .subcause = "", .comment = "" };
	if (!str_next_word(&line, &id) || !str_next_word(&line, &rule_r->scope) ||
	    !str_next_word(&line, &code) || !str_next_word(&line, &status))
		return msg_failure(error_r, "a rule is: id scope code status pattern category comment");
	if (str_equal(rule_r->scope, STR("-")))
		rule_r->scope = STR_EMPTY;
	if (parse_id(id, arena, &rule_r->id, error_r) == -1 ||
	    parse_codes(code, arena, rule_r, error_r) == -1 ||
	    parse_statuses(status, arena, rule_r, error_r) == -1 ||
	    parse_pattern(&line, arena, rule_r, error_r) == -1)
		return -1;
	str_next_word(&line, &category);
	if (parse_category(category, arena, rule_r, error_r) == -1)
		return -1;
	rule_r->comment = arena_strdup(arena, str_trim(line));
	return check_code_only(rule_r, error_r);
}

/* The words behind "host" and the quoted texts behind "text". */
int
rule_file_parse_scope(struct str line, struct arena *arena, struct rule_scope_line *scope_r,
    const char **error_r)
{
	struct str word, name;
	bool hosts = false, texts = false;

	*scope_r = (struct rule_scope_line){ 0 };
	scope_r->hosts = arena_alloc(arena, COLUMN_ITEMS * sizeof(struct str));
	scope_r->signatures = arena_alloc(arena, COLUMN_ITEMS * sizeof(struct str));
	str_next_word(&line, &word);
	if (!str_next_word(&line, &name))
		return msg_failure(error_r, "a scope is: scope NAME host SUFFIX... text \"WORDS\"...");
	if (parse_id(name, arena, &scope_r->name, error_r) == -1)
		return -1;
	for (line = str_trim(line); line.len > 0; line = str_trim(line)) {
		const char *text;

		if (line.data[0] == '"' && texts) {
			if (take_delimited(&line, arena, &text, error_r) == -1)
				return -1;
			if (scope_r->signature_count == COLUMN_ITEMS)
				return msg_failure(error_r, "more than %d texts", COLUMN_ITEMS);
			scope_r->signatures[scope_r->signature_count++] = str_of(text);
			continue;
		}
		str_next_word(&line, &word);
		if (str_equal(word, STR("host")) || str_equal(word, STR("text"))) {
			hosts = word.data[0] == 'h';
			texts = !hosts;
		} else if (!hosts || scope_r->host_count == COLUMN_ITEMS) {
			return msg_failure(error_r, "\"%.*s\" is not expected here: write host "
			    "SUFFIX (at most %d) or text \"WORDS\"", STR_ARGS(word), COLUMN_ITEMS);
		} else {
			scope_r->hosts[scope_r->host_count++] = word;
		}
	}
	if (scope_r->host_count + scope_r->signature_count == 0)
		return msg_failure(error_r, "the scope %s names no host and no text", scope_r->name);
	return 0;
}

bool
rule_file_code_matches(const struct rule_line *rule, unsigned code)
{
	char digits[3];

	if (rule->code_count == 0)
		return true;
	if (code < 100 || code > 999)
		return false;
	digits[0] = (char)('0' + code / 100);
	digits[1] = (char)('0' + code / 10 % 10);
	digits[2] = (char)('0' + code % 10);
	for (unsigned i = 0; i < rule->code_count; i++) {
		const char *wanted = rule->codes[i].digits;

		if ((wanted[0] == 'x' || wanted[0] == digits[0]) &&
		    (wanted[1] == 'x' || wanted[1] == digits[1]) &&
		    (wanted[2] == 'x' || wanted[2] == digits[2]))
			return true;
	}
	return false;
}

bool
rule_file_status_matches(const struct rule_line *rule, const struct rule_status *status)
{
	if (rule->status_count == 0)
		return true;
	if (status == NULL)
		return false;
	for (unsigned i = 0; i < rule->status_count; i++) {
		const struct rule_status *want = &rule->statuses[i];

		if ((want->class == 'x' || want->class == status->class) &&
		    (want->subject == -1 || want->subject == status->subject) &&
		    (want->first == -1 ||
			(status->first >= want->first && status->first <= want->last)))
			return true;
	}
	return false;
}

bool
rule_file_demands_soft(const struct rule_line *rule)
{
	bool codes = rule->code_count > 0, statuses = rule->status_count > 0;

	for (unsigned i = 0; i < rule->code_count; i++)
		codes = codes && rule->codes[i].digits[0] == '4';
	for (unsigned i = 0; i < rule->status_count; i++)
		statuses = statuses && rule->statuses[i].class == '4';
	return codes || statuses;
}
