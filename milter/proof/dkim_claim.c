#include "proof/dkim_claim.h"

#include "parse/line.h"
#include "proof/dkim.h"

#define TAGS_MOST 32
#define NAMES_BYTES 4095 /* of h=: what libopendkim reads of it */
#define DOMAIN_BYTES 253 /* RFC 1035 section 2.3.4 */

struct tag {
	struct str name;
	struct str value;
};

struct tags {
	unsigned count;
	struct tag list[TAGS_MOST];
};

/* Without the white space of folds, which may stand anywhere in a value. */
static struct str
squeeze(struct str value, struct arena *arena)
{
	char *out = arena_alloc(arena, value.len + 1), *to = out;

	for (size_t i = 0; i < value.len; i++) {
		if (strchr(" \t\r\n\v\f", value.data[i]) == NULL || value.data[i] == '\0')
			*to++ = value.data[i];
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* The library reads names without regard to case in one place and with regard to
   it in another: two that differ in case are the same here. */
static bool
has_tag(const struct tags *tags, struct str name)
{
	for (unsigned i = 0; i < tags->count; i++) {
		if (str_iequal(tags->list[i].name, name))
			return true;
	}
	return false;
}

/* Returns "", or what is wrong. */
static const char *
read_tags(struct str text, struct arena *arena, struct tags *tags)
{
	const char *flaw = "";
	struct str piece;
	size_t at;

	while (str_next_piece(&text, ';', &piece)) {
		struct str name;

		if (!str_find_byte(piece, '=', 0, &at))
			continue;
		if (tags->count == TAGS_MOST)
			return "it has too many tags";
		name = str_trim(str_sub(piece, 0, at));
		/* RFC 6376 section 3.2: then none of them counts. */
		if (has_tag(tags, name))
			flaw = "a tag stands twice";
		tags->list[tags->count++] = (struct tag){ name,
			squeeze(str_sub(piece, at + 1, piece.len), arena) };
	}
	return flaw;
}

static struct str
find_tag(const struct tags *tags, const char *name)
{
	for (unsigned i = 0; i < tags->count; i++) {
		if (str_equal(tags->list[i].name, str_of(name)))
			return tags->list[i].value;
	}
	return STR_EMPTY;
}

/* Labels of letters, digits, "-" and "_". */
static bool
is_name(struct str text)
{
	struct str label;

	if (text.len == 0 || text.len > DOMAIN_BYTES || text.data[text.len - 1] == '.')
		return false;
	while (str_next_piece(&text, '.', &label)) {
		if (!str_is_label(label))
			return false;
	}
	return true;
}

static const char *
lower(struct str text, struct arena *arena)
{
	char *copy = arena_strdup(arena, text);

	for (char *p = copy; *p != '\0'; p++)
		*p = str_lower(*p);
	return copy;
}

/* Returns "", or what is wrong. */
static const char *
read_names(struct str list, struct arena *arena, struct dkim_claim *claim)
{
	bool from = false;
	struct str name;

	if (list.len > NAMES_BYTES)
		return "h= is too long";
	claim->names = arena_alloc(arena, DKIM_FIELDS_MOST * sizeof(claim->names[0]));
	while (str_next_piece(&list, ':', &name)) {
		if (claim->count == DKIM_FIELDS_MOST)
			return "h= has too many names";
		claim->names[claim->count++] = name;
		from = from || str_iequal(name, STR("From"));
	}
	return from ? "" : "From is not signed";
}

/* Returns "", or what is wrong. */
static const char *
read_values(const struct tags *tags, struct arena *arena, struct dkim_claim *claim)
{
	struct str selector = find_tag(tags, "s"), length = find_tag(tags, "l");

	claim->selector = is_name(selector) ? arena_strdup(arena, selector) : "";
	claim->digest = arena_strdup(arena, find_tag(tags, "b"));
	claim->has_length = has_tag(tags, STR("l"));
	if (claim->selector[0] == '\0')
		return "s= is no name";
	if (claim->has_length && str_number(length, &claim->length) == -1)
		return "l= is no number";
	if (str_iequal(find_tag(tags, "a"), STR("rsa-sha1")))
		return "rsa-sha1 is too weak";
	return read_names(find_tag(tags, "h"), arena, claim);
}

int
dkim_claim_read(const struct header *field, struct arena *arena, struct dkim_claim *claim_r)
{
	struct tags tags = { 0 };
	const char *flaw, *tags_flaw = read_tags(field->value, arena, &tags);
	struct str domain = find_tag(&tags, "d");

	if (!is_name(domain))
		return 0;
	*claim_r = (struct dkim_claim){ .field = field, .domain = lower(domain, arena) };
	flaw = read_values(&tags, arena, claim_r);
	claim_r->flaw = tags_flaw[0] != '\0' ? tags_flaw : flaw;
	return 1;
}

void
dkim_claim_cover(const struct dkim_claim *claim, const struct header_list *fields,
    bool *covered_r)
{
	memset(covered_r, 0, fields->count * sizeof(covered_r[0]));
	for (unsigned i = 0; i < claim->count; i++) {
		unsigned at = fields->count;

		while (at > 0 && (covered_r[at - 1] ||
			!str_iequal(fields->list[at - 1].name, claim->names[i])))
			at--;
		if (at > 0)
			covered_r[at - 1] = true;
	}
}

struct str
dkim_claim_field(const struct header *field, struct arena *arena)
{
	size_t len = (size_t)(field->value.data + field->value.len - field->name.data);
	char *out = arena_alloc(arena, 2 * len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (field->name.data[i] == '\n' && field->name.data[i - 1] != '\r')
			*to++ = '\r';
		*to++ = field->name.data[i];
	}
	return (struct str){ out, (size_t)(to - out) };
}

/* Of a line without its ending, runs of blanks counted as one, those at the end
   not at all. */
static uint64_t
relaxed_bytes(struct str line)
{
	uint64_t bytes = 0;
	bool blank = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == ' ' || line.data[i] == '\t') {
			blank = true;
			continue;
		}
		bytes += blank ? 2 : 1;
		blank = false;
	}
	return bytes;
}

uint64_t
dkim_claim_body_bytes(struct str body, bool relaxed)
{
	uint64_t all = 0, counted = 0;
	struct str line;

	while (line_next(&body, &line)) {
		uint64_t bytes = relaxed ? relaxed_bytes(line) : line.len;

		all += bytes + 2;
		/* Empty lines at the end do not count. */
		if (bytes > 0)
			counted = all;
	}
	/* The simple form of no body is CRLF. */
	return counted == 0 && !relaxed ? 2 : counted;
}
