/* arena and buf: what holds the bytes. */
#include "support.h"

#include <stdalign.h>

#include "base/buf.h"

static void
test_arena_alloc(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4000, 4096, 4097, 8192, 100000, 3 };
	char *pieces[COUNT(sizes)];
	struct arena *arena = *state;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		pieces[i] = arena_alloc(arena, sizes[i]);
		check((uintptr_t)pieces[i] % alignof(max_align_t) == 0, "size %zu", sizes[i]);
		for (size_t j = 0; j < sizes[i]; j++)
			check(pieces[i][j] == 0, "size %zu", sizes[i]);
		memset(pieces[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t j = 0; j < sizes[i]; j++)
			check(pieces[i][j] == (char)(i + 1), "size %zu", sizes[i]);
	}
	assert_true(arena_used(arena) >= 100000);
}

static void
test_arena_text(void **state)
{
	struct str s = exact_bytes("a\0b", 3);
	char *copy = arena_strdup(*state, s);

	assert_memory_equal(copy, "a\0b", 4);
	assert_string_equal(arena_strdup(*state, (struct str){ NULL, 0 }), "");
	assert_string_equal(arena_printf(*state, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(strlen(arena_printf(*state, "%20000d", 1)), 20000);
	arena_free(NULL);
	drop(s);
}

static void
test_buf(void **state)
{
	struct buf buf = { 0 };

	(void)state;
	assert_string_equal(buf_cstr(&buf), "");
	buf_clear(&buf);
	buf_add(&buf, STR_EMPTY);
	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%d,", i % 10);
	assert_int_equal(buf.len, 2000);
	buf_add_byte(&buf, 'x');
	assert_string_equal(buf_cstr(&buf) + 1996, "8,9,x");
	buf_clear(&buf);
	assert_string_equal(buf_cstr(&buf), "");
	buf_add(&buf, STR("a\0b"));
	assert_true(str_equal(buf_str(&buf), STR("a\0b")));
	buf_free(&buf);
	assert_null(buf.data);
	/* Exactly up to the limit of the first allocation, and one more. */
	for (size_t len = 250; len < 260; len++) {
		buf_printf(&buf, "%*d", (int)len, 0);
		assert_int_equal(strlen(buf_cstr(&buf)), len);
		buf_free(&buf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_arena(test_arena_alloc),
		test_with_arena(test_arena_text),
		cmocka_unit_test(test_buf),
	};

	return cmocka_run_group_tests_name("base-memory", tests, NULL, NULL);
}
