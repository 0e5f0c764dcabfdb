/* file, hmac and words: what stands between us and the system. */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hmac.h"
#include "base/words.h"

static int
directory_setup(void **state)
{
	*state = mkdtemp(strdup("/tmp/bm-file-XXXXXX"));
	return *state == NULL ? -1 : 0;
}

static int
directory_teardown(void **state)
{
	char command[64];
	int ret;

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	ret = system(command);
	free(*state);
	return ret;
}

static const char *
in(const char *directory, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void
test_read(void **state)
{
	const char *path = in(*state, "file"), *error = "";
	struct buf content = { 0 };
	FILE *file;

	assert_int_equal(file_read(path, 10, &content, &error), 0);
	file = fopen(path, "w");
	fputs("0123456789", file);
	fclose(file);
	assert_int_equal(file_read(path, 10, &content, &error), 1);
	assert_string_equal(buf_cstr(&content), "0123456789");
	assert_int_equal(file_read(path, 10, &content, &error), -1);
	assert_non_null(strstr(error, "more than 10 bytes"));
	buf_clear(&content);
	assert_int_equal(file_read(path, 9, &content, &error), -1);
	/* Neither a directory nor a FIFO, and a FIFO does not hang. */
	assert_int_equal(file_read(*state, 10, &content, &error), -1);
	assert_non_null(strstr(error, "not a regular file"));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_read(path, 10, &content, &error), -1);
	assert_non_null(strstr(error, "not a regular file"));
	buf_free(&content);
}

static void
test_lock(void **state)
{
	const char *path = in(*state, "lock"), *error;
	int fd, status, other;
	pid_t child;

	assert_int_equal(file_lock(path, &fd, &error), 1);
	/* Held against others, and against another descriptor of our own. */
	assert_int_equal(file_lock(path, &other, &error), 0);
	child = fork();
	if (child == 0)
		_exit(file_lock(path, &other, &error) == 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
	assert_int_equal(file_lock(path, &fd, &error), 1);
	close(fd);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(file_lock(path, &fd, &error), -1);
}

static void
test_directory(void **state)
{
	const char *path = in(*state, "new"), *error;
	struct stat st;

	assert_int_equal(file_make_directory(path, 0750, &error), 0);
	assert_int_equal(file_make_directory(path, 0750, &error), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
	assert_int_equal(file_sync_directory(path, &error), 0);
	rmdir(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(file_make_directory(path, 0750, &error), -1);
	assert_int_equal(file_make_directory("/nonexistent/x", 0750, &error), -1);
	assert_int_equal(file_sync_directory("/nonexistent/x", &error), -1);
}

/* RFC 4231: a key is filled up with zero bytes. */
static void
test_hmac(void **state)
{
	static const struct {
		const char *key, *text;
		uint8_t want[HMAC_DIGEST_BYTES];
	} cases[] = {
		{ "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
		    "Hi There", { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
		    0xce, 0xaf, 0x0b, 0xf1, 0x2b } },
		{ "Jefe", "what do ya want for nothing?", { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
		    0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7 } },
	};
	uint8_t key[HMAC_KEY_BYTES], other[HMAC_KEY_BYTES], digest[HMAC_DIGEST_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str text = exact(cases[i].text);
		struct hmac *hmac;

		memset(key, 0, sizeof(key));
		memcpy(key, cases[i].key, strlen(cases[i].key));
		hmac = hmac_new(key);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(hmac_digest(hmac, text, digest), 0);
			assert_memory_equal(digest, cases[i].want, sizeof(digest));
		}
		hmac_free(hmac);
		drop(text);
	}
	assert_int_equal(hmac_new_key(key), 0);
	assert_int_equal(hmac_new_key(other), 0);
	assert_memory_not_equal(key, other, sizeof(key));
}

static void
test_words(void **state)
{
	static const char *const names[] = { "one", "two" };
	static const struct words words = WORDS(names);
	unsigned value = 9;

	(void)state;
	assert_string_equal(words_name(&words, 1), "two");
	assert_string_equal(words_name(&words, 2), "?");
	assert_int_equal(words_find(&words, STR("one"), &value), 1);
	assert_int_equal(value, 0);
	assert_int_equal(words_find(&words, STR("One"), &value), 0);
	assert_int_equal(words_find(&words, STR(""), &value), 0);
}

#define directory_test(function) \
	cmocka_unit_test_setup_teardown(function, directory_setup, directory_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(test_read),
		directory_test(test_lock),
		directory_test(test_directory),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("base-file", tests, NULL, NULL);
}
