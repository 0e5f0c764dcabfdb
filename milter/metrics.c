#include "metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "metrics_text.h"
#include "store/breaker.h"
#include "store/incidents.h"
#include "store/journal.h"
#include "store/publish.h"
#include "store/standing.h"
#include "watch/incident.h"

/* Call `each` for the rows of a table. Returns 0, or -1 as soon as it does. */
static int
walk(struct store_txn *txn, enum store_table table,
    int (*each)(void *context, struct str key, struct str value, const char **error_r),
    void *context, const char **error_r)
{
	struct store_cursor *cursor;
	struct str key, value;
	int ret;

	if (store_cursor_open(txn, table, &cursor, error_r) == -1)
		return -1;
	ret = store_cursor_seek(cursor, STR_EMPTY, &key, &value, error_r);
	while (ret == 1) {
		ret = each(context, key, value, error_r);
		if (ret == 0)
			ret = store_cursor_next(cursor, &key, &value, error_r);
	}
	store_cursor_close(cursor);
	return ret;
}

static int
take_counter(void *context, struct str key, struct str value, const char **error_r)
{
	(void)error_r;
	metrics_text_add_counter(context, key, store_scan_number(value));
	return 0;
}

/* What is open, by rule and severity. */
struct open_incidents {
	uint64_t count[WATCH_RULES][SEVERITY_CRITICAL + 1];
	uint64_t recipients[WATCH_RULES];
};

static int
take_incident(void *context, struct str key, struct str value, const char **error_r)
{
	struct open_incidents *open = context;
	struct arena *arena = arena_new();
	struct incident incident;

	(void)key;
	(void)error_r;
	/* A damaged row is not the end of all other numbers. */
	if (incident_scan(value, arena, &incident) == 0 && incident.id != 0 &&
	    incident.closed == 0 && incident.rule < WATCH_RULES &&
	    incident.severity <= SEVERITY_CRITICAL) {
		open->count[incident.rule][incident.severity]++;
		open->recipients[incident.rule] += incident.recipients;
	}
	arena_free(arena);
	return 0;
}

static int
add_incidents(struct metrics_text *text, struct store_txn *txn, const char **error_r)
{
	struct open_incidents open = { 0 };

	if (walk(txn, STORE_INCIDENTS, take_incident, &open, error_r) == -1)
		return -1;
	for (unsigned rule = 0; rule < WATCH_RULES; rule++) {
		const char *name = words_name(&watch_rule_words, rule);

		for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++)
			metrics_text_add_of_two(text, "incidents_open", "rule", name, "severity",
			    words_name(&severity_words, i), open.count[rule][i]);
		metrics_text_add_of(text, "incident_recipients", "rule", name,
		    open.recipients[rule]);
	}
	return 0;
}

static int
add_frozen(struct metrics_text *text, struct store *store, const char **error_r)
{
	struct breaker_frozen *frozen;
	uint64_t count = 0;

	if (breaker_list(store, text->arena, &frozen, error_r) == -1)
		return -1;
	for (; frozen != NULL; frozen = frozen->next)
		count++;
	metrics_text_add(text, "breaker_frozen_providers", count);
	return 0;
}

static int
add_rows(struct metrics_text *text, struct store_txn *txn, const char **error_r)
{
	static const struct {
		enum store_table table;
		const char *name;
	} tables[] = {
		{ STORE_JOURNAL, "journal" }, { STORE_UNVERIFIED, "unverified" },
		{ STORE_STANDING, "standing" }, { STORE_EXPIRY, "expiry" },
		{ STORE_SEEN, "seen" }, { STORE_COUNTERS, "counters" }, { STORE_RATES, "rates" },
		{ STORE_INCIDENTS, "incidents" }, { STORE_BREAKER, "breaker" },
	};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		uint64_t count;

		if (store_count(txn, tables[i].table, &count, error_r) == -1)
			return -1;
		metrics_text_add_of(text, "store_rows", "table", tables[i].name, count);
	}
	return 0;
}

/* How far the journal and the tables are. Where nothing is published the tables are
   not behind. CDB tables are made of all there is, and have no such number. */
static int
add_sequences(struct metrics_text *text, struct store_txn *txn, const struct config *config,
    const char **error_r)
{
	uint64_t first, last, published;

	if (journal_bounds(txn, STORE_JOURNAL, &first, &last, error_r) == -1 ||
	    publish_position(txn, &published, error_r) == -1)
		return -1;
	metrics_text_add(text, "journal_sequence", last);
	if (config->mode == MODE_ENFORCE && config->table_type != TABLE_CDB)
		metrics_text_add(text, "published_sequence", published);
	return 0;
}

static int
add_of_store(struct metrics_text *text, struct store *store, const struct config *config,
    const char **error_r)
{
	struct store_txn *txn;
	const char *no_room;
	int ret = -1;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	if (walk(txn, STORE_COUNTERS, take_counter, text, error_r) == 0 &&
	    add_incidents(text, txn, error_r) == 0 &&
	    add_rows(text, txn, error_r) == 0 && add_sequences(text, txn, config, error_r) == 0) {
		metrics_text_add(text, "store_failing", store_is_failing(store) ||
		    store_check_room(txn, &no_room) == -1);
		ret = 0;
	}
	store_abort(txn);
	return ret;
}

static void
add_size(struct metrics_text *text, const struct config *config, const char *environment,
    uint64_t limit)
{
	struct stat st;

	if (stat(arena_printf(text->arena, "%s/%s.lmdb", config->state_dir, environment),
		&st) == 0)
		metrics_text_add_of(text, "store_bytes", "environment", environment,
		    (uint64_t)st.st_size);
	metrics_text_add_of(text, "store_limit_bytes", "environment", environment, limit);
}

static void
add_addresses(struct metrics_text *text, const char *name,
    const uint64_t counts[TABLE_SET_COUNT][CATEGORY_COUNT])
{
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		for (unsigned j = 0; j < CATEGORY_COUNT; j++) {
			if (counts[i][j] > 0)
				metrics_text_add_of_two(text, name, "table",
				    words_name(&table_set_words, i), "category",
				    category_name(j), counts[i][j]);
		}
	}
}

static void
add_settings(struct metrics_text *text, const struct config *config)
{
	metrics_text_add(text, "up", metrics_is_daemon_up(config));
	metrics_text_add_of(text, "build_info", "version", VERSION, 1);
	metrics_text_add(text, "metrics_timestamp_seconds", (uint64_t)clock_now());
	metrics_text_add(text, "enforcing", config->mode == MODE_ENFORCE);
	metrics_text_add(text, "log_lane", config->log_from != LOG_FROM_NOWHERE);
	add_size(text, config, "state", config->store_size_bytes);
	if (config->ledger != LEDGER_NONE)
		add_size(text, config, "sent", config->ledger_size_bytes);
}

int
metrics_print(struct store *store, const struct config *config,
    const struct metrics_addresses *addresses, struct buf *out, const char **error_r)
{
	struct metrics_text text;
	int ret;

	metrics_text_begin(&text);
	add_settings(&text, config);
	add_addresses(&text, "suppressed_addresses", addresses->suppressed);
	add_addresses(&text, "held_addresses", addresses->held);
	ret = add_of_store(&text, store, config, error_r);
	if (ret == 0)
		ret = add_frozen(&text, store, error_r);
	if (ret == 0)
		metrics_text_print(&text, out);
	metrics_text_end(&text);
	return ret;
}

static void
count_row(const struct pages_row *row, struct metrics_addresses *addresses)
{
	struct standing standing;
	const char *address;
	size_t at;

	/* Most have failed only: those need not be read. */
	if (str_find(row->value, STR("\nsuppressed "), 0, &at) == 0 &&
	    str_find(row->value, STR("\nheld "), 0, &at) == 0)
		return;
	if (standing_scan(row, &standing, &address) == -1)
		return;
	for (unsigned i = 0; i < TABLE_SET_COUNT; i++) {
		if (standing.suppressed[i].event != 0)
			addresses->suppressed[i][standing.suppressed[i].category]++;
		if (standing.held[i].event != 0)
			addresses->held[i][standing.held[i].category]++;
	}
}

static int
count_all(struct store *store, struct metrics_addresses *addresses, const char **error_r)
{
	struct pages *pages = pages_new(store, STORE_STANDING, STR_EMPTY);
	const struct pages_row *rows;
	unsigned count;
	int ret;

	while ((ret = pages_next(pages, &rows, &count, error_r)) == 1) {
		for (unsigned i = 0; i < count; i++)
			count_row(&rows[i], addresses);
	}
	pages_free(pages);
	return ret;
}

int
metrics_count_addresses(struct store *store, int64_t pause_msec,
    struct metrics_addresses *addresses, const char **error_r)
{
	int64_t began = clock_monotonic_msec(), pause = addresses->took_msec * METRICS_SHARE;
	struct metrics_addresses fresh = { 0 };
	struct store_txn *txn;
	uint64_t first;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = journal_bounds(txn, STORE_JOURNAL, &first, &fresh.sequence, error_r);
	store_abort(txn);
	if (ret == -1)
		return -1;
	if (pause < pause_msec)
		pause = pause_msec;
	/* No standing changes without an event. */
	if (addresses->counted_msec != 0 && (addresses->sequence == fresh.sequence ||
	    began - addresses->counted_msec < pause))
		return 0;
	if (count_all(store, &fresh, error_r) == -1)
		return -1;
	fresh.counted_msec = clock_monotonic_msec();
	fresh.took_msec = fresh.counted_msec - began;
	*addresses = fresh;
	return 0;
}

static int
write_all(int fd, struct str content)
{
	while (content.len > 0) {
		ssize_t done = write(fd, content.data, content.len);

		if (done == -1 && errno != EINTR)
			return -1;
		if (done > 0)
			content = str_sub(content, (size_t)done, content.len);
	}
	return 0;
}

/* Everybody may read it: the node_exporter is another user. */
static int
replace_file(const char *path, const char *aside, struct str content, const char **error_r)
{
	int fd, ret = -1;

	unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd == -1)
		return msg_failure(error_r, "%s: %s: the directory must be there, and writable for "
		    "this user", aside, strerror(errno));
	if (fchmod(fd, 0644) == 0 && write_all(fd, content) == 0 && rename(aside, path) == 0)
		ret = 0;
	else
		msg_failure(error_r, "%s: %s", path, strerror(errno));
	close(fd);
	if (ret == -1)
		unlink(aside);
	return ret;
}

int
metrics_write(struct store *store, const struct config *config,
    struct metrics_addresses *addresses, const char **error_r)
{
	struct buf content = { 0 }, aside = { 0 };
	int ret = -1;

	if (config->alert_textfile[0] == '\0')
		return 0;
	/* The node_exporter reads *.prom, and not this. */
	buf_printf(&aside, "%s.new", config->alert_textfile);
	if (metrics_count_addresses(store, 0, addresses, error_r) == 0 &&
	    metrics_print(store, config, addresses, &content, error_r) == 0)
		ret = replace_file(config->alert_textfile, buf_cstr(&aside), buf_str(&content),
		    error_r);
	buf_free(&content);
	buf_free(&aside);
	return ret;
}

bool
metrics_is_daemon_up(const struct config *config)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct buf path = { 0 };
	bool up;
	int fd;

	/* The lock of startup_lock(). */
	buf_printf(&path, "%s/lock", config->state_dir);
	fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	buf_free(&path);
	if (fd == -1)
		return false;
	up = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return up;
}

int
metrics_is_self_critical(struct store *store, const char **error_r)
{
	struct open_incidents open = { 0 };
	struct store_txn *txn;
	int ret;

	if (store_begin_read(store, &txn, error_r) == -1)
		return -1;
	ret = walk(txn, STORE_INCIDENTS, take_incident, &open, error_r);
	store_abort(txn);
	return ret == -1 ? -1 : open.count[WATCH_SELF][SEVERITY_CRITICAL] > 0;
}
