#include "metrics_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "metrics_names.h"

#define SAMPLES_FIRST 256

static void
add(struct metrics_text *text, const char *name, const char *labels, uint64_t value)
{
	if (text->count == text->size) {
		struct metrics_sample *samples;

		text->size = text->size == 0 ? SAMPLES_FIRST : text->size * 2;
		samples = realloc(text->samples, text->size * sizeof(*samples));
		if (samples == NULL)
			msg_out_of_memory();
		text->samples = samples;
	}
	text->samples[text->count++] = (struct metrics_sample){ name, labels, value };
}

void
metrics_text_add(struct metrics_text *text, const char *name, uint64_t value)
{
	add(text, name, "", value);
}

void
metrics_text_add_of(struct metrics_text *text, const char *name, const char *label,
    const char *word, uint64_t value)
{
	add(text, name, arena_printf(text->arena, "{%s=\"%s\"}", label, word), value);
}

void
metrics_text_add_of_two(struct metrics_text *text, const char *name, const char *label,
    const char *word, const char *label2, const char *word2, uint64_t value)
{
	add(text, name, arena_printf(text->arena, "{%s=\"%s\",%s=\"%s\"}", label, word, label2,
	    word2), value);
}

void
metrics_text_begin(struct metrics_text *text)
{
	const struct metrics_family *family;

	*text = (struct metrics_text){ .arena = arena_new() };
	for (unsigned i = 0; (family = metrics_family_at(i)) != NULL; i++) {
		add(text, family->name, NULL, 0);
		if (family->kind == METRICS_COUNTER && family->label[0] == '\0')
			add(text, family->name, "", 0);
		for (unsigned j = 0; family->words != NULL && j < family->words->count; j++)
			metrics_text_add_of(text, family->name, family->label,
			    words_name(family->words, j), 0);
	}
}

void
metrics_text_end(struct metrics_text *text)
{
	free(text->samples);
	arena_free(text->arena);
}

/* A name as the format allows it. */
static const char *
clean_name(struct arena *arena, struct str name)
{
	char *clean = arena_strdup(arena, name);

	for (char *at = clean; *at != '\0'; at++) {
		if (!str_is_alnum(*at))
			*at = '_';
	}
	return clean;
}

/* A label in braces. What is not ASCII may not be UTF-8 either. */
static const char *
quoted_label(struct arena *arena, struct str label, struct str value)
{
	struct buf out = { 0 };
	const char *text;

	if (label.len == 0 || str_is_digit(label.data[0]))
		label = STR("label");
	buf_printf(&out, "{%s=\"", clean_name(arena, label));
	for (size_t i = 0; i < value.len; i++) {
		char byte = value.data[i];

		if (byte == '\n')
			buf_add(&out, STR("\\n"));
		else if (byte == '"' || byte == '\\')
			buf_printf(&out, "\\%c", byte);
		else
			buf_add_byte(&out, byte < ' ' || byte > '~' ? '?' : byte);
	}
	buf_add(&out, STR("\"}"));
	text = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

void
metrics_text_add_counter(struct metrics_text *text, struct str key, uint64_t value)
{
	size_t brace, equals;

	/* name{label="value"}: counters_add() quotes nothing. */
	if (str_find_byte(key, '{', 0, &brace) == 1 &&
	    str_find(key, STR("=\""), brace, &equals) == 1 && str_iends(key, STR("\"}")) &&
	    equals + 4 <= key.len)
		add(text, clean_name(text->arena, str_sub(key, 0, brace)),
		    quoted_label(text->arena, str_sub(key, brace + 1, equals),
			str_sub(key, equals + 2, key.len - 2)), value);
	else
		add(text, clean_name(text->arena, key), "", value);
}

/* By name, the head of a family first. */
static int
compare(const void *a, const void *b)
{
	const struct metrics_sample *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	if (order != 0)
		return order;
	if (one->labels == NULL || other->labels == NULL)
		return (other->labels == NULL) - (one->labels == NULL);
	return strcmp(one->labels, other->labels);
}

static void
print_head(const char *name, struct buf *out)
{
	const struct metrics_family *family = metrics_family_find(name);

	buf_printf(out, "# HELP " METRICS_PREFIX "%s %s\n# TYPE " METRICS_PREFIX "%s %s\n", name,
	    family->help, name, family->kind == METRICS_COUNTER ? "counter" : "gauge");
}

void
metrics_text_print(struct metrics_text *text, struct buf *out)
{
	struct metrics_sample *samples = text->samples;

	if (text->count > 0)
		qsort(samples, text->count, sizeof(*samples), compare);
	for (size_t i = 0; i < text->count; i++) {
		const struct metrics_sample *sample = &samples[i];

		if (i == 0 || strcmp(samples[i - 1].name, sample->name) != 0)
			print_head(sample->name, out);
		if (i + 1 < text->count && compare(sample, sample + 1) == 0)
			samples[i + 1].value += sample->value;
		else if (sample->labels != NULL)
			buf_printf(out, METRICS_PREFIX "%s%s %llu\n", sample->name, sample->labels,
			    (unsigned long long)sample->value);
	}
}
