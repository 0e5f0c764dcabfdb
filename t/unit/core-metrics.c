#include "store-support.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "metrics.h"
#include "metrics_names.h"
#include "record.h"
#include "store/breaker.h"
#include "store/counters.h"
#include "store/incidents.h"
#include "watch/incident.h"

static struct config config;

/* A test has a directory; the configuration is about it. */
static int
setup(void **state)
{
	int ret = make_directory(state);

	config = (struct config){ .state_dir = *state, .alert_textfile = "",
		.store_size_bytes = STORE_BYTES, .ledger = LEDGER_NONE,
		.log_from = LOG_FROM_NOWHERE };
	return ret;
}

static void
count(struct store *store, const char *name, const char *label, const char *value, uint64_t n)
{
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_done(counters_add(txn, name, label, value, n, &error));
	assert_done(store_commit(txn, &error));
}

/* All metrics; to be freed. */
static struct buf
print(struct store *store)
{
	struct metrics_addresses addresses = { 0 };
	struct buf out = { 0 };
	const char *error;

	assert_done(metrics_count_addresses(store, 0, &addresses, &error));
	assert_done(metrics_print(store, &config, &addresses, &out, &error));
	return out;
}

/* Is it a whole line of the text? */
static bool
has_line(const struct buf *text, const char *wanted)
{
	struct str rest = buf_str(text), line;

	while (str_next_piece(&rest, '\n', &line)) {
		if (str_equal(line, str_of(wanted)))
			return true;
	}
	return false;
}

#define assert_line(text, wanted) do { \
		if (!has_line(text, wanted)) \
			fail_msg("not there: %s\nin:\n%s", wanted, buf_cstr(text)); \
	} while (0)

static void
assert_printed(struct store *store, const char *wanted)
{
	struct buf out = print(store);

	assert_line(&out, wanted);
	buf_free(&out);
}

/* What is in a label is quoted as the format wants it, whatever it is. */
static void
test_labels_are_quoted(void **state)
{
	static const struct {
		const char *name, *label, *value, *line;
	} cases[] = {
		{ "a_total", "", "", "bouncemilter_a_total 1" },
		{ "b_total", "kind", "x", "bouncemilter_b_total{kind=\"x\"} 1" },
		{ "c_total", "kind", "", "bouncemilter_c_total{kind=\"\"} 1" },
		{ "d_total", "kind", "a\"b", "bouncemilter_d_total{kind=\"a\\\"b\"} 1" },
		{ "e_total", "kind", "a\\b", "bouncemilter_e_total{kind=\"a\\\\b\"} 1" },
		{ "f_total", "kind", "a\nb", "bouncemilter_f_total{kind=\"a\\nb\"} 1" },
		{ "g_total", "kind", "\xff\t\x7f", "bouncemilter_g_total{kind=\"???\"} 1" },
		{ "h_total", "kind", "\"} 9\nx 1",
		    "bouncemilter_h_total{kind=\"\\\"} 9\\nx 1\"} 1" },
		{ "i-total", "9.kind", "x", "bouncemilter_i_total{label=\"x\"} 1" },
		{ "j total\n", "a b", "x", "bouncemilter_j_total_{a_b=\"x\"} 1" },
		{ "k_total{", "", "", "bouncemilter_k_total_ 1" },
	};
	struct store *store = open_store(*state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		count(store, cases[i].name, cases[i].label, cases[i].value, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_printed(store, cases[i].line);
	/* Two that become one. */
	count(store, "l total", "", "", 1);
	count(store, "l-total", "", "", 2);
	assert_printed(store, "bouncemilter_l_total 3");
	assert_printed(store, "# TYPE bouncemilter_a_total counter");
	store_close(store);
}

/* Every counter of the store is there with its number, and nothing more than 0. */
static void
test_counters_are_those_of_the_store(void **state)
{
	static const char *const names[][3] = {
		{ "attempts_total", "outcome", "failed" },
		{ "attempts_total", "outcome", "delivered" },
		{ "attempts_total", "outcome", "of tomorrow" },
		{ "reports_total", "proof", "dkim" }, { "retries_total", "", "" },
		{ "retries_total_of_tomorrow", "", "" },
		{ "log_unknown_lines_total", "program", "postfix/odd" },
	};
	struct store *store = open_store(*state);
	uint64_t wanted = 0, sum = 0;
	struct str rest, line, word, name;
	struct buf out;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		count(store, names[i][0], names[i][1], names[i][2], UINT64_C(1) << (5 * i));
		wanted += UINT64_C(1) << (5 * i);
	}
	out = print(store);
	assert_line(&out, "bouncemilter_attempts_total{outcome=\"failed\"} 1");
	assert_line(&out, "bouncemilter_attempts_total{outcome=\"delivered\"} 32");
	assert_line(&out, "bouncemilter_attempts_total{outcome=\"deferred\"} 0");
	assert_line(&out, "bouncemilter_attempts_total{outcome=\"of tomorrow\"} 1024");
	assert_line(&out, "bouncemilter_retries_total 1048576");
	rest = buf_str(&out);
	while (str_next_piece(&rest, '\n', &line)) {
		uint64_t number = 0;
		size_t at;

		if (line.len == 0 || line.data[0] == '#' ||
		    str_find(line, STR("_total"), 0, &at) == 0)
			continue;
		for (name = STR_EMPTY; str_next_word(&line, &word); name = word)
			continue;
		assert_int_equal(str_number(name, &number), 0);
		sum += number;
	}
	assert_true(sum == wanted);
	buf_free(&out);
	store_close(store);
}

/* The name of the metric that a line is about. */
static struct str
name_of(struct str line)
{
	struct str word, name;
	size_t at;

	str_next_word(&line, &word);
	if (str_equal(word, STR("#"))) {
		str_next_word(&line, &word);
		str_next_word(&line, &word);
	}
	name = word;
	return str_find_byte(name, '{', 0, &at) == 1 ? str_sub(name, 0, at) : name;
}

/* The lines of a name stand together, below its HELP and TYPE. */
static void
test_families_stand_together(void **state)
{
	struct store *store = open_store(*state);
	struct str rest, line, name = STR_EMPTY;
	struct buf out, seen = { 0 };
	unsigned heads = 0;
	size_t at;

	/* '{' is sorted behind '_'. */
	count(store, "retries_total", "kind", "x", 1);
	count(store, "retries_total_more", "", "", 1);
	count(store, "retries_total", "", "", 1);
	out = print(store);
	rest = buf_str(&out);
	while (str_next_piece(&rest, '\n', &line) && line.len > 0) {
		if (str_find(line, STR("# HELP "), 0, &at) == 1) {
			name = name_of(line);
			assert_int_equal(str_find(buf_str(&seen), name_of(line), 0, &at) == 1 &&
			    seen.data[at - 1] == ' ' && seen.data[at + name.len] == ' ', 0);
			buf_printf(&seen, " %.*s ", STR_ARGS(name));
			heads++;
			assert_true(str_next_piece(&rest, '\n', &line));
			assert_int_equal(str_find(line, STR("# TYPE "), 0, &at), 1);
		}
		assert_true(str_equal(name_of(line), name));
	}
	for (at = 0; metrics_family_at((unsigned)at) != NULL; at++)
		continue;
	assert_int_equal(heads, at + 1);
	buf_free(&seen);
	buf_free(&out);
	store_close(store);
}

static void
put_incident(struct store *store, enum watch_rule_id rule, enum severity severity,
    uint64_t recipients, int64_t closed)
{
	struct incident incident;
	struct store_txn *txn;
	struct buf text = { 0 };
	const char *error;
	uint64_t newest;

	incident_init(&incident);
	incident.rule = rule;
	incident.severity = severity;
	incident.since = incident.opened = incident.newest = 1700000000;
	incident.closed = closed;
	incident.recipients = recipients;
	assert_done(store_begin(store, &txn, &error));
	assert_done(incidents_newest(txn, &newest, &error));
	incident.id = newest + 1;
	incident_print(&incident, &text);
	assert_done(incidents_put(txn, incident.id, buf_str(&text), &error));
	assert_done(store_commit(txn, &error));
	buf_free(&text);
}

static void
assert_incidents(struct store *store, enum watch_rule_id rule, enum severity severity,
    unsigned wanted)
{
	char line[128];

	snprintf(line, sizeof(line),
	    "bouncemilter_incidents_open{rule=\"%s\",severity=\"%s\"} %u",
	    words_name(&watch_rule_words, rule), words_name(&severity_words, severity), wanted);
	assert_printed(store, line);
}

/* Each rule and severity, what is closed and what is damaged left out. */
static void
test_open_incidents_are_counted(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	for (unsigned rule = 0; rule < WATCH_RULES; rule++) {
		for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++) {
			assert_incidents(store, rule, i, 0);
			for (unsigned j = 0; j < 1 + (rule + i) % 3; j++)
				put_incident(store, rule, i, 10, 0);
			put_incident(store, rule, i, 1000, 1700000900);
		}
	}
	assert_done(store_begin(store, &txn, &error));
	assert_done(incidents_put(txn, 9999, STR("\xff damaged"), &error));
	assert_done(store_commit(txn, &error));
	for (unsigned rule = 0; rule < WATCH_RULES; rule++) {
		for (unsigned i = 0; i <= SEVERITY_CRITICAL; i++)
			assert_incidents(store, rule, i, 1 + (rule + i) % 3);
	}
	/* 1 + 2 + 3 of them, whatever the rule. */
	assert_printed(store, "bouncemilter_incident_recipients{rule=\"auth\"} 60");
	store_close(store);
}

static void
test_critical_self(void **state)
{
	struct store *store = open_store(*state);
	const char *error;

	assert_int_equal(metrics_is_self_critical(store, &error), 0);
	put_incident(store, WATCH_AUTH, SEVERITY_CRITICAL, 1, 0);
	put_incident(store, WATCH_SELF, SEVERITY_WARNING, 1, 0);
	put_incident(store, WATCH_SELF, SEVERITY_CRITICAL, 1, 1700000900);
	assert_int_equal(metrics_is_self_critical(store, &error), 0);
	put_incident(store, WATCH_SELF, SEVERITY_CRITICAL, 1, 0);
	assert_int_equal(metrics_is_self_critical(store, &error), 1);
	store_close(store);
}

static void
record(struct store *store, const char *address, enum category category,
    enum decision decision, enum table_set table)
{
	struct verdict verdict;
	struct bounce bounce;
	struct store_txn *txn;
	uint64_t sequence;
	const char *error;

	make_bounce(&bounce, address, 1700000000);
	verdict_init(&verdict);
	verdict.category = category;
	verdict.decision = decision;
	verdict.table = table;
	assert_done(store_begin(store, &txn, &error));
	assert_done(record_event(txn, &bounce, &verdict, &sequence, &error));
	assert_done(store_commit(txn, &error));
}

/* More than a page of them, and those that only failed are none. */
static void
test_addresses_are_counted(void **state)
{
	struct store *store = open_store(*state);
	char address[64];

	for (int i = 0; i < PAGES_ROWS + 7; i++) {
		snprintf(address, sizeof(address), "s%d@example.com", i);
		record(store, address, CATEGORY_USER_UNKNOWN, DECISION_SUPPRESS, TABLE_MAIN);
	}
	record(store, "s1@example.com", CATEGORY_COMPLAINT, DECISION_SUPPRESS, TABLE_COMPLAINT);
	record(store, "s2@example.com", CATEGORY_USER_UNKNOWN, DECISION_LIFT, TABLE_MAIN);
	record(store, "f@example.com", CATEGORY_MAILBOX_FULL, DECISION_COUNT, TABLE_MAIN);
	record(store, "h@example.com", CATEGORY_MAILBOX_DISABLED, DECISION_HOLD, TABLE_MAIN);
	assert_printed(store, "bouncemilter_suppressed_addresses"
	    "{table=\"main\",category=\"user-unknown\"} 1006");
	assert_printed(store, "bouncemilter_suppressed_addresses"
	    "{table=\"complaint\",category=\"complaint\"} 1");
	assert_printed(store, "bouncemilter_held_addresses"
	    "{table=\"main\",category=\"mailbox-disabled\"} 1");
	assert_printed(store, "bouncemilter_journal_sequence 1011");
	assert_printed(store, "bouncemilter_store_rows{table=\"standing\"} 1009");
	store_close(store);
}

/* They are counted when there was an event, and the pause is over. */
static void
test_addresses_are_not_counted_for_nothing(void **state)
{
	struct store *store = open_store(*state);
	struct metrics_addresses addresses = { 0 };
	const uint64_t *suppressed = &addresses.suppressed[TABLE_MAIN][CATEGORY_MANUAL];
	const char *error;

	record(store, "a@example.com", CATEGORY_MANUAL, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(metrics_count_addresses(store, 1000000, &addresses, &error));
	assert_int_equal(*suppressed, 1);
	record(store, "b@example.com", CATEGORY_MANUAL, DECISION_SUPPRESS, TABLE_MAIN);
	assert_done(metrics_count_addresses(store, 1000000, &addresses, &error));
	assert_int_equal(*suppressed, 1);
	/* It took long. */
	addresses.took_msec = 1000000;
	assert_done(metrics_count_addresses(store, 0, &addresses, &error));
	assert_int_equal(*suppressed, 1);
	addresses.took_msec = 0;
	assert_done(metrics_count_addresses(store, 0, &addresses, &error));
	assert_int_equal(*suppressed, 2);
	/* No event: what is there stays, even if it were wrong. */
	addresses.suppressed[TABLE_MAIN][CATEGORY_MANUAL] = 77;
	assert_done(metrics_count_addresses(store, 0, &addresses, &error));
	assert_int_equal(*suppressed, 77);
	store_close(store);
}

static void
test_frozen_providers(void **state)
{
	struct store *store = open_store(*state);
	struct store_txn *txn;
	const char *error;

	assert_done(store_begin(store, &txn, &error));
	assert_int_equal(breaker_freeze(txn, "a.example", 1700000000, &error), 1);
	assert_int_equal(breaker_freeze(txn, "b.example", 1700000000, &error), 1);
	assert_int_equal(breaker_freeze(txn, "c.example", 1700000000, &error), 1);
	assert_int_equal(breaker_free(txn, "b.example", &error), 1);
	assert_done(store_commit(txn, &error));
	assert_printed(store, "bouncemilter_breaker_frozen_providers 2");
	store_close(store);
}

/* A store without room says so. */
static void
test_full_store(void **state)
{
	char key[STORE_NUMBER_BYTES], row[4000] = "";
	struct store *store;
	struct store_txn *txn;
	enum store_error kind;
	const char *error;

	config.store_size_bytes = 1024 * 1024;
	assert_done(store_open(*state, config.store_size_bytes, false, &store, &kind, &error));
	assert_printed(store, "bouncemilter_store_failing 0");
	assert_printed(store, "bouncemilter_store_limit_bytes{environment=\"state\"} 1048576");
	assert_done(store_begin(store, &txn, &error));
	for (uint64_t i = 0; store_check_room(txn, &error) == 0; i++)
		assert_done(store_put(txn, STORE_SEEN, store_number(i, key),
		    (struct str){ row, sizeof(row) }, &error));
	assert_done(store_commit(txn, &error));
	assert_printed(store, "bouncemilter_store_failing 1");
	store_close(store);
}

/* Seen from outside, and without taking the lock, or making its file. */
static void
test_daemon_is_up(void **state)
{
	char path[128];
	const char *error;
	int fd, other;

	snprintf(path, sizeof(path), "%s/lock", (char *)*state);
	assert_false(metrics_is_daemon_up(&config));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_lock(path, &fd, &error), 1);
	assert_true(metrics_is_daemon_up(&config));
	assert_int_equal(file_lock(path, &other, &error), 0);
	close(fd);
	assert_false(metrics_is_daemon_up(&config));
	assert_int_equal(file_lock(path, &fd, &error), 1);
	close(fd);
}

static void
read_text(const char *path, struct buf *text)
{
	const char *error;

	buf_clear(text);
	assert_int_equal(file_read(path, 1024 * 1024, text, &error), 1);
}

/* Whoever has the old file open keeps it whole; modes and links are as they should. */
static void
test_textfile_is_replaced(void **state)
{
	struct store *store = open_store(*state);
	char path[128], aside[140], bait[128], old[4] = "";
	struct metrics_addresses addresses = { 0 };
	struct buf text = { 0 };
	struct stat st;
	const char *error;
	mode_t mask = umask(0077);
	int fd;

	assert_done(metrics_write(store, &config, &addresses, &error)); /* without the setting */
	snprintf(path, sizeof(path), "%s/m.prom", (char *)*state);
	snprintf(aside, sizeof(aside), "%s.new", path);
	snprintf(bait, sizeof(bait), "%s/bait", (char *)*state);
	config.alert_textfile = path;
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	assert_int_equal(close(open(bait, O_WRONLY | O_CREAT, 0600)), 0);
	assert_int_equal(symlink(bait, aside), 0);
	assert_done(metrics_write(store, &config, &addresses, &error));
	assert_int_equal(pread(fd, old, 3, 0), 3);
	assert_string_equal(old, "old");
	close(fd);
	read_text(path, &text);
	assert_line(&text, "bouncemilter_enforcing 1");
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(stat(bait, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(lstat(aside, &st), -1);
	umask(mask);
	buf_free(&text);
	store_close(store);
}

/* A failure leaves what is there, and nothing beside it. */
static void
test_textfile_that_cannot_be_written(void **state)
{
	struct store *store = open_store(*state);
	struct metrics_addresses addresses = { 0 };
	char path[128], aside[140];
	struct stat st;
	const char *error = "";

	snprintf(path, sizeof(path), "%s/directory", (char *)*state);
	snprintf(aside, sizeof(aside), "%s.new", path);
	assert_int_equal(mkdir(path, 0700), 0);
	config.alert_textfile = path;
	assert_int_equal(metrics_write(store, &config, &addresses, &error), -1);
	assert_non_null(strstr(error, path));
	assert_int_equal(lstat(aside, &st), -1);
	config.alert_textfile = "/nonexistent/m.prom";
	assert_int_equal(metrics_write(store, &config, &addresses, &error), -1);
	assert_non_null(strstr(error, "/nonexistent/m.prom"));
	store_close(store);
}

static atomic_bool writing;

static void *
write_often(void *store)
{
	struct metrics_addresses addresses = { 0 };
	const char *error;

	for (int i = 0; i < 300; i++)
		assert_done(metrics_write(store, &config, &addresses, &error));
	writing = false;
	return NULL;
}

/* Who reads while it is written reads all of one moment. */
static void
test_textfile_is_whole_at_any_time(void **state)
{
	struct store *store = open_store(*state);
	struct metrics_addresses addresses = { 0 };
	struct buf text = { 0 };
	pthread_t thread;
	const char *error;
	char path[128];

	snprintf(path, sizeof(path), "%s/m.prom", (char *)*state);
	config.alert_textfile = path;
	assert_done(metrics_write(store, &config, &addresses, &error));
	writing = true;
	assert_int_equal(pthread_create(&thread, NULL, write_often, store), 0);
	do {
		read_text(path, &text);
		assert_line(&text, "bouncemilter_attempts_total{outcome=\"deferred\"} 0");
		assert_line(&text, "bouncemilter_watch_forgotten_total 0");
		assert_int_equal(text.data[text.len - 1], '\n');
	} while (writing);
	pthread_join(thread, NULL);
	buf_free(&text);
	store_close(store);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, remove_directory)
	const struct CMUnitTest tests[] = {
		T(test_labels_are_quoted), T(test_counters_are_those_of_the_store),
		T(test_families_stand_together), T(test_open_incidents_are_counted),
		T(test_critical_self), T(test_addresses_are_counted),
		T(test_addresses_are_not_counted_for_nothing), T(test_frozen_providers),
		T(test_full_store), T(test_daemon_is_up), T(test_textfile_is_replaced),
		T(test_textfile_that_cannot_be_written), T(test_textfile_is_whole_at_any_time),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
