#include "proof/tag.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/msg.h"
#include "parse/decode.h"

#define FILE_BYTES 4096
#define TOKEN_PREFIX "b1"
#define NUMBERS_BYTES 4 /* day and number of recipients */
#define SIGNED_BYTES (NUMBERS_BYTES + 2 * TAG_PART_BYTES)
#define TOKEN_BYTES (SIGNED_BYTES + HMAC_DIGEST_BYTES)
#define PREFIX_CHARS 3  /* with the id of the key */
#define TOKEN_CHARS (PREFIX_CHARS + 2 * TOKEN_BYTES)

struct tag_keys {
	struct tag_key {
		char id;
		struct hmac *hmac;
	} keys[TAG_KEYS_MOST];
	unsigned count;
};

static int
scan_hex(const char *text, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int byte = decode_hex(text[2 * i], text[2 * i + 1]);

		if (byte == -1)
			return -1;
		bytes[i] = (uint8_t)byte;
	}
	return 0;
}

static void
print_hex(const uint8_t *bytes, size_t count, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
}

/* Returns NULL, or what is wrong with the line. */
static const char *
read_key(struct tag_keys *keys, struct str line)
{
	uint8_t bytes[HMAC_KEY_BYTES];
	struct str id, key;

	if (!str_next_word(&line, &id) || !str_next_word(&line, &key) || str_trim(line).len > 0 ||
	    id.len != 1 || !str_is_alnum(id.data[0]))
		return "a key is: ID KEY, an ID of one letter or digit and 64 hexadecimal digits";
	if (key.len != (size_t)2 * HMAC_KEY_BYTES || scan_hex(key.data, bytes, HMAC_KEY_BYTES) == -1)
		return "the KEY must be 64 hexadecimal digits: make one with openssl rand -hex 32";
	if (keys->count == TAG_KEYS_MOST)
		return "there may be two keys, the one that signs and the one before it";
	if (keys->count == 1 && keys->keys[0].id == id.data[0])
		return "both keys have the same ID";
	keys->keys[keys->count].id = id.data[0];
	keys->keys[keys->count++].hmac = hmac_new(bytes);
	return NULL;
}

static int
read_keys(struct tag_keys *keys, const char *path, struct str text, const char **error_r)
{
	unsigned number = 0;
	struct str line;

	while (str_next_piece(&text, '\n', &line)) {
		const char *wrong;

		number++;
		line = str_trim(line);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		wrong = read_key(keys, line);
		if (wrong != NULL)
			return msg_failure(error_r, "%s:%u: %s", path, number, wrong);
	}
	return keys->count > 0 ? 0 : msg_failure(error_r, "%s: no key in it: write a line with "
	    "an ID and the output of openssl rand -hex 32", path);
}

int
tag_keys_load(const char *path, struct tag_keys **keys_r, const char **error_r)
{
	struct tag_keys *keys = calloc(1, sizeof(*keys));
	struct buf text = { 0 };
	int ret = file_read_secret(path, FILE_BYTES, &text, error_r);

	if (keys == NULL)
		msg_out_of_memory();
	if (ret == 0)
		ret = msg_failure(error_r, "%s: no such file: make it with a line \"a KEY\", KEY being "
		    "the output of openssl rand -hex 32", path);
	if (ret == 1)
		ret = read_keys(keys, path, buf_str(&text), error_r);
	buf_free(&text);
	if (ret == -1) {
		tag_keys_free(keys);
		return -1;
	}
	*keys_r = keys;
	return 0;
}

void
tag_keys_free(struct tag_keys *keys)
{
	if (keys == NULL)
		return;
	for (unsigned i = 0; i < keys->count; i++)
		hmac_free(keys->keys[i].hmac);
	free(keys);
}

/* A digest for one use alone. Returns 0 or -1. */
static int
digest_part(const struct hmac *key, const char *use, const char *text,
    uint8_t part_r[TAG_PART_BYTES], struct arena *arena)
{
	uint8_t digest[HMAC_DIGEST_BYTES];

	if (hmac_digest(key, str_of(arena_printf(arena, "%s\1%s", use, text)), digest) == -1)
		return -1;
	memcpy(part_r, digest, TAG_PART_BYTES);
	return 0;
}

/* Of a message without a Message-ID nothing is known: zeros. */
static int
digest_message(const struct hmac *key, const char *message_id, uint8_t part_r[TAG_PART_BYTES],
    struct arena *arena)
{
	memset(part_r, 0, TAG_PART_BYTES);
	return message_id[0] == '\0' ? 0 : digest_part(key, "message", message_id, part_r, arena);
}

static int
digest_recipients(const struct hmac *key, const struct tag_mail *mail,
    uint8_t part_r[TAG_PART_BYTES], struct arena *arena)
{
	uint8_t part[TAG_PART_BYTES];

	memset(part_r, 0, TAG_PART_BYTES);
	for (unsigned i = 0; i < mail->count; i++) {
		if (digest_part(key, "recipient", mail->recipients[i], part, arena) == -1)
			return -1;
		for (size_t j = 0; j < TAG_PART_BYTES; j++)
			part_r[j] ^= part[j];
	}
	return 0;
}

/* The MAC covers the id of the key too. Returns 0 or -1. */
static int
sign(const struct tag_key *key, const uint8_t bytes[SIGNED_BYTES],
    uint8_t mac_r[HMAC_DIGEST_BYTES])
{
	char text[4 + SIGNED_BYTES] = { 't', 'a', 'g', key->id };

	memcpy(text + 4, bytes, SIGNED_BYTES);
	return hmac_digest(key->hmac, (struct str){ text, sizeof(text) }, mac_r);
}

const char *
tag_make(const struct tag_keys *keys, const struct tag_mail *mail, struct arena *arena)
{
	const struct tag_key *key = &keys->keys[0];
	unsigned day = (unsigned)(mail->time / CLOCK_DAY_SEC);
	unsigned count = mail->count < TAG_RECIPIENTS_MOST ? mail->count : TAG_RECIPIENTS_MOST;
	uint8_t bytes[TOKEN_BYTES] = {
		(uint8_t)(day >> 8), (uint8_t)day, (uint8_t)(count >> 8), (uint8_t)count,
	};
	char *token = arena_alloc(arena, TOKEN_CHARS + 1);

	if (digest_message(key->hmac, mail->message_id, bytes + NUMBERS_BYTES, arena) == -1 ||
	    digest_recipients(key->hmac, mail, bytes + NUMBERS_BYTES + TAG_PART_BYTES,
		arena) == -1 ||
	    sign(key, bytes, bytes + SIGNED_BYTES) == -1)
		return NULL;
	memcpy(token, TOKEN_PREFIX, PREFIX_CHARS - 1);
	token[PREFIX_CHARS - 1] = key->id;
	print_hex(bytes, TOKEN_BYTES, token + PREFIX_CHARS);
	return token;
}

int
tag_read(const struct tag_keys *keys, const char *text, int64_t now, int64_t keep_sec,
    struct tag *tag_r)
{
	uint8_t bytes[TOKEN_BYTES], mac[HMAC_DIGEST_BYTES];
	const struct tag_key *key = NULL;
	int64_t time;

	if (strlen(text) != TOKEN_CHARS || !str_istarts(str_of(text), STR(TOKEN_PREFIX)) ||
	    scan_hex(text + PREFIX_CHARS, bytes, TOKEN_BYTES) == -1)
		return 0;
	for (unsigned i = 0; i < keys->count; i++) {
		if (keys->keys[i].id == text[PREFIX_CHARS - 1])
			key = &keys->keys[i];
	}
	if (key == NULL || sign(key, bytes, mac) == -1 ||
	    !hmac_is_equal(mac, bytes + SIGNED_BYTES))
		return 0;
	time = (int64_t)(bytes[0] << 8 | bytes[1]) * CLOCK_DAY_SEC;
	if (time > now + CLOCK_AHEAD_SEC || time + CLOCK_DAY_SEC < now - keep_sec)
		return 0;
	*tag_r = (struct tag){ .key = key->hmac, .time = time,
		.recipients = (unsigned)bytes[2] << 8 | bytes[3] };
	memcpy(tag_r->message, bytes + NUMBERS_BYTES, TAG_PART_BYTES);
	memcpy(tag_r->recipient, bytes + NUMBERS_BYTES + TAG_PART_BYTES, TAG_PART_BYTES);
	return 1;
}

bool
tag_is_of_message(const struct tag *tag, const char *message_id)
{
	static const uint8_t any[TAG_PART_BYTES];
	struct arena *arena = arena_new();
	uint8_t part[TAG_PART_BYTES];
	bool is = memcmp(tag->message, any, TAG_PART_BYTES) == 0 ||
	    (digest_message(tag->key, message_id, part, arena) == 0 &&
		memcmp(tag->message, part, TAG_PART_BYTES) == 0);

	arena_free(arena);
	return is;
}

bool
tag_is_for(const struct tag *tag, const char *recipient)
{
	struct arena *arena = arena_new();
	uint8_t part[TAG_PART_BYTES];
	bool is = tag->recipients == 1 &&
	    digest_part(tag->key, "recipient", recipient, part, arena) == 0 &&
	    memcmp(tag->recipient, part, TAG_PART_BYTES) == 0;

	arena_free(arena);
	return is;
}
