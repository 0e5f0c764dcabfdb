#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "proof/tag.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define NOW INT64_C(1795000000)
#define KEEP (10 * CLOCK_DAY_SEC)

/* Load keys from a file of this content and mode; NULL and the error if that
   fails. */
static struct tag_keys *
load(const char *text, mode_t mode, const char **error_r)
{
	char path[] = "/tmp/bm-tag-XXXXXX";
	struct tag_keys *keys = NULL;
	int fd = mkstemp(path);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	fchmod(fd, mode);
	close(fd);
	*error_r = "";
	if (tag_keys_load(path, &keys, error_r) == -1)
		keys = NULL;
	unlink(path);
	return keys;
}

static struct tag_keys *
keys_of(const char *text)
{
	const char *error;
	struct tag_keys *keys = load(text, 0600, &error);

	if (keys == NULL)
		fail_msg("%s", error);
	return keys;
}

static const char *const one[] = { "user@example.net" };
static const char *const two[] = { "user@example.net", "other@example.org" };
static const char *const two_again[] = { "other@example.org", "user@example.net" };

static const char *
make(const struct tag_keys *keys, const char *message_id, const char *const *recipients,
    unsigned count, struct arena *arena)
{
	const struct tag_mail mail = { NOW, message_id, recipients, count };

	return tag_make(keys, &mail, arena);
}

static void
key_files(void **state)
{
	static const struct { const char *text; mode_t mode; const char *error; } cases[] = {
		{ "a " KEY_A "\n", 0600, NULL },
		{ "# the new one\na " KEY_A "\n\n  b\t" KEY_B "  \r\n", 0400, NULL },
		{ "a " KEY_A "\n", 0640, ": others than its owner can read it: run chmod 600 " },
		{ "a " KEY_A "\n", 0604, ": others than its owner can read it: run chmod 600 " },
		{ "", 0600, ": no key in it: write a line with an ID and the output of" },
		{ "\n" KEY_A "\n", 0600, ":2: a key is: ID KEY" },
		{ "ab " KEY_A "\n", 0600, ":1: a key is: ID KEY" },
		{ "a " KEY_A "0\n", 0600, ":1: the KEY must be 64 hexadecimal digits" },
		{ "a x" KEY_A "\n", 0600, ":1: the KEY must be 64 hexadecimal digits" },
		{ "a " KEY_A " b\n", 0600, ":1: a key is: ID KEY" },
		{ "a " KEY_A "\na " KEY_B "\n", 0600, ":2: both keys have the same ID" },
		{ "a " KEY_A "\nb " KEY_B "\nc " KEY_B "\n", 0600, ":3: there may be two keys" },
	};
	const char *error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tag_keys *keys = load(cases[i].text, cases[i].mode, &error);

		assert_int_equal(keys != NULL, cases[i].error == NULL);
		if (keys == NULL && strstr(error, cases[i].error) == NULL)
			fail_msg("%s", error);
		tag_keys_free(keys);
	}
}

static void
found_again(void **state)
{
	struct tag_keys *keys = keys_of("a " KEY_A "\n");
	struct arena *arena = arena_new();
	const char *token = make(keys, "<1@example.com>", one, 1, arena);
	struct tag tag;

	(void)state;
	assert_int_equal(strlen(token), 75);
	/* xtext as it is (RFC 3461 section 4), and short enough for ENVID. */
	assert_int_equal(strspn(token, "abcdefghijklmnopqrstuvwxyz0123456789"), strlen(token));
	assert_int_equal(tag_read(keys, token, NOW, KEEP, &tag), 1);
	assert_int_equal(tag.recipients, 1);
	assert_int_equal(tag.time, NOW / CLOCK_DAY_SEC * CLOCK_DAY_SEC);
	assert_true(tag_is_of_message(&tag, "<1@example.com>"));
	assert_false(tag_is_of_message(&tag, "<2@example.com>"));
	assert_false(tag_is_of_message(&tag, ""));
	assert_true(tag_is_for(&tag, "user@example.net"));
	assert_false(tag_is_for(&tag, "other@example.org"));
	arena_free(arena);
	tag_keys_free(keys);
}

static void
several(void **state)
{
	struct tag_keys *keys = keys_of("a " KEY_A "\n");
	struct arena *arena = arena_new();
	struct tag tag;

	(void)state;
	assert_string_equal(make(keys, "<1@example.com>", two, 2, arena),
	    make(keys, "<1@example.com>", two_again, 2, arena));
	assert_int_equal(tag_read(keys, make(keys, "<1@example.com>", two, 2, arena), NOW, KEEP,
	    &tag), 1);
	assert_int_equal(tag.recipients, 2);
	/* Whom of them nobody can tell. */
	assert_false(tag_is_for(&tag, "user@example.net"));
	/* The MTA was to make the Message-ID. */
	assert_int_equal(tag_read(keys, make(keys, "", one, 1, arena), NOW, KEEP, &tag), 1);
	assert_true(tag_is_of_message(&tag, "<made-later@example.com>"));
	arena_free(arena);
	tag_keys_free(keys);
}

static void
rotation(void **state)
{
	struct tag_keys *before = keys_of("a " KEY_A "\n"), *now = keys_of("b " KEY_B "\na " KEY_A "\n");
	struct tag_keys *after = keys_of("c " KEY_A "\nb " KEY_B "\n");
	struct arena *arena = arena_new();
	const char *old = make(before, "<1@example.com>", one, 1, arena);
	const char *new = make(now, "<1@example.com>", one, 1, arena);
	struct tag tag;

	(void)state;
	assert_int_equal(tag_read(now, old, NOW, KEEP, &tag), 1);
	assert_true(tag_is_for(&tag, one[0]));
	assert_int_equal(tag_read(now, new, NOW, KEEP, &tag), 1);
	assert_int_equal(tag_read(before, new, NOW, KEEP, &tag), 0);
	assert_int_equal(tag_read(after, new, NOW, KEEP, &tag), 1);
	/* The same key by another name is another key. */
	assert_int_equal(tag_read(after, old, NOW, KEEP, &tag), 0);
	arena_free(arena);
	tag_keys_free(before);
	tag_keys_free(now);
	tag_keys_free(after);
}

/* Every bit matters, and time does. */
static void
forged(void **state)
{
	struct tag_keys *keys = keys_of("a " KEY_A "\n"), *others = keys_of("a " KEY_B "\n");
	struct arena *arena = arena_new();
	const char *token = make(keys, "<1@example.com>", one, 1, arena);
	char *copy = arena_strdup(arena, str_of(token));
	struct tag tag;

	(void)state;
	for (size_t i = 0; i < strlen(token); i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(token[i] ^ 1 << bit);
			/* A letter is the same in both cases, but for the key's. */
			if (copy[i] != '\0' && (i == 2 || str_lower(copy[i]) != token[i]))
				assert_int_equal(tag_read(keys, copy, NOW, KEEP, &tag), 0);
		}
		copy[i] = token[i];
	}
	assert_int_equal(tag_read(keys, copy, NOW, KEEP, &tag), 1);
	assert_int_equal(tag_read(others, token, NOW, KEEP, &tag), 0);
	assert_int_equal(tag_read(keys, "", NOW, KEEP, &tag), 0);
	assert_int_equal(tag_read(keys, arena_printf(arena, "%s0", token), NOW, KEEP, &tag), 0);
	assert_int_equal(tag_read(keys, token, NOW + KEEP, KEEP, &tag), 1);
	assert_int_equal(tag_read(keys, token, NOW + KEEP + CLOCK_DAY_SEC, KEEP, &tag), 0);
	assert_int_equal(tag_read(keys, token, NOW - 3 * CLOCK_DAY_SEC, KEEP, &tag), 0);
	arena_free(arena);
	tag_keys_free(keys);
	tag_keys_free(others);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_files),
		cmocka_unit_test(found_again),
		cmocka_unit_test(several),
		cmocka_unit_test(rotation),
		cmocka_unit_test(forged),
	};

	return cmocka_run_group_tests_name("tag", tests, NULL, NULL);
}
