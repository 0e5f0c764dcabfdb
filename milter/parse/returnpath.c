#include "parse/returnpath.h"

#include <string.h>

#include "parse/address.h"

#define BATV_TAG_BYTES 10 /* key number, day, six hexadecimal digits */

/* The pieces of a local part between "=" signs, and the domain behind it. */
#define PIECES_MOST 10

struct pieces {
	struct str list[PIECES_MOST];
	unsigned count;
	struct str domain;
};

/* Returns 1, or 0 if it is no address of ours to be taken apart. */
static int
split(const char *address, struct pieces *pieces)
{
	struct str text = str_of(address), local;
	const char *at = strrchr(address, '@');

	if (at == NULL)
		return 0;
	local = str_sub(text, 0, (size_t)(at - address));
	pieces->domain = str_sub(text, local.len + 1, text.len);
	pieces->count = 0;
	while (pieces->count < PIECES_MOST - 1 && str_next_piece(&local, '=', &pieces->list[pieces->count]))
		pieces->count++;
	/* The user's own part may have "=" in it too. */
	if (local.len > 0)
		pieces->list[pieces->count++] = local;
	return pieces->count > 1;
}

static bool
is_batv_tag(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!str_is_alnum(text.data[i]))
			return false;
	}
	return text.len == BATV_TAG_BYTES && text.data[0] >= '0' && text.data[0] <= '9';
}

/* Everything from a piece on. */
static struct str
from_piece(const struct pieces *pieces, unsigned first)
{
	const struct str *last = &pieces->list[pieces->count - 1];
	struct str text = pieces->list[first];

	text.len = (size_t)(last->data + last->len - text.data);
	return text;
}

static const char *
join(struct str local, struct str domain, struct arena *arena)
{
	return arena_printf(arena, "%.*s@%.*s", STR_ARGS(local), STR_ARGS(domain));
}

static const char *
batv_sender(const struct pieces *pieces, struct arena *arena)
{
	if (str_iequal(pieces->list[0], STR("prvs")) && pieces->count == 3 &&
	    is_batv_tag(pieces->list[2]) && !is_batv_tag(pieces->list[1]))
		return join(pieces->list[1], pieces->domain, arena);
	if (str_iequal(pieces->list[0], STR("prvs")) && pieces->count >= 3 &&
	    is_batv_tag(pieces->list[1]))
		return join(from_piece(pieces, 2), pieces->domain, arena);
	/* "btv1==tag==user" */
	if (str_iequal(pieces->list[0], STR("btv1")) && pieces->count >= 5 &&
	    pieces->list[1].len == 0 && pieces->list[3].len == 0)
		return join(from_piece(pieces, 4), pieces->domain, arena);
	return NULL;
}

/* "SRS0=hash=tt=domain=user", where the first "=" may be "+" or "-" instead; the
   same stands behind "==" of "SRS1=hash=relay==hash=tt=domain=user". */
static const char *
srs_sender(const struct pieces *pieces, struct arena *arena)
{
	unsigned domain = pieces->list[0].len > 4 ? 2 : 3;

	if (str_istarts(pieces->list[0], STR("SRS1"))) {
		while (domain < pieces->count && pieces->list[domain].len > 0)
			domain++;
		domain += 3;
	} else if (!str_istarts(pieces->list[0], STR("SRS0"))) {
		return NULL;
	}
	if (domain + 1 >= pieces->count)
		return NULL;
	return join(from_piece(pieces, domain + 1), pieces->list[domain], arena);
}

const char *
returnpath_sender(const char *address, struct arena *arena)
{
	const char *sender = NULL;
	struct pieces pieces;

	if (split(address, &pieces) == 1) {
		sender = batv_sender(&pieces, arena);
		if (sender == NULL)
			sender = srs_sender(&pieces, arena);
	}
	return sender == NULL ? address : sender;
}

const char *
returnpath_recipient(const char *address, struct arena *arena)
{
	struct str text = str_of(returnpath_sender(address, arena)), local, user;
	const char *at = strrchr(text.data, '@'), *recipient;
	size_t begin = 0, equal = 0;
	bool plus = false;

	if (at == NULL)
		return "";
	local = str_sub(text, 0, (size_t)(at - text.data));
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '=')
			equal = i;
	}
	for (size_t i = 0; i < equal && !plus; i++) {
		plus = local.data[i] == '+';
		if (plus || local.data[i] == '-')
			begin = i + 1;
	}
	user = str_sub(local, begin, equal);
	if (begin == 0 || user.len == 0 ||
	    address_parse(str_of(join(user, str_sub(local, equal + 1, local.len), arena)), arena,
		&recipient) == 0)
		return "";
	return recipient;
}

/* The path without the recipient, however that is written into it. */
static struct str
without_recipient(const char *address, const char *recipient, struct arena *arena)
{
	const char *at = strrchr(recipient, '@');
	struct str text = str_of(address), user, domain, forms[3];
	size_t begin;

	if (at == NULL)
		return text;
	user = str_sub(str_of(recipient), 0, (size_t)(at - recipient));
	domain = str_of(at + 1);
	forms[0] = str_of(arena_printf(arena, "%.*s=%.*s", STR_ARGS(user), STR_ARGS(domain)));
	forms[1] = user;
	forms[2] = domain;
	for (unsigned i = 0; i < 3; i++) {
		if (str_ifind(text, forms[i], 0, &begin) == 1)
			text = str_of(arena_printf(arena, "%.*s%.*s", (int)begin, text.data,
			    STR_ARGS(str_sub(text, begin + forms[i].len, text.len))));
	}
	return text;
}

size_t
returnpath_secret_bytes(const char *address, const char *recipient, const char *other,
    const char *other_recipient, struct arena *arena)
{
	struct str a = without_recipient(address, recipient, arena);
	struct str b = without_recipient(other, other_recipient, arena);
	size_t least = a.len < b.len ? a.len : b.len, front = 0, back = 0;

	while (front < least && a.data[front] == b.data[front])
		front++;
	while (back < least - front && a.data[a.len - 1 - back] == b.data[b.len - 1 - back])
		back++;
	return a.len - front - back;
}
