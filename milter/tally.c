#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "parse/address.h"
#include "parse/domain.h"
#include "parse/returnpath.h"
#include "store/counters.h"
#include "store/rates.h"
#include "watch/provider.h"

#define ROWS_FIRST 256 /* a power of two */
#define NAMES 4096     /* a power of two */
#define REPLY_BYTES 32
#define HOUR_SEC 3600

enum kind { ATTEMPTS, DELIVERED, DEFERRED, KINDS };

static const char *const kind_names[] = {
	[ATTEMPTS] = RATES_ATTEMPTS, [DELIVERED] = RATES_DELIVERED, [DEFERRED] = RATES_DEFERRED,
};

/* A counter (hour -1): its name, label and value; or what one domain has at one
   provider in an hour: domain, provider, and "" or the reply that is counted. */
struct row {
	int64_t hour;
	const char *name, *label, *value;
	uint64_t counts[KINDS]; /* only of attempts more than the first */
};

struct tally {
	struct tally_names *names;
	struct arena *arena;
	struct row *rows; /* open addressing; without a name it is free */
	unsigned size, used;
	uint64_t outcomes[2][OUTCOME_COUNT]; /* of attempts: ours, and those that left */
};

/* A cache of one place for each hash: whoever comes takes it. Senders and
   servers have one each, because an attempt needs two names at a time. */
enum names_of { SENDERS, SERVERS, CACHES };

struct tally_names {
	struct {
		char *host;
		char *provider;
	} places[CACHES][NAMES];
};

struct tally_names *
tally_names_new(void)
{
	struct tally_names *names = calloc(1, sizeof(*names));

	if (names == NULL)
		msg_out_of_memory();
	return names;
}

void
tally_names_free(struct tally_names *names)
{
	for (unsigned i = 0; i < CACHES * NAMES; i++) {
		free(names->places[i / NAMES][i % NAMES].host);
		free(names->places[i / NAMES][i % NAMES].provider);
	}
	free(names);
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return (hash ^ 1) * 1099511628211u;
}

#define HASH_BEGIN 14695981039346656037u

/* The organisational domain of a host; it is in the cache until the next one
   is asked for. */
static const char *
provider(struct tally *tally, enum names_of whose, const char *host)
{
	unsigned place = (unsigned)(hash_text(HASH_BEGIN, host) % NAMES);
	char **have = &tally->names->places[whose][place].host;
	char **is = &tally->names->places[whose][place].provider;

	if (*have == NULL || strcmp(*have, host) != 0) {
		struct arena *arena = arena_new();

		free(*have);
		free(*is);
		*have = strdup(host);
		*is = strdup(domain_organisational(host, arena));
		arena_free(arena);
		if (*have == NULL || *is == NULL)
			msg_out_of_memory();
	}
	return *is;
}

struct tally *
tally_new(struct tally_names *names, struct arena *arena)
{
	struct tally *tally = arena_alloc(arena, sizeof(*tally));

	tally->names = names;
	tally->arena = arena;
	tally->size = ROWS_FIRST;
	tally->rows = arena_alloc(arena, tally->size * sizeof(tally->rows[0]));
	return tally;
}

/* The place of a row, or the free one where it belongs. */
static struct row *
find_row(struct row *rows, unsigned size, const struct row *wanted)
{
	uint64_t hash = hash_text(HASH_BEGIN, wanted->name) ^ (uint64_t)wanted->hour;
	unsigned i;

	hash = hash_text(hash_text(hash, wanted->label), wanted->value);
	for (i = (unsigned)hash % size; rows[i].name != NULL; i = (i + 1) % size) {
		if (rows[i].hour == wanted->hour && strcmp(rows[i].name, wanted->name) == 0 &&
		    strcmp(rows[i].label, wanted->label) == 0 &&
		    strcmp(rows[i].value, wanted->value) == 0)
			break;
	}
	return &rows[i];
}

static void
grow(struct tally *tally)
{
	unsigned size = tally->size * 2;
	struct row *rows = arena_alloc(tally->arena, size * sizeof(rows[0]));

	for (unsigned i = 0; i < tally->size; i++) {
		if (tally->rows[i].name != NULL)
			*find_row(rows, size, &tally->rows[i]) = tally->rows[i];
	}
	tally->rows = rows;
	tally->size = size;
}

/* The counts of a row, which is made if need be. */
static uint64_t *
counts_of(struct tally *tally, int64_t hour, const char *name, const char *label,
    const char *value)
{
	struct row wanted = { .hour = hour, .name = name, .label = label, .value = value };
	struct row *row;

	if (tally->used * 2 >= tally->size)
		grow(tally);
	row = find_row(tally->rows, tally->size, &wanted);
	if (row->name == NULL) {
		/* Names are of a cache that forgets them, or of a buffer. */
		wanted.name = arena_strdup(tally->arena, str_of(name));
		wanted.label = arena_strdup(tally->arena, str_of(label));
		wanted.value = arena_strdup(tally->arena, str_of(value));
		*row = wanted;
		tally->used++;
	}
	return row->counts;
}

void
tally_counter(struct tally *tally, const char *name, const char *label, const char *value,
    uint64_t count)
{
	counts_of(tally, -1, name, label, value)[0] += count;
}

/* "550 5.1.1"; where no server spoke, the status alone. */
static const char *
print_reply(const struct bounce *bounce, char text[REPLY_BYTES])
{
	if (bounce->code == 0)
		snprintf(text, REPLY_BYTES, "%.12s", bounce->status);
	else
		snprintf(text, REPLY_BYTES, "%u %.12s", bounce->code, bounce->status);
	return text;
}

void
tally_attempt(struct tally *tally, const struct bounce *bounce, bool outbound)
{
	int64_t hour = bounce->time / HOUR_SEC;
	const char *domain, *to;
	char reply[REPLY_BYTES];
	uint64_t *counts;

	/* The attempt before was the last one. */
	if (bounce->outcome == OUTCOME_EXPIRED)
		return;
	tally->outcomes[outbound][bounce->outcome]++;
	if (!outbound)
		return;
	domain = address_domain(returnpath_sender(bounce->sender, tally->arena));
	domain = domain[0] == '\0' ? "<>" : provider(tally, SENDERS, domain);
	to = provider(tally, SERVERS, provider_host(bounce));
	counts = counts_of(tally, hour, domain, to, "");
	counts[ATTEMPTS]++;
	counts[DELIVERED] += bounce->outcome == OUTCOME_DELIVERED;
	counts[DEFERRED] += bounce->outcome == OUTCOME_DEFERRED;
	if (bounce->outcome != OUTCOME_DELIVERED)
		counts_of(tally, hour, domain, to, print_reply(bounce, reply))[0]++;
}

static int
write_outcomes(const struct tally *tally, struct store_txn *txn, const char **error_r)
{
	for (unsigned i = 0; i < 2 * OUTCOME_COUNT; i++) {
		bool outbound = i >= OUTCOME_COUNT;
		uint64_t count = tally->outcomes[outbound][i % OUTCOME_COUNT];

		if (count > 0 && counters_add(txn, outbound ? "attempts_total" :
			"handoffs_total", "outcome", words_name(&outcome_words, i % OUTCOME_COUNT),
			count, error_r) == -1)
			return -1;
	}
	return 0;
}

static int
write_attempts(const struct row *row, struct store_txn *txn, const char **error_r)
{
	for (unsigned i = 0; i < KINDS; i++) {
		if (row->counts[i] > 0 && rates_add(txn, row->hour * HOUR_SEC, row->name,
			row->label, kind_names[i], row->counts[i], error_r) == -1)
			return -1;
	}
	return 0;
}

int
tally_write(struct tally *tally, struct store_txn *txn, const char **error_r)
{
	if (write_outcomes(tally, txn, error_r) == -1)
		return -1;
	for (unsigned i = 0; i < tally->size; i++) {
		const struct row *row = &tally->rows[i];
		int ret = 0;

		if (row->name == NULL)
			continue;
		if (row->hour == -1)
			ret = counters_add(txn, row->name, row->label, row->value, row->counts[0],
			    error_r);
		else if (row->value[0] == '\0')
			ret = write_attempts(row, txn, error_r);
		else
			ret = rates_add(txn, row->hour * HOUR_SEC, row->name, row->label,
			    row->value, row->counts[0], error_r);
		if (ret == -1)
			return -1;
	}
	return 0;
}
