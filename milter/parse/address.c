#include "parse/address.h"

#include <idn2.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>

#include "base/buf.h"
#include "parse/charset.h"
#include "parse/decode.h"
#include "parse/limits.h"

#define DOMAIN_BYTES 253 /* RFC 1035 section 2.3.4, without the final dot */
#define LABEL_BYTES 63
#define LOCAL_BYTES 255
#define ADDRESS_BYTES 480 /* room for it in every key of the store */

static bool
label_is_valid(struct str label)
{
	if (label.len == 0 || label.len > LABEL_BYTES || label.data[0] == '-' ||
	    label.data[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char byte = label.data[i];

		if (!str_is_alnum(byte) && byte != '-' && byte != '_')
			return false;
	}
	return true;
}

/* A host name in A-labels of at least two labels, the last not a number. */
static bool
domain_is_valid(struct str domain)
{
	struct str rest = domain, label = STR_EMPTY;
	unsigned labels = 0;
	uint64_t number;

	if (domain.len == 0 || domain.len > DOMAIN_BYTES || domain.data[domain.len - 1] == '.')
		return false;
	while (str_next_piece(&rest, '.', &label)) {
		if (!label_is_valid(label))
			return false;
		labels++;
	}
	return labels >= 2 && str_number(label, &number) == -1;
}

int
address_parse_domain(struct str text, struct arena *arena, const char **domain_r)
{
	char *ascii = NULL;
	size_t nul;
	int ret = 0;

	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	if (text.len > LIMITS_ADDRESS_BYTES || str_find_byte(text, '\0', 0, &nul) ||
	    !charset_is_utf8(text))
		return 0;
	/* What IDNA would refuse at length. */
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == ' ' || strchr("()<>@,;:[]\"\\", text.data[i]) != NULL)
			return 0;
	}
	if (idn2_to_ascii_8z(arena_strdup(arena, text), &ascii,
		IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) == IDN2_OK &&
	    domain_is_valid(str_of(ascii))) {
		char *copy = arena_strdup(arena, str_of(ascii));

		for (char *p = copy; *p != '\0'; p++)
			*p = str_lower(*p);
		*domain_r = copy;
		ret = 1;
	}
	idn2_free(ascii);
	return ret;
}

/* U+0080 to U+009F, in UTF-8. */
static bool
is_c1_control(struct str text)
{
	return text.len >= 2 && text.data[0] == '\xc2' && (unsigned char)text.data[1] < 0xa0;
}

/* The local part without quotes and backslashes.
   Returns false if the quoting is broken or a control character is in it. */
static bool
unquote_local(struct str local, struct arena *arena, struct str *plain_r)
{
	char *out = arena_alloc(arena, local.len + 1), *to = out;
	bool quoted = false;

	for (size_t i = 0; i < local.len; i++) {
		unsigned char byte = (unsigned char)local.data[i];

		if (byte == '"') {
			quoted = !quoted;
			continue;
		}
		if (byte == '\\') {
			if (!quoted || ++i == local.len)
				return false;
			byte = (unsigned char)local.data[i];
		} else if (!quoted && strchr(" ()<>@,;:[]", byte) != NULL) {
			return false;
		}
		if (byte < ' ' || byte == 0x7f || is_c1_control(str_sub(local, i, local.len)))
			return false;
		*to++ = (char)byte;
	}
	*plain_r = (struct str){ out, (size_t)(to - out) };
	return !quoted && plain_r->len > 0;
}

/* The same question that Postfix asks before it quotes a local part. */
static bool
needs_quotes(struct str local)
{
	if (local.data[0] == '.' || local.data[local.len - 1] == '.')
		return true;
	for (size_t i = 0; i < local.len; i++) {
		if (strchr(" ()<>@,;:\\\"[]", local.data[i]) != NULL)
			return true;
		if (local.data[i] == '.' && local.data[i + 1] == '.')
			return true;
	}
	return false;
}

static int
fold_local(struct str local, struct arena *arena, struct str *folded_r)
{
	uint8_t *folded;
	size_t len = 0;

	if (!charset_is_utf8(local))
		return 0;
	folded = u8_casefold((const uint8_t *)local.data, local.len, NULL, NULL, NULL, &len);
	if (folded == NULL)
		return 0;
	folded_r->data = arena_strdup(arena, (struct str){ (const char *)folded, len });
	folded_r->len = len;
	free(folded);
	return len > 0 && len <= LOCAL_BYTES;
}

static const char *
join(struct str local, const char *domain, struct arena *arena)
{
	struct buf out = { 0 };
	const char *address;

	if (!needs_quotes(local)) {
		buf_add(&out, local);
	} else {
		buf_add_byte(&out, '"');
		for (size_t i = 0; i < local.len; i++) {
			if (local.data[i] == '"' || local.data[i] == '\\')
				buf_add_byte(&out, '\\');
			buf_add_byte(&out, local.data[i]);
		}
		buf_add_byte(&out, '"');
	}
	buf_printf(&out, "@%s", domain);
	address = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return address;
}

/* The last "@", if there is one. */
static int
find_at(struct str text, size_t *at_r)
{
	for (size_t i = text.len; i > 0; i--) {
		if (text.data[i - 1] == '@') {
			*at_r = i - 1;
			return 1;
		}
	}
	return 0;
}

/* Letters, digits, and single dots between them: nothing to fold but case. */
static bool
is_plain_local(struct str local)
{
	bool dot = true;

	for (size_t i = 0; i < local.len; i++) {
		char byte = local.data[i];

		if (byte == '.' ? dot : !str_is_alnum(byte) &&
		    (byte == '\0' || strchr("_-+=", byte) == NULL))
			return false;
		dot = byte == '.';
	}
	return !dot && local.len <= LOCAL_BYTES;
}

/* Letters, digits and hyphens, and no label that may be an A-label. */
static bool
is_plain_domain(struct str domain)
{
	for (size_t i = 0; i < domain.len; i++) {
		char byte = domain.data[i];

		if (byte != '.' && byte != '-' && !str_is_alnum(byte))
			return false;
		if (byte == '-' && i + 1 < domain.len && domain.data[i + 1] == '-')
			return false;
	}
	return domain_is_valid(domain);
}

int
address_parse(struct str text, struct arena *arena, const char **address_r)
{
	const char *domain, *address;
	struct str local;
	size_t at;

	text = str_trim(text);
	if (text.len >= 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
		text = str_sub(text, 1, text.len - 1);
	if (text.len > LIMITS_ADDRESS_BYTES || !find_at(text, &at))
		return 0;
	/* Nearly all addresses are so: the way below comes to the same. */
	if (is_plain_local(str_sub(text, 0, at)) &&
	    is_plain_domain(str_sub(text, at + 1, text.len)) && text.len <= ADDRESS_BYTES) {
		char *copy = arena_strdup(arena, text);

		for (char *p = copy; *p != '\0'; p++)
			*p = str_lower(*p);
		*address_r = copy;
		return 1;
	}
	if (address_parse_domain(str_sub(text, at + 1, text.len), arena, &domain) == 0 ||
	    !unquote_local(str_sub(text, 0, at), arena, &local) ||
	    fold_local(local, arena, &local) == 0)
		return 0;
	address = join(local, domain, arena);
	if (strlen(address) > ADDRESS_BYTES)
		return 0;
	*address_r = address;
	return 1;
}

const char *
address_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "" : at + 1;
}

const char *
address_to_unicode(const char *address, struct arena *arena)
{
	const char *domain = address_domain(address);
	char *unicode = NULL;
	const char *result = NULL;

	if (strstr(domain, "xn--") == NULL)
		return NULL;
	if (idn2_to_unicode_8z8z(domain, &unicode, 0) == IDN2_OK && strcmp(unicode, domain) != 0)
		result = arena_printf(arena, "%.*s%s", (int)(domain - address), address, unicode);
	idn2_free(unicode);
	return result;
}

struct str
address_of_field(struct str value, struct arena *arena)
{
	struct str address = str_trim(value), type;
	size_t semicolon;

	if (str_find_byte(address, ';', 0, &semicolon)) {
		type = str_trim(str_sub(address, 0, semicolon));
		/* A ";" inside an address without a type is not a type. */
		if (memchr(type.data, '@', type.len) == NULL) {
			address = str_trim(str_sub(address, semicolon + 1, address.len));
			if (str_iequal(type, STR("utf-8")))
				address = decode_utf8_address(address, arena);
		}
	}
	if (address.len >= 2 && address.data[0] == '<' && address.data[address.len - 1] == '>')
		address = str_sub(address, 1, address.len - 1);
	return address;
}
