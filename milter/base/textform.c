#include "base/textform.h"

#define NUMBER_MOST UINT64_C(999999999999999999) /* that str_number() reads back */

enum sample { SAMPLE };
_Static_assert(sizeof(enum sample) == sizeof(unsigned), "an enum is one unsigned");

/* What a member of TEXTFORM_COUNT is made of, under whatever name. */
struct counted {
	const char *name;
	uint64_t count;
};

/* Member `i` of a text or a list of them; NULL of a field that has no text. */
static const char **
text_at(const struct textform_field *field, void *value, unsigned i)
{
	char *at = (char *)value + field->offset;

	if (field->kind == TEXTFORM_TEXT)
		return (const char **)at + i;
	return field->kind == TEXTFORM_COUNT ?
	    (const char **)(at + i * sizeof(struct counted)) : NULL;
}

/* ... and the number that belongs to a count. */
static uint64_t *
number_at(const struct textform_field *field, void *value, unsigned i)
{
	return (uint64_t *)((char *)value + field->offset + i * sizeof(struct counted) +
	    offsetof(struct counted, count));
}

void
textform_init(const struct textform *form, void *value)
{
	for (size_t i = 0; i < form->count; i++) {
		for (unsigned k = 0; k < form->fields[i].most; k++) {
			const char **text = text_at(&form->fields[i], value, k);

			if (text != NULL)
				*text = "";
		}
	}
}

void
textform_own(const struct textform *form, void *value, struct arena *arena)
{
	for (size_t i = 0; i < form->count; i++) {
		for (unsigned k = 0; k < form->fields[i].most; k++) {
			const char **text = text_at(&form->fields[i], value, k);

			if (text != NULL)
				*text = **text == '\0' ? "" : arena_strdup(arena, str_of(*text));
		}
	}
}

static void
print_text(const char *text, struct buf *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			buf_add(out, STR("\\n"));
		else if (*text == '\r')
			buf_add(out, STR("\\r"));
		else if (*text == '\\')
			buf_add(out, STR("\\\\"));
		else
			buf_add_byte(out, *text);
	}
	buf_add_byte(out, '\n');
}

static void
print_number(const char *name, uint64_t number, struct buf *out)
{
	if (number != 0)
		buf_printf(out, "%s %llu\n", name,
		    (unsigned long long)(number < NUMBER_MOST ? number : NUMBER_MOST));
}

static void
print_member(const struct textform_field *field, const void *value, unsigned i, struct buf *out)
{
	/* Nothing is written through these. */
	const char *text = *text_at(field, (void *)value, i);
	uint64_t number;

	if (*text == '\0')
		return;
	buf_printf(out, "%s ", field->name);
	if (field->kind == TEXTFORM_COUNT) {
		number = *number_at(field, (void *)value, i);
		buf_printf(out, "%llu ",
		    (unsigned long long)(number < NUMBER_MOST ? number : NUMBER_MOST));
	}
	print_text(text, out);
}

static void
print_field(const struct textform_field *field, const void *value, struct buf *out)
{
	const char *at = (const char *)value + field->offset;

	switch (field->kind) {
	case TEXTFORM_TEXT: case TEXTFORM_COUNT:
		for (unsigned i = 0; i < field->most; i++)
			print_member(field, value, i, out);
		break;
	case TEXTFORM_TIME:
		if (*(const int64_t *)at > 0)
			print_number(field->name, (uint64_t)*(const int64_t *)at, out);
		break;
	case TEXTFORM_NUMBER:
		print_number(field->name, *(const uint64_t *)at, out);
		break;
	case TEXTFORM_UNSIGNED:
		print_number(field->name, *(const unsigned *)at, out);
		break;
	case TEXTFORM_WORD:
		if (*(const unsigned *)at != 0)
			buf_printf(out, "%s %s\n", field->name,
			    words_name(field->words, *(const unsigned *)at));
		break;
	}
}

void
textform_print(const struct textform *form, const void *value, struct buf *out)
{
	for (size_t i = 0; i < form->count; i++)
		print_field(&form->fields[i], value, out);
}

static const char *
scan_text(struct str value, struct arena *arena)
{
	char *copy = arena_alloc(arena, value.len + 1), *to = copy;

	for (size_t i = 0; i < value.len; i++) {
		char byte = value.data[i];

		if (byte == '\\' && i + 1 < value.len) {
			byte = value.data[++i];
			if (byte == 'n')
				byte = '\n';
			else if (byte == 'r')
				byte = '\r';
		}
		*to++ = byte;
	}
	return copy;
}

/* Into the first place that is free; one text is written over. */
static int
scan_member(const struct textform_field *field, struct str value, struct arena *arena,
    void *value_r)
{
	uint64_t count = 0;
	struct str number;

	if (field->kind == TEXTFORM_COUNT && (!str_next_piece(&value, ' ', &number) ||
	    str_number(number, &count) == -1))
		return -1;
	for (unsigned i = 0; i < field->most; i++) {
		const char **text = text_at(field, value_r, i);

		if (**text != '\0' && field->most > 1)
			continue;
		*text = scan_text(value, arena);
		if (field->kind == TEXTFORM_COUNT)
			*number_at(field, value_r, i) = **text == '\0' ? 0 : count;
		break;
	}
	return 1;
}

static int
scan_field(const struct textform_field *field, struct str value, struct arena *arena,
    void *value_r)
{
	char *at = (char *)value_r + field->offset;
	uint64_t number;

	if (field->kind == TEXTFORM_TEXT || field->kind == TEXTFORM_COUNT)
		return scan_member(field, value, arena, value_r);
	if (field->kind == TEXTFORM_WORD)
		return words_find(field->words, value, (unsigned *)at) == 1 ? 1 : -1;
	if (str_number(value, &number) == -1 ||
	    (field->kind == TEXTFORM_UNSIGNED && number > UINT32_MAX))
		return -1;
	if (field->kind == TEXTFORM_TIME)
		*(int64_t *)at = (int64_t)number;
	else if (field->kind == TEXTFORM_NUMBER)
		*(uint64_t *)at = number;
	else
		*(unsigned *)at = (unsigned)number;
	return 1;
}

int
textform_scan(const struct textform *form, struct str line, struct arena *arena, void *value_r)
{
	struct str name;

	if (!str_next_piece(&line, ' ', &name))
		return -1;
	for (size_t i = 0; i < form->count; i++) {
		if (str_equal(str_of(form->fields[i].name), name))
			return scan_field(&form->fields[i], line, arena, value_r);
	}
	return 0;
}
