#include "judge/template.h"

#include <stdbool.h>
#include <string.h>

#include "base/net.h"
#include "judge/datetext.h"

#define ID_LEAST 6         /* shorter words with digits in them stay */
#define ID_LETTERS_LEAST 24 /* no word is so long, but base64 is */
#define CODE_MOST 10       /* of a provider's own code: "ES000001" */
#define CODE_DIGITS_MOST 6
#define MESSAGE_ID_LEAST 16 /* a local part of that length with digits is no name */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Bytes that stand around words and are none. */
static bool
is_separator(char byte)
{
	return byte != '\0' && strchr(" \t<>()[]{}\"'`,;|", byte) != NULL;
}

/* --- words ------------------------------------------------------------------ */

struct shape {
	size_t digits, letters;
	bool letters_then_digits; /* and nothing else but one "-", "_" or "#" between */
	bool upper;               /* no letter in lower case */
	bool both_cases;
	bool other;               /* bytes of no id */
};

static struct shape
shape_of(struct str word)
{
	struct shape shape = { .letters_then_digits = true, .upper = true };
	bool lower = false, upper = false;

	for (size_t i = 0; i < word.len; i++) {
		char byte = word.data[i];

		if (str_is_digit(byte)) {
			shape.digits++;
		} else if (str_is_alpha(byte)) {
			shape.letters_then_digits &= shape.digits == 0;
			shape.letters++;
			upper |= str_is_upper(byte);
			lower |= !str_is_upper(byte);
		} else {
			shape.letters_then_digits &= shape.letters > 0 && shape.digits == 0 &&
			    strchr("-_#", byte) != NULL;
			shape.other |= strchr("-_.#+/:=$", byte) == NULL;
		}
	}
	shape.upper = !lower;
	shape.both_cases = lower && upper;
	return shape;
}

/* A code of the provider: a few letters, then a number. */
static bool
is_code(struct str word, const struct shape *shape)
{
	return shape->letters_then_digits && shape->letters > 0 && word.len <= CODE_MOST &&
	    shape->digits <= (shape->upper ? CODE_DIGITS_MOST : 3);
}

/* "mx1.example.com": what a server says is mostly in lower case, so that
   "RESOLVER.ADR.RecipientNotFound" is none. */
static bool
is_host(struct str word)
{
	struct str label, last = STR_EMPTY;
	unsigned labels = 0;

	while (str_next_piece(&word, '.', &label)) {
		if (!str_is_label(label))
			return false;
		last = label;
		labels++;
	}
	if (labels < 2 || last.len < 2)
		return false;
	for (size_t i = 0; i < last.len; i++) {
		if (!str_is_alpha(last.data[i]) || str_is_upper(last.data[i]))
			return str_istarts(last, STR("xn--"));
	}
	return true;
}

/* "5.1.1", and the reply codes that a server begins with. */
static bool
is_smtp_code(struct str word)
{
	struct str part;
	unsigned parts = 0;

	if (word.len == 3 && str_count_digits(word) == 3)
		return word.data[0] == '4' || word.data[0] == '5';
	if (word.len < 5 || strchr("245", word.data[0]) == NULL || word.data[1] != '.')
		return false;
	while (str_next_piece(&word, '.', &part)) {
		if (part.len == 0 || part.len > 3 || str_count_digits(part) != part.len)
			return false;
		parts++;
	}
	return parts == 3;
}

/* "25", "10.5", "300s", "5%"; how many bytes of it are the number. */
static bool
is_number(struct str word, size_t *digits_r)
{
	size_t len = str_count_digits(word);

	while (len > 0 && len + 1 < word.len && word.data[len] == '.' &&
	    str_is_digit(word.data[len + 1]))
		len += 1 + str_count_digits(str_sub(word, len + 1, word.len));
	*digits_r = len;
	for (size_t i = len; i < word.len; i++) {
		if (!str_is_alpha(word.data[i]) && word.data[i] != '%')
			return false;
	}
	return len > 0 && word.len - len <= 2;
}

static bool
is_id(struct str word)
{
	struct shape shape = shape_of(word);

	if (shape.other || word.len < ID_LEAST || is_code(word, &shape))
		return false;
	if (shape.digits > 0)
		return true;
	return shape.letters >= ID_LETTERS_LEAST && shape.both_cases && shape.letters == word.len;
}

/* --- what is put in its place ----------------------------------------------- */

struct making {
	struct str text;
	size_t at;       /* what is before it has been done */
	struct buf *out;
	size_t start;    /* of the template in `out` */
};

static bool
is_full(const struct making *making)
{
	return making->out->len - making->start >= TEMPLATE_BYTES;
}

/* Put a mask; brackets around it belong to it. */
static void
add_mask(struct making *making, const char *mask, size_t len)
{
	struct buf *out = making->out;

	making->at += len;
	if (out->len > making->start && out->data[out->len - 1] == '<' &&
	    making->at < making->text.len && making->text.data[making->at] == '>') {
		out->len--;
		making->at++;
	}
	buf_add(out, str_of(mask));
}

static void
add_text(struct making *making, size_t len)
{
	buf_add(making->out, str_sub(making->text, making->at, making->at + len));
	making->at += len;
}

/* "jo@example.com", or what looks like one and is the id of a message. */
static const char *
mask_of_address(struct str word)
{
	struct shape shape;
	size_t at;

	if (str_find_byte(word, '@', 0, &at) == 0 || at == 0 || at + 1 == word.len)
		return NULL;
	shape = shape_of(str_sub(word, 0, at));
	return shape.digits > 0 && at >= MESSAGE_ID_LEAST ? "<id>" : "<address>";
}

/* The mask of a whole word, or NULL if it stays or is not of one piece. */
static const char *
mask_of(struct str word)
{
	const char *mask = mask_of_address(word);
	struct net net;
	size_t at;

	if (mask != NULL || is_smtp_code(word))
		return mask;
	if ((str_find_byte(word, '.', 0, &at) || str_find_byte(word, ':', 0, &at)) &&
	    net_parse(word, &net) == 0)
		return "<ip>";
	if (datetext_time_length(word) == word.len)
		return "<time>";
	return is_host(word) ? "<host>" : NULL;
}

/* Scheme and host stay: they say who speaks. */
static void
make_url(struct making *making, struct str url, size_t host)
{
	size_t end = host;

	while (end < url.len && strchr("/?#", url.data[end]) == NULL)
		end++;
	add_text(making, end < url.len ? end + 1 : end);
	if (end + 1 < url.len)
		add_mask(making, "<tail>", url.len - end - 1);
}

/* A word that is not of one piece: as far as its first ":" or "=". */
static void
make_front(struct making *making, struct str word)
{
	size_t len = 0, digits;
	const char *mask;

	while (len < word.len && strchr(":=", word.data[len]) == NULL)
		len++;
	if (len == 0) {
		add_text(making, 1);
		return;
	}
	word.len = len;
	mask = mask_of(word);
	if (mask == NULL && !is_smtp_code(word)) {
		if (is_number(word, &digits)) {
			add_mask(making, "<n>", digits);
			len -= digits;
		} else if (is_id(word)) {
			mask = "<id>";
		}
	}
	if (mask != NULL)
		add_mask(making, mask, len);
	else
		add_text(making, len);
}

static void
make_word(struct making *making)
{
	struct str word = str_sub(making->text, making->at, making->text.len);
	const char *mask;
	size_t len = 0, at;

	while (len < word.len && !is_separator(word.data[len]))
		len++;
	word.len = len;
	/* The end of a sentence does not belong to it. */
	while (word.len > 1 && strchr(".:!?", word.data[word.len - 1]) != NULL)
		word.len--;
	mask = mask_of(word);
	if (str_find(word, STR("://"), 0, &at))
		make_url(making, word, at + 3);
	else if (mask != NULL)
		add_mask(making, mask, word.len);
	else
		make_front(making, word);
}

/* Cut what is too long, not in the middle of a character. */
static void
end_template(struct making *making)
{
	struct buf *out = making->out;
	size_t len = out->len - making->start;

	if (len <= TEMPLATE_BYTES && making->at >= making->text.len)
		return;
	len = len > TEMPLATE_BYTES ? making->start + TEMPLATE_BYTES : out->len;
	while (len > making->start && len < out->len && (out->data[len] & 0xc0) == 0x80)
		len--;
	out->len = len;
	buf_add(out, STR("..."));
}

void
template_make(struct str text, struct buf *out)
{
	struct making making = { .text = str_trim(text), .out = out, .start = out->len };

	while (making.at < making.text.len && !is_full(&making)) {
		struct str rest = str_sub(making.text, making.at, making.text.len);
		size_t len = datetext_length(rest);

		if (len > 0)
			add_mask(&making, "<date>", len);
		else if (is_separator(rest.data[0]))
			add_text(&making, 1);
		else
			make_word(&making);
	}
	end_template(&making);
}

/* The length of a mask or a URL at the front, or 0. */
static size_t
mask_length(struct str text)
{
	static const struct str masks[] = {
		{ "<address>", 9 }, { "<ip>", 4 }, { "<host>", 6 }, { "<date>", 6 }, { "<time>", 6 },
		{ "<id>", 4 }, { "<n>", 3 }, { "<tail>", 6 }, { "...", 3 },
	};

	for (size_t i = 0; i < COUNT_OF(masks); i++) {
		if (text.len >= masks[i].len && str_equal(str_sub(text, 0, masks[i].len), masks[i]))
			return masks[i].len;
	}
	if (str_istarts(text, STR("http://")) || str_istarts(text, STR("https://"))) {
		struct str word;

		return str_next_word(&text, &word) ? word.len : 0;
	}
	return 0;
}

static bool
is_punctuation(char byte)
{
	return !str_is_alnum(byte) && (byte & 0x80) == 0;
}

static struct str
without_punctuation(struct str run)
{
	while (run.len > 0 && is_punctuation(run.data[0]))
		run = str_sub(run, 1, run.len);
	while (run.len > 0 && is_punctuation(run.data[run.len - 1]))
		run.len--;
	return run;
}

struct str
template_longest_words(struct str template, size_t limit)
{
	struct str best = STR_EMPTY, run = { template.data, 0 };
	size_t at = 0;

	while (at <= template.len) {
		size_t mask = mask_length(str_sub(template, at, template.len));

		if (mask == 0 && at < template.len) {
			run.len++;
			at++;
			continue;
		}
		run = without_punctuation(run);
		if (run.len > best.len)
			best = run;
		at += mask > 0 ? mask : 1;
		run = str_sub(template, at, at);
	}
	if (best.len > limit) {
		best.len = limit;
		while (best.len > 0 && best.data[best.len] != ' ')
			best.len--;
	}
	return str_trim(best);
}
