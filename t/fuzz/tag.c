/* A token as it comes back, and a return path: what is not ours, byte for byte,
   proves nothing; whatever stands there is decoded into an address or nothing. */
#include "support.h"

#include <unistd.h>

#include "base/clock.h"
#include "parse/address.h"
#include "parse/returnpath.h"
#include "proof/tag.h"

#define NOW INT64_C(1795000000)
#define KEY "a 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

static struct tag_keys *
load_keys(void)
{
	char path[] = "/tmp/bm-tag-XXXXXX";
	struct tag_keys *keys;
	const char *error;
	int fd = mkstemp(path);

	promise(fd != -1 && write(fd, KEY, sizeof(KEY) - 1) == sizeof(KEY) - 1);
	close(fd);
	promise(tag_keys_load(path, &keys, &error) == 0);
	unlink(path);
	return keys;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const recipients[] = { "user@example.net" };
	static struct tag_keys *keys;
	const struct tag_mail mail = { NOW, "<1@example.com>", recipients, 1 };
	struct arena *arena = arena_new();
	const char *text, *sender, *recipient, *again;
	struct tag tag;

	if (keys == NULL)
		keys = load_keys();
	text = arena_strdup(arena, (struct str){ (const char *)data, size });
	if (tag_read(keys, text, NOW, 10 * CLOCK_DAY_SEC, &tag) == 1) {
		promise(str_iequal(str_of(text), str_of(tag_make(keys, &mail, arena))));
		promise(tag_is_for(&tag, recipients[0]));
	}
	sender = returnpath_sender(text, arena);
	promise(strlen(sender) <= strlen(text));
	recipient = returnpath_recipient(text, arena);
	promise(recipient[0] == '\0' || address_parse(str_of(recipient), arena, &again) == 1);
	promise(returnpath_secret_bytes(text, recipient, sender, "user@example.net", arena) <=
	    strlen(text));
	arena_free(arena);
	return 0;
}
