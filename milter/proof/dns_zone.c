#include "proof/dns_zone.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/msg.h"
#include "base/words.h"
#include "proof/dns_answer.h"
#include "proof/dns_name.h"

#define FILE_BYTES ((size_t)16 * 1024 * 1024)
#define TTL_SEC 3600 /* of a record that has none */

/* The types of dns.h first, in their order. */
enum kind { KIND_CNAME = DNS_TXT + 1, KIND_FAIL, KIND_SILENT };

static const char *const kind_names[] = {
	[DNS_A] = "A", [DNS_AAAA] = "AAAA", [DNS_MX] = "MX", [DNS_PTR] = "PTR",
	[DNS_TXT] = "TXT", [KIND_CNAME] = "CNAME", [KIND_FAIL] = "FAIL",
	[KIND_SILENT] = "SILENT",
};

static const struct words kinds = WORDS(kind_names);

struct record {
	const char *name;
	unsigned kind;
	unsigned line;
	uint32_t ttl_sec;
	unsigned preference;
	struct str text;
};

struct dns_zone {
	struct arena *arena;
	struct record *records; /* by name, and as in the file */
	size_t count;
};

static bool
ends_word(char byte)
{
	return byte == ' ' || byte == '\t' || byte == ';' || byte == '#' || byte == '"';
}

/* Without blanks in front; empty where a comment begins. */
static struct str
skip_blanks(struct str line)
{
	line = str_trim(line);
	return line.len > 0 && (line.data[0] == ';' || line.data[0] == '#') ? STR_EMPTY : line;
}

/* Take a word off the front of the line; empty if there is none, or a string. */
static struct str
take_word(struct str *line)
{
	struct str text = skip_blanks(*line);
	size_t len = 0;

	while (len < text.len && !ends_word(text.data[len]))
		len++;
	*line = str_sub(text, len, text.len);
	return str_sub(text, 0, len);
}

/* Take a string off the front of the line, without its escapes: "\" and three
   digits are a byte, "\" and another byte are that byte. */
static int
take_string(struct str *line, struct buf *text, const char **error_r)
{
	size_t at = 1;

	while (at < line->len && line->data[at] != '"') {
		uint64_t number;

		if (line->data[at] != '\\') {
			buf_add_byte(text, line->data[at++]);
		} else if (at + 3 < line->len &&
		    str_number(str_sub(*line, at + 1, at + 4), &number) == 0) {
			if (number > UINT8_MAX)
				return msg_failure(error_r, "\"%.*s\" is no byte: write \\000 to "
				    "\\255", STR_ARGS(str_sub(*line, at, at + 4)));
			buf_add_byte(text, (char)number);
			at += 4;
		} else if (at + 1 < line->len) {
			buf_add_byte(text, line->data[at + 1]);
			at += 2;
		} else {
			break;
		}
	}
	if (at >= line->len || line->data[at] != '"')
		return msg_failure(error_r, "a string has no closing quote: write a record on one "
		    "line");
	*line = str_sub(*line, at + 1, line->len);
	return 0;
}

static int
read_text(struct str *line, struct arena *arena, struct record *record, const char **error_r)
{
	struct buf text = { 0 };
	unsigned strings = 0;
	int ret = 0;

	for (*line = skip_blanks(*line); ret == 0 && line->len > 0 && line->data[0] == '"';
	    *line = skip_blanks(*line)) {
		ret = take_string(line, &text, error_r);
		strings++;
	}
	if (ret == 0 && strings == 0)
		ret = msg_failure(error_r, "a TXT record has no string: write it in quotes");
	if (ret == 0) {
		char *copy = arena_alloc(arena, text.len + 1);

		if (text.len > 0)
			memcpy(copy, text.data, text.len);
		record->text = (struct str){ copy, text.len };
	}
	buf_free(&text);
	return ret;
}

static int
read_address(struct str word, struct arena *arena, struct record *record, const char **error_r)
{
	int family = record->kind == DNS_A ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (inet_pton(family, arena_strdup(arena, word), &address) != 1)
		return msg_failure(error_r, "\"%.*s\" is no IPv%c address: write it as %s",
		    STR_ARGS(word), family == AF_INET ? '4' : '6',
		    family == AF_INET ? "192.0.2.1" : "2001:db8::1");
	inet_ntop(family, &address, text, sizeof(text));
	record->text = str_of(arena_strdup(arena, str_of(text)));
	return 0;
}

/* Returns 0 and the folded name, or -1. */
static int
read_name(struct str word, struct arena *arena, const char **name_r, const char **error_r)
{
	char folded[DNS_NAME_BYTES];

	if (str_equal(word, STR("@")) || !dns_name_fold(word, folded))
		return msg_failure(error_r, "\"%.*s\" is no name: write whole names, such as "
		    "www.example.com", STR_ARGS(word));
	*name_r = arena_strdup(arena, str_of(folded));
	return 0;
}

static int
read_host(struct str word, struct arena *arena, struct record *record, const char **error_r)
{
	const char *name = "";

	if ((record->kind != DNS_MX || !str_equal(word, STR("."))) &&
	    read_name(word, arena, &name, error_r) == -1)
		return -1;
	record->text = str_of(name);
	return 0;
}

static int
read_preference(struct str word, struct record *record, const char **error_r)
{
	uint64_t number;

	if (str_number(word, &number) == -1 || number > UINT16_MAX)
		return msg_failure(error_r, "\"%.*s\" is no preference: write MX, a number from 0 "
		    "to 65535, and the host", STR_ARGS(word));
	record->preference = (unsigned)number;
	return 0;
}

static int
read_value(struct str *line, struct arena *arena, struct record *record, const char **error_r)
{
	switch (record->kind) {
	case KIND_FAIL:
	case KIND_SILENT:
		return 0;
	case DNS_TXT:
		return read_text(line, arena, record, error_r);
	case DNS_A:
	case DNS_AAAA:
		return read_address(take_word(line), arena, record, error_r);
	case DNS_MX:
		if (read_preference(take_word(line), record, error_r) == -1)
			return -1;
		break;
	default:
		break;
	}
	return read_host(take_word(line), arena, record, error_r);
}

/* The time to live and "IN", in any order, and the type. */
static int
read_kind(struct str *line, struct record *record, const char **error_r)
{
	bool class = false, ttl = false;
	struct str word;
	uint64_t number;
	char upper[8];

	for (;;) {
		word = take_word(line);
		if (!class && str_iequal(word, STR("IN"))) {
			class = true;
		} else if (!ttl && str_number(word, &number) == 0 && number <= INT32_MAX) {
			record->ttl_sec = (uint32_t)number;
			ttl = true;
		} else {
			break;
		}
	}
	for (size_t i = 0; i < word.len && i < sizeof(upper); i++)
		upper[i] = word.data[i] >= 'a' && word.data[i] <= 'z' ?
		    (char)(word.data[i] - 'a' + 'A') : word.data[i];
	if (word.len > sizeof(upper) ||
	    words_find(&kinds, (struct str){ upper, word.len }, &record->kind) == 0)
		return msg_failure(error_r, "\"%.*s\" is no type: write A, AAAA, CNAME, MX, PTR, "
		    "TXT, FAIL or SILENT", STR_ARGS(word));
	return 0;
}

/* Returns 1 and a record, 0 if the line has none, -1 with what is wrong. */
static int
read_line(struct str line, struct arena *arena, struct record *record_r, const char **error_r)
{
	struct str word;

	*record_r = (struct record){ .ttl_sec = TTL_SEC };
	line = skip_blanks(line);
	if (line.len == 0)
		return 0;
	word = take_word(&line);
	if (word.len > 0 && word.data[0] == '$')
		return msg_failure(error_r, "%.*s is not known here: write whole names, and a time "
		    "to live into each record", STR_ARGS(word));
	if (read_name(word, arena, &record_r->name, error_r) == -1 ||
	    read_kind(&line, record_r, error_r) == -1 ||
	    read_value(&line, arena, record_r, error_r) == -1)
		return -1;
	line = skip_blanks(line);
	if (line.len > 0)
		return msg_failure(error_r, "\"%.*s\" is left over behind the value",
		    STR_ARGS(line));
	return 1;
}

static int
compare_records(const void *a, const void *b)
{
	const struct record *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static int
read_lines(struct str content, const char *path, struct dns_zone *zone, const char **error_r)
{
	size_t size = 0;
	struct str line;

	for (unsigned number = 1; str_next_piece(&content, '\n', &line); number++) {
		struct record record;
		int ret = read_line(line, zone->arena, &record, error_r);

		if (ret == -1)
			return msg_failure(error_r, "%s:%u: %s", path, number, *error_r);
		if (ret == 0)
			continue;
		if (zone->count == size) {
			size = size == 0 ? 64 : size * 2;
			zone->records = reallocarray(zone->records, size, sizeof(record));
			if (zone->records == NULL)
				msg_out_of_memory();
		}
		record.line = number;
		zone->records[zone->count++] = record;
	}
	if (zone->count > 0)
		qsort(zone->records, zone->count, sizeof(zone->records[0]), compare_records);
	return 0;
}

int
dns_zone_read(const char *path, struct dns_zone **zone_r, const char **error_r)
{
	struct buf content = { 0 };
	struct dns_zone *zone;
	int ret = file_read(path, FILE_BYTES, &content, error_r);

	if (ret == 0)
		ret = msg_failure(error_r, "%s: there is no such file", path);
	if (ret == -1) {
		buf_free(&content);
		return -1;
	}
	zone = calloc(1, sizeof(*zone));
	if (zone == NULL)
		msg_out_of_memory();
	zone->arena = arena_new();
	ret = read_lines(buf_str(&content), path, zone, error_r);
	buf_free(&content);
	if (ret == -1) {
		dns_zone_free(zone);
		return -1;
	}
	*zone_r = zone;
	return 0;
}

void
dns_zone_free(struct dns_zone *zone)
{
	if (zone == NULL)
		return;
	arena_free(zone->arena);
	free(zone->records);
	free(zone);
}

/* The first record of a name; zone->count if there is none. */
static size_t
find_name(const struct dns_zone *zone, const char *name)
{
	size_t low = 0, high = zone->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(zone->records[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < zone->count && strcmp(zone->records[low].name, name) == 0 ? low :
	    zone->count;
}

/* A record of the name that stands before all others, because it is no data. */
static const struct record *
find_special(const struct dns_zone *zone, size_t first)
{
	for (size_t i = first; i < zone->count &&
	    strcmp(zone->records[i].name, zone->records[first].name) == 0; i++) {
		if (zone->records[i].kind >= KIND_CNAME)
			return &zone->records[i];
	}
	return NULL;
}

static void
collect(const struct dns_zone *zone, size_t first, enum dns_type type, struct arena *arena,
    struct dns_answer *answer, uint32_t *ttl_sec)
{
	for (size_t i = first; i < zone->count &&
	    strcmp(zone->records[i].name, zone->records[first].name) == 0; i++) {
		const struct record *record = &zone->records[i];

		if (record->kind != (unsigned)type)
			continue;
		dns_answer_add(answer, type, record->preference, record->text, arena);
		if (record->ttl_sec < *ttl_sec)
			*ttl_sec = record->ttl_sec;
	}
	answer->status = answer->count > 0 || answer->cut ? DNS_FOUND : DNS_NO_DATA;
}

int
dns_zone_find(const struct dns_zone *zone, enum dns_type type, const char *name,
    struct arena *arena, struct dns_answer *answer_r, uint32_t *ttl_sec_r)
{
	*answer_r = (struct dns_answer){ .status = DNS_FAILED };
	*ttl_sec_r = UINT32_MAX;
	for (unsigned links = 0; links <= DNS_CHAIN_MOST; links++) {
		size_t first = find_name(zone, name);
		const struct record *special;

		if (first == zone->count) {
			answer_r->status = DNS_NO_NAME;
			return 1;
		}
		special = find_special(zone, first);
		if (special == NULL) {
			collect(zone, first, type, arena, answer_r, ttl_sec_r);
			return 1;
		}
		if (special->kind != KIND_CNAME)
			return special->kind == KIND_FAIL;
		name = special->text.data;
		if (special->ttl_sec < *ttl_sec_r)
			*ttl_sec_r = special->ttl_sec;
	}
	return 1;
}
