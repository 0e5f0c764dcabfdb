/*
 * gmime_oracle: what our MIME and delivery-status parsers find in messages,
 * compared with what GMime 3 finds.
 *
 *     gmime_oracle FILE...
 *     gmime_oracle -2 FILE OTHER     GMime reads OTHER: there is a difference
 *
 * A difference is a line "FILE: ..." on standard output, and the exit status is
 * then 1. A difference that is known and right is counted by its kind. The end
 * is a line "COUNT NAME" for each type of part, for recipients of
 * delivery-status parts, and for each known kind.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gmime_parts.h"

#include "base/file.h"
#include "base/msg.h"
#include "parse/dsn.h"
#include "parse/line.h"

/* GMime calls itself for every nested group of an address: some 40,000 of them
   end a process with a stack of 8 MiB. */
#define STACK_BYTES ((size_t)512 * 1024 * 1024)

/* Where we and GMime differ, and why ours is right. */
enum known {
	/* RFC 2046 forbids an encoded message/rfc822, and Exchange sends it:
	   GMime leaves it closed, we decode and open it. */
	KNOWN_ENCODED_MESSAGE,
	/* A multipart whose header names no boundary, or one that nobody wrote, has
	   no parts to GMime. Some MTAs forget the fold before the parameter: we
	   take the delimiter that the content has. */
	KNOWN_BOUNDARY,
	/* We stop at limits with names, and say so; what we found is what GMime
	   found, without some parts. */
	KNOWN_LIMIT,
	/* A message of nothing, at the end of a report that was cut, has no part
	   to GMime, and to us an empty text. */
	KNOWN_EMPTY,
	/* Bytes that are not of the charset that is named, or that no charset is
	   named for: GMime leaves them out, or all that follows. We keep them
	   as well as can be, and go on. */
	KNOWN_NOT_CHARSET,
	/* Groups without the blank line between them are one group to GMime.
	   We have a recipient for each address. */
	KNOWN_GROUPS_JOINED,
	KNOWN_COUNT,
};

static const char *const known_names[KNOWN_COUNT] = {
	[KNOWN_ENCODED_MESSAGE] = "an encoded message, closed to GMime",
	[KNOWN_BOUNDARY] = "a boundary that the header forgets",
	[KNOWN_LIMIT] = "a limit of ours was hit",
	[KNOWN_EMPTY] = "an empty message",
	[KNOWN_NOT_CHARSET] = "a text that is not of its charset",
	[KNOWN_GROUPS_JOINED] = "groups without a blank line",
};

static unsigned known_count[KNOWN_COUNT], recipient_count, difference_count;
static GHashTable *type_count;

static void differs(const struct comparison *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static void
differs(const struct comparison *comparison, const char *format, ...)
{
	va_list args;

	printf("%s: ", comparison->file);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	difference_count++;
}

/* --- parts ---------------------------------------------------------------- */

static bool
same_place(const struct part *ours, const struct part *theirs)
{
	return strcmp(ours->type, theirs->type) == 0 && ours->depth == theirs->depth &&
	    ours->enclosed == theirs->enclosed;
}

/* Texts up to a NUL, where GMime's ends. */
static bool
same_text(const struct part *ours, const struct part *theirs, struct arena *arena)
{
	return strcmp(arena_strdup(arena, ours->text), theirs->text.data) == 0;
}

static void
compare_content(const struct comparison *comparison, unsigned at, const struct part *ours,
    const struct part *theirs)
{
	if (!str_equal(ours->content, theirs->content))
		differs(comparison, "part %u, %s: content of %zu bytes, of %zu to GMime", at,
		    ours->type, ours->content.len, theirs->content.len);
	else if (strncmp(ours->type, "text/", 5) != 0)
		return;
	else if (!charset_is_utf8(ours->text))
		differs(comparison, "part %u, %s: text that is not UTF-8", at, ours->type);
	else if (same_text(ours, theirs, comparison->arena))
		return;
	else if (theirs->not_charset)
		known_count[KNOWN_NOT_CHARSET]++;
	else
		differs(comparison, "part %u, %s: text of %zu bytes, of %zu to GMime", at,
		    ours->type, ours->text.len, theirs->text.len);
}

static void
count_type(const char *type)
{
	guint count = GPOINTER_TO_UINT(g_hash_table_lookup(type_count, type));

	g_hash_table_insert(type_count, g_strdup(type), GUINT_TO_POINTER(count + 1));
}

/* Does a part have parts inside? */
static bool
is_filled(const struct parts *parts, unsigned at)
{
	return at + 1 < parts->count && parts->at[at + 1].depth > parts->at[at].depth;
}

/* Did GMime leave this part closed, which has parts to us? Then the kind of that. */
static bool
is_closed(const struct comparison *comparison, unsigned ours, unsigned theirs, enum known *kind_r)
{
	const struct part *one = &comparison->ours.at[ours];

	if (!is_filled(&comparison->ours, ours) || is_filled(&comparison->theirs, theirs))
		return false;
	*kind_r = one[1].empty ? KNOWN_EMPTY :
	    one->encoded ? KNOWN_ENCODED_MESSAGE : KNOWN_BOUNDARY;
	return *kind_r != KNOWN_BOUNDARY || strncmp(one->type, "multipart/", 10) == 0;
}

/* The number of our first part behind this one and all inside it. */
static unsigned
skip_inside(const struct parts *ours, unsigned at)
{
	unsigned depth = ours->at[at++].depth;

	while (at < ours->count && ours->at[at].depth > depth)
		at++;
	return at;
}

/* Returns the number of GMime's part that stands where this one of ours does,
   at or behind `at`. */
static unsigned
find_place(const struct comparison *comparison, const struct part *ours, unsigned at)
{
	unsigned found = at;

	if (comparison->limits == 0)
		return at;
	while (found < comparison->theirs.count &&
	    !same_place(ours, &comparison->theirs.at[found]))
		found++;
	if (found > at)
		known_count[KNOWN_LIMIT]++;
	return found < comparison->theirs.count ? found : at;
}

static void
compare_parts(const struct comparison *comparison)
{
	const struct parts *ours = &comparison->ours, *theirs = &comparison->theirs;
	unsigned i = 0, j = 0;
	enum known kind;

	while (i < ours->count && j < theirs->count) {
		const struct part *one = &ours->at[i], *other;

		j = find_place(comparison, one, j);
		other = &theirs->at[j];
		if (!same_place(one, other)) {
			differs(comparison, "part %u: ours %u:%s%s, GMime's %u:%s%s", i, one->depth,
			    one->type, one->enclosed ? "!" : "", other->depth, other->type,
			    other->enclosed ? "!" : "");
			return;
		}
		count_type(one->type);
		if (one->leaf)
			compare_content(comparison, i, one, other);
		if (is_closed(comparison, i, j, &kind)) {
			known_count[kind]++;
			i = skip_inside(ours, i);
		} else {
			i++;
		}
		j++;
	}
	if (theirs->count == 0 && ours->at[0].empty)
		known_count[KNOWN_EMPTY]++;
	else if (i == ours->count && j < theirs->count && comparison->limits != 0)
		known_count[KNOWN_LIMIT]++;
	else if (i < ours->count || j < theirs->count)
		differs(comparison, "%u parts, %u to GMime", ours->count, theirs->count);
}

/* --- delivery-status ------------------------------------------------------ */

#define FIELDS 6

static const struct {
	const char *name;
	size_t offset;
} fields[FIELDS] = {
	{ "Original-Recipient", offsetof(struct dsn_recipient, original_recipient) },
	{ "Final-Recipient", offsetof(struct dsn_recipient, final_recipient) },
	{ "Action", offsetof(struct dsn_recipient, action) },
	{ "Status", offsetof(struct dsn_recipient, status) },
	{ "Remote-MTA", offsetof(struct dsn_recipient, remote_mta) },
	{ "Diagnostic-Code", offsetof(struct dsn_recipient, diagnostic_code) },
};

/* A group of fields as GMime has it: raw values, NULL where there is none. */
struct group {
	const char *values[FIELDS];
	bool repeated;       /* a second address: another recipient */
};

/* White space, folds included, as single blanks and none at the ends. */
static const char *
squeeze(struct str text, struct arena *arena)
{
	struct buf out = { 0 };
	struct str word;
	const char *copy;

	while (str_next_word(&text, &word)) {
		if (out.len > 0)
			buf_add_byte(&out, ' ');
		buf_add(&out, word);
	}
	copy = arena_strdup(arena, buf_str(&out));
	buf_free(&out);
	return copy;
}

static void
read_group(GMimeHeaderList *headers, struct arena *arena, struct group *group_r)
{
	*group_r = (struct group){ .repeated = false };
	for (int i = 0; i < g_mime_header_list_get_count(headers); i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
		struct str name = str_of(g_mime_header_get_name(header));

		for (unsigned j = 0; j < FIELDS; j++) {
			if (!str_iequal(name, str_of(fields[j].name)))
				continue;
			if (group_r->values[j] == NULL)
				group_r->values[j] = squeeze(
				    str_of(g_mime_header_get_raw_value(header)), arena);
			else if (j <= 1)
				group_r->repeated = true;
		}
	}
}

/* Take the next group off the front of the content; GMime sees the rest as the
   body of a part. */
static bool
next_group(struct str *content, struct arena *arena, struct group *group_r)
{
	GMimeParser *parser;
	GMimeObject *part;

	if (str_trim(*content).len == 0)
		return false;
	parser = parser_of(*content);
	part = g_mime_parser_construct_part(parser, NULL);
	if (part != NULL) {
		read_group(g_mime_object_get_header_list(part), arena, group_r);
		*content = gmime_content(GMIME_PART(part), arena);
		g_object_unref(part);
	}
	g_object_unref(parser);
	return part != NULL;
}

static bool
has_recipient(const struct group *group)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		if (group->values[i] != NULL)
			return true;
	}
	return false;
}

static void
compare_group(const struct comparison *comparison, const struct group *group,
    const struct dsn_recipient *ours)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		struct str value = *(const struct str *)((const char *)ours + fields[i].offset);
		const char *text = squeeze(value, comparison->arena);

		if (strcmp(text, group->values[i] == NULL ? "" : group->values[i]) != 0)
			differs(comparison, "%s: \"%s\", \"%s\" to GMime", fields[i].name, text,
			    group->values[i] == NULL ? "" : group->values[i]);
	}
}

static void
compare_status(const struct comparison *comparison, struct str content)
{
	struct group group;
	struct dsn dsn;
	unsigned count = 0;
	bool joined = false;

	dsn_parse(content, comparison->arena, &dsn);
	while (next_group(&content, comparison->arena, &group)) {
		if (!has_recipient(&group))
			continue;
		joined |= group.repeated;
		if (count < dsn.count && !joined)
			compare_group(comparison, &group, &dsn.recipients[count]);
		count++;
	}
	recipient_count += dsn.count;
	if (joined && dsn.count > count)
		known_count[KNOWN_GROUPS_JOINED]++;
	else if (dsn.limits != 0 && dsn.count < count)
		known_count[KNOWN_LIMIT]++;
	else if (dsn.count != count)
		differs(comparison, "%u recipients, %u to GMime", dsn.count, count);
}

static void
compare_statuses(const struct comparison *comparison)
{
	for (unsigned i = 0; i < comparison->ours.count; i++) {
		const struct part *part = &comparison->ours.at[i];

		if (strcmp(part->type, "message/delivery-status") == 0 ||
		    strcmp(part->type, "message/global-delivery-status") == 0)
			compare_status(comparison, part->content);
	}
}

/* --- files ---------------------------------------------------------------- */

static void
compare(const char *file, struct str message, struct str other)
{
	struct comparison *comparison = calloc(1, sizeof(*comparison));

	if (comparison == NULL)
		msg_out_of_memory();
	comparison->file = file;
	comparison->arena = arena_new();
	find_ours(line_with_feeds(message, comparison->arena), comparison);
	find_gmime(line_with_feeds(other, comparison->arena), comparison);
	compare_parts(comparison);
	compare_statuses(comparison);
	arena_free(comparison->arena);
	free(comparison);
}

static void
read_file(const char *file, struct buf *content)
{
	const char *error = "no such file";

	if (file_read(file, FILE_BYTES, content, &error) != 1) {
		fprintf(stderr, "gmime_oracle: %s: %s\n", file, error);
		exit(2);
	}
}

static void
compare_files(const char *file, const char *other)
{
	struct buf one = { 0 }, two = { 0 };

	read_file(file, &one);
	read_file(other, &two);
	compare(file, buf_str(&one), buf_str(&two));
	buf_free(&one);
	buf_free(&two);
}

static void *
run(void *context)
{
	char **files = context;

	if (strcmp(files[0], "-2") == 0) {
		compare_files(files[1], files[2]);
		return NULL;
	}
	for (; *files != NULL; files++)
		compare_files(*files, *files);
	return NULL;
}

static void
print_count(gpointer type, gpointer count, gpointer unused)
{
	(void)unused;
	printf("%u %s\n", GPOINTER_TO_UINT(count), (const char *)type);
}

int
main(int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (argc < 2 || (strcmp(argv[1], "-2") == 0 && argc != 4)) {
		fprintf(stderr, "usage: gmime_oracle FILE... | -2 FILE OTHER\n");
		return 2;
	}
	msg_open("gmime_oracle", false);
	g_mime_init();
	type_count = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&thread, &attributes, run, argv + 1) != 0 ||
	    pthread_join(thread, NULL) != 0) {
		fprintf(stderr, "gmime_oracle: no thread\n");
		return 2;
	}
	pthread_attr_destroy(&attributes);
	g_hash_table_foreach(type_count, print_count, NULL);
	printf("%u recipients\n", recipient_count);
	for (unsigned i = 0; i < KNOWN_COUNT; i++)
		printf("%u known: %s\n", known_count[i], known_names[i]);
	g_hash_table_destroy(type_count);
	g_mime_shutdown();
	return difference_count > 0;
}
