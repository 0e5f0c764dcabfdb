#include "judge/identity.h"

#include "base/net.h"

#define DOMAIN_BYTES 253 /* RFC 1035 */

/* Who keeps lists, or explains refusals; never who is refused. */
static const char *const operators[] = {
	".spamhaus.org", ".spamhaus.net", ".surbl.org", ".uribl.com", ".spamcop.net", ".sorbs.net",
	".invaluement.com", ".barracudacentral.org", ".abusix.zone", ".abusix.org", ".mailspike.net",
	".senderscore.org", ".uceprotect.net", ".google.com", ".microsoft.com", ".office.com",
	".outlook.com", ".live.com", ".yahoo.com", ".yahooinc.com", ".apple.com", ".icloud.com",
	".comcast.net", ".xfinity.com", ".cox.com", ".cox.net", ".spectrum.net", ".charter.net",
	".att.net", ".secureserver.net", ".gmx.net", ".web.de", ".mail.com", ".orange.fr",
	".laposte.net", ".t-online.de", ".mail.ru", ".yandex.ru", ".yandex.com", ".qq.com",
	".163.com", ".mimecast.com", ".proofpoint.com", ".cloudmark.com", ".trendmicro.com",
	".mail-abuse.com", ".fortinet.com", ".symantec.com", ".openspf.org", ".openspf.net",
};

/* What ends the name of a file, not of a host. */
static const char *const suffixes[] = {
	".html", ".htm", ".php", ".asp", ".aspx", ".cgi", ".jsp", ".txt", ".pl", ".do",
};

/* The bytes of which names and addresses are made. */
static bool
is_part(char byte)
{
	return str_is_alnum(byte) || byte == '.' || byte == '-' || byte == '_' || byte == ':';
}

/* Take the next run of such bytes off the words, from `*at` on; false at their
   end. */
static bool
next_run(struct str words, size_t *at, size_t *from_r, size_t *to_r)
{
	while (*at < words.len && !is_part(words.data[*at]))
		(*at)++;
	*from_r = *at;
	while (*at < words.len && is_part(words.data[*at]))
		(*at)++;
	*to_r = *at;
	while (*to_r > *from_r && (words.data[*to_r - 1] == '.' || words.data[*to_r - 1] == ':' ||
	    words.data[*to_r - 1] == '-'))
		(*to_r)--;
	return *from_r < words.len;
}

/* Keep a piece of the words, in lower case. */
static const char *
keep(struct str piece, struct arena *arena)
{
	char *copy = arena_strdup(arena, piece);

	for (char *p = copy; *p != '\0'; p++)
		*p = str_lower(*p);
	return copy;
}

static bool
is_address(struct str piece)
{
	struct net net;
	size_t at;

	/* "::" and the like are written for other reasons too. */
	if (piece.len < 4 || piece.len > NET_TEXT_BYTES || !(str_find_byte(piece, '.', 0, &at) == 1 ||
	    (str_find_byte(piece, ':', 0, &at) == 1 && piece.len > 5)))
		return false;
	return net_parse(piece, &net) == 0;
}

/* With "/24" behind it, if that is a network. */
static struct str
with_prefix(struct str words, size_t from, size_t to)
{
	size_t end = to + 1;

	while (end < words.len && end < to + 4 && str_is_digit(words.data[end]))
		end++;
	if (to < words.len && words.data[to] == '/' && end > to + 1 &&
	    is_address(str_sub(words, from, end)))
		return str_sub(words, from, end);
	return str_sub(words, from, to);
}

const char *
identity_address(struct str words, struct arena *arena)
{
	size_t at = 0, from, to, colon;

	while (next_run(words, &at, &from, &to)) {
		struct str run = str_sub(words, from, to);

		if (run.len > NET_TEXT_BYTES)
			continue;
		if (is_address(run))
			return keep(with_prefix(words, from, to), arena);
		/* "ip:192.0.2.1", "IPv6:2001:db8::1", "192.0.2.1:25" */
		if (str_find_byte(run, ':', 0, &colon) == 0)
			continue;
		if (is_address(str_sub(run, colon + 1, run.len)))
			return keep(with_prefix(words, from + colon + 1, to), arena);
		if (is_address(str_sub(run, 0, colon)))
			return keep(str_sub(run, 0, colon), arena);
	}
	return "";
}

/* Two labels or more, the last of them letters, no part of them empty. */
static bool
is_domain(struct str name)
{
	size_t label = 0, last = 0;

	if (name.len > DOMAIN_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] == '.') {
			if (i == label)
				return false;
			label = last = i + 1;
		} else if (name.data[i] == ':' || name.data[i] == '_') {
			return false;
		}
	}
	if (last == 0 || name.len - last < 2)
		return false;
	for (size_t i = last; i < name.len; i++) {
		if (str_is_digit(name.data[i]) && !str_istarts(str_sub(name, last, name.len), STR("xn--")))
			return false;
	}
	return str_is_alnum(name.data[0]);
}

/* Is it a domain that may be meant? */
static bool
is_meant(struct str name, struct str other)
{
	if (!is_domain(name) || str_iequal(name, other))
		return false;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (str_name_matches(name, str_of(operators[i])))
			return false;
	}
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (str_iends(name, str_of(suffixes[i])))
			return false;
	}
	return true;
}

const char *
identity_domain(struct str words, struct str other, struct arena *arena)
{
	struct str first = STR_EMPTY;
	size_t at = 0, from, to;
	bool bracket = false, local = false;

	while (next_run(words, &at, &from, &to)) {
		struct str run = str_sub(words, from, to);

		bracket = (from > 0 && words.data[from - 1] == '[') || (local && bracket);
		/* What stands before "@" is a name of somebody's. */
		local = at < words.len && words.data[at] == '@';
		if (local || !is_meant(run, other))
			continue;
		if (bracket)
			return keep(run, arena);
		if (first.len == 0)
			first = run;
	}
	return keep(first, arena);
}

const char *
identity_of(const struct verdict *verdict, struct str words, struct str recipient,
    struct arena *arena)
{
	size_t at;

	switch (verdict->category) {
	case CATEGORY_IP_BLOCKLISTED:
		return identity_address(words, arena);
	case CATEGORY_DOMAIN_BLOCKLISTED:
		break;
	case CATEGORY_THROTTLED:
		if (!str_iends(str_of(verdict->subcause), STR("-domain")))
			return identity_address(words, arena);
		break;
	default:
		return "";
	}
	if (str_find_byte(recipient, '@', 0, &at) == 1)
		recipient = str_sub(recipient, at + 1, recipient.len);
	return identity_domain(words, recipient, arena);
}
