/*
 * put_incidents: writes incidents into a store, as the daemon does.
 *
 *   put_incidents STATE_DIR <TEXT
 *
 * TEXT has incidents in their text form (base/textform.h), one after the other,
 * with an empty line behind each. All become part of the store at once.
 */
#include <err.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/msg.h"
#include "store/incidents.h"
#include "watch/incident.h"

#define STORE_BYTES (256 * 1024 * 1024)

/* What the daemon would write: it is read, and printed anew. */
static void
put(struct store_txn *txn, struct str text)
{
	struct arena *arena = arena_new();
	struct incident incident;
	struct buf out = { 0 };
	const char *error;

	if (incident_scan(text, arena, &incident) == -1)
		errx(1, "not an incident: %.*s", STR_ARGS(text));
	incident_print(&incident, &out);
	if (incidents_put(txn, incident.id, buf_str(&out), &error) == -1)
		errx(1, "%s", error);
	buf_free(&out);
	arena_free(arena);
}

int
main(int argc, char **argv)
{
	struct buf input = { 0 };
	enum store_error kind;
	struct store_txn *txn;
	struct store *store;
	const char *error;
	struct str rest;
	size_t end;
	int byte;

	if (argc != 2)
		errx(2, "usage: put_incidents STATE_DIR");
	msg_open("put_incidents", false);
	while ((byte = getchar()) != EOF)
		buf_add_byte(&input, (char)byte);
	if (store_open(argv[1], STORE_BYTES, false, &store, &kind, &error) == -1 ||
	    store_begin(store, &txn, &error) == -1)
		errx(1, "%s", error);
	rest = buf_str(&input);
	while (str_find(rest, STR("\n\n"), 0, &end) == 1) {
		put(txn, str_sub(rest, 0, end + 1));
		rest = str_sub(rest, end + 2, rest.len);
	}
	if (store_commit(txn, &error) == -1)
		errx(1, "%s", error);
	store_close(store);
	buf_free(&input);
	return 0;
}
