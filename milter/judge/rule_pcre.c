#include "judge/rule_pcre.h"

#include <string.h>

#include "judge/rule_file.h"

/* Any enhanced status where a reply has one, and what may not follow it
   (reply_take_status()). */
#define ANY_STATUS "#?[245]\\.\\d{1,3}\\.\\d{1,3}"
#define END_STATUS "\\b(?!\\.\\d)"

/* A blank of a rule: blanks, and the codes that a line of the reply begins
   with, as in "over 552 5.2.2 quota". Used by name. */
#define BLANK "(?&_)"
#define DEFINE_BLANK "(?(DEFINE)(?<_> ++(?:[45]\\d\\d[- ] *+(?:\\d\\.\\d+\\.\\d+ ++)?)*?))"

#define REPLY_TO "\\(in reply to "

/* How a "^" of a rule is meant. */
enum caret {
	CARET_HERE,  /* the words begin here */
	CARET_NEVER, /* they began further left */
};

static void
add(struct buf *out, const char *text)
{
	buf_add(out, str_of(text));
}

/* A text as it stands. */
static void
add_literal(struct str text, const char *blank, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (byte == ' ') {
			add(out, blank);
			continue;
		}
		if (byte != '\0' && strchr("\\^$.[]|()?*+{}/", byte) != NULL)
			buf_add_byte(out, '\\');
		buf_add_byte(out, byte);
	}
}

/* One of the hosts, and what Postfix writes behind it: first those that stand
   for all names below them too. */
static void
add_hosts(const struct rule_scope_line *scope, struct buf *out)
{
	unsigned count = 0;

	add(out, "(?:");
	for (unsigned i = 0; i < scope->host_count; i++) {
		if (scope->hosts[i].data[0] != '.')
			continue;
		add(out, count++ == 0 ? "(?:[^\\s\\[]+\\.)?(?:" : "|");
		add_literal(str_sub(scope->hosts[i], 1, scope->hosts[i].len), "", out);
	}
	add(out, count == 0 ? "" : ")");
	for (unsigned i = 0; i < scope->host_count; i++) {
		if (scope->hosts[i].data[0] == '.')
			continue;
		add(out, count++ == 0 ? "" : "|");
		add_literal(scope->hosts[i], "", out);
	}
	add(out, ")\\[");
}

void
rule_pcre_scope(const struct rule_scope_line *scope, struct buf *out)
{
	add(out, "^[45]\\.\\S+ host (?:");
	if (scope->host_count > 0)
		add_hosts(scope, out);
	for (unsigned i = 0; i < scope->signature_count; i++) {
		add(out, i > 0 ? "|" : scope->host_count > 0 ? "|\\S+ .*(?:" : "\\S+ .*(?:");
		add_literal(scope->signatures[i], " +", out);
	}
	add(out, scope->signature_count > 0 ? "))" : ")");
}

/* Could a match begin in the codes of a reply? Not if the first letter or digit
   that it wants is a letter. */
static bool
begins_like_code(const struct rule_line *rule)
{
	const char *p = rule->pattern;

	for (; *p != '\0' && !str_is_alnum(*p); p++) {
		if (rule->kind == RULE_PATTERN_REGEX && *p == '\\' && str_is_alnum(p[1]) &&
		    *++p == 'd')
			return true;
	}
	return str_is_digit(*p);
}

/* The code. Further lines begin with codes too, and those could be taken for
   words, or hide them from a look-behind: such a rule changes nothing there. */
static void
add_codes(const struct rule_line *rule, enum rule_pcre_use use, struct buf *out)
{
	bool one_line = use != RULE_PCRE_KEEP && (begins_like_code(rule) ||
	    (rule->kind == RULE_PATTERN_REGEX && strstr(rule->pattern, "(?<") != NULL));

	if (rule->code_count == 0)
		add(out, "[2-5]\\d\\d");
	add(out, rule->code_count > 1 ? "(?:" : "");
	for (unsigned i = 0; i < rule->code_count; i++) {
		add(out, i == 0 ? "" : "|");
		for (unsigned j = 0; j < sizeof(rule->codes[i].digits); j++) {
			if (rule->codes[i].digits[j] == 'x')
				add(out, "\\d");
			else
				buf_add_byte(out, rule->codes[i].digits[j]);
		}
	}
	add(out, rule->code_count > 1 ? ")" : "");
	add(out, one_line ? " " : "[- ]");
}

/* The numbers of a range; whole tens and hundreds in one. */
static void
add_range(int first, int last, struct buf *out)
{
	if (first == -1) {
		add(out, "\\d{1,3}");
		return;
	}
	add(out, first < last ? "(?:" : "");
	for (int n = first; n <= last;) {
		add(out, n == first ? "" : "|");
		if (n >= 100 && n % 100 == 0 && n + 99 <= last) {
			buf_printf(out, "%d\\d\\d", n / 100);
			n += 100;
		} else if (n >= 10 && n % 10 == 0 && n + 9 <= last) {
			buf_printf(out, "%d\\d", n / 10);
			n += 10;
		} else {
			buf_printf(out, "%d", n++);
		}
	}
	add(out, first < last ? ")" : "");
}

static void
add_status(const struct rule_status *status, struct buf *out)
{
	if (status->class == 'x')
		add(out, "[245]\\.");
	else
		buf_printf(out, "%c\\.", status->class);
	add_range(status->subject, status->subject, out);
	add(out, "\\.");
	add_range(status->first, status->last, out);
}

/* The status of the reply. Where it has none, Postfix says x.0.0, and so does
   its report, which may be what the rule is asked about. */
static void
add_statuses(const struct rule_line *rule, enum rule_pcre_use use, struct buf *out)
{
	static const struct rule_status hard = { '5', 0, 0, 0 }, soft = { '4', 0, 0, 0 };
	bool absent = use == RULE_PCRE_KEEP && rule->status_count > 0 &&
	    (rule_file_status_matches(rule, &hard) || rule_file_status_matches(rule, &soft));
	bool skip = rule->kind == RULE_PATTERN_REGEX || begins_like_code(rule);

	if (rule->status_count == 0) {
		add(out, skip ? " *+(?:" ANY_STATUS END_STATUS "[:#]?+ *+)?+" : "");
		return;
	}
	add(out, absent ? " *+(?:#?" : " *+#?");
	for (unsigned i = 0; i < rule->status_count; i++) {
		add(out, i > 0 ? "|" : rule->status_count > 1 ? "(?:" : "");
		add_status(&rule->statuses[i], out);
	}
	add(out, rule->status_count > 1 ? ")" END_STATUS : END_STATUS);
	add(out, skip ? "[:#]?+ *+" : "");
	add(out, absent ? "|(?!" ANY_STATUS END_STATUS "))" : "");
}

/* "[...]" as it is, a slash escaped. Returns its last byte, NULL if there is
   anything in it that is not understood. */
static const char *
add_class(const char *p, struct buf *out)
{
	const char *start = p++;

	p += *p == '^';
	p += *p == ']';
	for (; *p != '\0' && *p != ']'; p++) {
		if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '='))
			return NULL;
		if (*p == '\\' && (*++p == '\0' ||
		    (str_is_alnum(*p) && strchr("dDsSwW", *p) == NULL)))
			return NULL;
	}
	if (*p == '\0')
		return NULL;
	for (const char *q = start; q <= p; q++) {
		if (*q == '/')
			buf_add_byte(out, '\\');
		buf_add_byte(out, *q);
	}
	return p;
}

/* What stands behind "(": only groups that no number or name refers to.
   Returns its last byte, NULL for all others. */
static const char *
add_group(const char *p, struct buf *out)
{
	static const char *const groups[] = { "?:", "?=", "?!", "?>", "?|", "?<=", "?<!" };

	buf_add_byte(out, '(');
	if (p[1] != '?' && p[1] != '*')
		return p;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (strncmp(p + 1, groups[i], strlen(groups[i])) == 0) {
			add(out, groups[i]);
			return p + strlen(groups[i]);
		}
	}
	return NULL;
}

/* A backslash and what it protects. Returns its last byte, NULL where that
   means something that we do not know. */
static const char *
add_escape(const char *p, bool behind, struct buf *out)
{
	if (p[1] == '\0' || (str_is_alnum(p[1]) && strchr("bBdDsSwW", p[1]) == NULL))
		return NULL;
	if (p[1] == 's' && !behind)
		add(out, BLANK);
	else
		buf_add(out, (struct str){ p, 2 });
	return p + 1;
}

/*
 * Append a regular expression, made for the words alone, so that it holds in
 * the middle of the line; *caret_r becomes true if it has a "^". Returns 1, or
 * 0 if that cannot be done.
 */
static int
add_regex(const char *regex, enum caret caret, bool *caret_r, struct buf *out)
{
	unsigned depth = 0, behind = 0; /* of groups, and of the look-behind we are in */

	for (const char *p = regex; p != NULL && *p != '\0'; p++) {
		switch (*p) {
		case '\\':
			p = add_escape(p, behind > 0, out);
			break;
		case '[':
			p = add_class(p, out);
			break;
		case '(':
			depth++;
			if (behind == 0 && strncmp(p, "(?<", 3) == 0)
				behind = depth;
			p = add_group(p, out);
			break;
		case ')':
			behind = behind == depth ? 0 : behind;
			depth--;
			buf_add_byte(out, ')');
			break;
		case '^':
			add(out, caret == CARET_HERE ? "(?:)" : "(?!)");
			*caret_r = true;
			p = behind > 0 ? NULL : p;
			break;
		case '$':
			add(out, "(?= *(?: " REPLY_TO "[^()]+\\))?$)");
			p = behind > 0 ? NULL : p;
			break;
		case ' ':
			/* A look-behind must have a length that is known. */
			add(out, behind > 0 ? " " : BLANK);
			break;
		case '/':
			add(out, "\\/");
			break;
		default:
			buf_add_byte(out, *p);
		}
		if (p == NULL)
			return 0;
	}
	return 1;
}

/* The regular expression at the beginning of the words, as far as "^" asks for
   it, or anywhere. */
static int
add_anywhere(const char *regex, struct buf *out)
{
	struct buf later = { 0 };
	bool caret = false;
	int ret = add_regex(regex, CARET_NEVER, &caret, &later);

	if (ret == 1 && caret) {
		add(out, "(?:(?:");
		add_regex(regex, CARET_HERE, &caret, out);
		buf_printf(out, ")|.+(?:%s))", buf_cstr(&later));
	} else if (ret == 1) {
		buf_printf(out, ".*(?:%s)", buf_cstr(&later));
	}
	buf_free(&later);
	return ret;
}

/* The words. Returns 1, or 0 with nothing appended. */
static int
add_words(const struct rule_line *rule, struct buf *out)
{
	if (rule->kind == RULE_PATTERN_REGEX)
		return add_anywhere(rule->pattern, out);
	add(out, rule->kind == RULE_PATTERN_LITERAL ? ".*" : "");
	add_literal(str_of(rule->pattern), BLANK, out);
	return 1;
}

/* What Postfix writes between the host and the reply. Of a greeting it quotes
   all up to the end: the host may write there what it likes. */
static void
add_said(bool by_words, enum rule_pcre_use use, struct buf *out)
{
	if (use == RULE_PCRE_CHANGE_RCPT)
		add(out, "\\S+ said: ");
	else
		add(out, by_words ? "\\S+ (?:said: ()|refused to talk to me: )" :
		    "\\S+ (?:said|refused to talk to me): ");
}

/* Behind the words Postfix's own end of the line is still to come: it writes one
   behind what a host "said" (group 2), and none behind a greeting. */
static void
add_end(bool by_words, enum rule_pcre_use use, struct buf *out)
{
	if (use == RULE_PCRE_CHANGE_RCPT)
		add(out, ".* " REPLY_TO "RCPT TO command\\)$");
	else if (by_words)
		add(out, "(?(2).* " REPLY_TO "[^()]+\\)$)");
}

/* A regular expression counts characters, not bytes. */
static bool
needs_utf(const struct rule_line *rule)
{
	if (rule->kind != RULE_PATTERN_REGEX)
		return false;
	for (const char *p = rule->pattern; *p != '\0'; p++) {
		if ((*p & 0x80) != 0)
			return true;
	}
	return false;
}

int
rule_pcre(const struct rule_view *rule, enum rule_pcre_use use, struct buf *out)
{
	const struct rule_line *line = rule->line;
	struct buf words = { 0 };
	int carried = add_words(line, &words);
	bool by_words = words.len > 0;

	if (carried == 0 && use != RULE_PCRE_KEEP)
		return 0;
	add(out, by_words && needs_utf(line) ? "(*UTF)" : "");
	add(out, use == RULE_PCRE_KEEP ? "^([45]\\.\\S+) host " : "^[45](\\.\\S+) host ");
	if (use != RULE_PCRE_KEEP)
		add_hosts(rule->scope, out);
	add_said(by_words, use, out);
	add_codes(line, use, out);
	add_statuses(line, use, out);
	buf_add(out, buf_str(&words));
	add_end(by_words, use, out);
	add(out, by_words && strstr(buf_cstr(&words), BLANK) != NULL ? DEFINE_BLANK : "");
	buf_free(&words);
	return carried;
}
