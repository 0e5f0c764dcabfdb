#include "proof/dns_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/msg.h"

#define BUCKETS 16384

/* One piece of memory: the entry, its records, and behind them all text. */
struct entry {
	struct entry *next; /* in its bucket */
	struct entry *older, *newer;
	uint64_t hash;
	int64_t until_msec;
	size_t bytes;
	enum dns_type type;
	const char *name;
	struct dns_answer answer;
	struct dns_record records[];
};

struct dns_cache {
	pthread_mutex_t lock;
	uint64_t seed;
	unsigned entries;
	size_t bytes;
	struct entry *oldest, *newest;
	struct entry *buckets[BUCKETS];
};

struct dns_cache *
dns_cache_new(void)
{
	struct dns_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		msg_out_of_memory();
	/* Strangers choose the names, and must not know which share a bucket. */
	if (getrandom(&cache->seed, sizeof(cache->seed), 0) != (ssize_t)sizeof(cache->seed))
		msg_warning("the kernel gives no random bytes");
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void
dns_cache_free(struct dns_cache *cache)
{
	struct entry *next;

	for (struct entry *entry = cache->oldest; entry != NULL; entry = next) {
		next = entry->newer;
		free(entry);
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* FNV-1a, 64 bits, from a secret start. */
static uint64_t
hash_of(const struct dns_cache *cache, enum dns_type type, const char *name)
{
	uint64_t hash = (cache->seed ^ (uint64_t)type) * UINT64_C(1099511628211);

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

/* The link to the entry, or to the end of its bucket. */
static struct entry **
find_link(struct dns_cache *cache, uint64_t hash, enum dns_type type, const char *name)
{
	struct entry **link = &cache->buckets[hash % BUCKETS];

	while (*link != NULL && ((*link)->hash != hash || (*link)->type != type ||
	    strcmp((*link)->name, name) != 0))
		link = &(*link)->next;
	return link;
}

static void
drop(struct dns_cache *cache, struct entry *entry)
{
	*find_link(cache, entry->hash, entry->type, entry->name) = entry->next;
	*(entry != cache->oldest ? &entry->older->newer : &cache->oldest) = entry->newer;
	*(entry != cache->newest ? &entry->newer->older : &cache->newest) = entry->older;
	cache->entries--;
	cache->bytes -= entry->bytes;
	free(entry);
}

static void
insert(struct dns_cache *cache, struct entry *entry)
{
	struct entry **bucket = &cache->buckets[entry->hash % BUCKETS];

	entry->next = *bucket;
	*bucket = entry;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
	cache->entries++;
	cache->bytes += entry->bytes;
	while (cache->entries > DNS_CACHE_ENTRIES || cache->bytes > DNS_CACHE_BYTES)
		drop(cache, cache->oldest);
}

static struct entry *
new_entry(enum dns_type type, const char *name, const struct dns_answer *answer)
{
	size_t fixed = sizeof(struct entry) + answer->count * sizeof(struct dns_record);
	size_t bytes = fixed + strlen(name) + 1;
	struct entry *entry;
	char *text;

	for (unsigned i = 0; i < answer->count; i++)
		bytes += strlen(answer->records[i].text) + 1;
	entry = malloc(bytes);
	if (entry == NULL)
		msg_out_of_memory();
	text = (char *)entry + fixed;
	*entry = (struct entry){ .bytes = bytes, .type = type, .name = text, .answer = *answer };
	entry->answer.records = entry->records;
	text = stpcpy(text, name) + 1;
	for (unsigned i = 0; i < answer->count; i++) {
		entry->records[i] = (struct dns_record){ text, answer->records[i].preference };
		text = stpcpy(text, answer->records[i].text) + 1;
	}
	return entry;
}

void
dns_cache_copy(const struct dns_answer *answer, struct arena *arena,
    struct dns_answer *answer_r)
{
	*answer_r = *answer;
	answer_r->records = arena_alloc(arena, answer->count * sizeof(answer->records[0]));
	for (unsigned i = 0; i < answer->count; i++)
		answer_r->records[i] = (struct dns_record){
			arena_strdup(arena, str_of(answer->records[i].text)),
			answer->records[i].preference };
}

bool
dns_cache_find(struct dns_cache *cache, enum dns_type type, const char *name,
    int64_t now_msec, struct arena *arena, struct dns_answer *answer_r)
{
	uint64_t hash = hash_of(cache, type, name);
	struct entry *entry;
	bool found;

	pthread_mutex_lock(&cache->lock);
	entry = *find_link(cache, hash, type, name);
	found = entry != NULL && now_msec < entry->until_msec;
	if (found)
		dns_cache_copy(&entry->answer, arena, answer_r);
	pthread_mutex_unlock(&cache->lock);
	return found;
}

static int64_t
kept_sec(const struct dns_answer *answer, uint32_t ttl_sec)
{
	if (answer->status == DNS_FAILED)
		return DNS_CACHE_FAILED_SEC;
	if (answer->status != DNS_FOUND)
		return DNS_CACHE_NOTHING_SEC;
	if (ttl_sec < DNS_CACHE_FOUND_LEAST_SEC)
		return DNS_CACHE_FOUND_LEAST_SEC;
	return ttl_sec > DNS_CACHE_FOUND_MOST_SEC ? DNS_CACHE_FOUND_MOST_SEC : ttl_sec;
}

void
dns_cache_put(struct dns_cache *cache, enum dns_type type, const char *name,
    const struct dns_answer *answer, uint32_t ttl_sec, int64_t now_msec)
{
	struct entry *entry = new_entry(type, name, answer), *known;

	entry->hash = hash_of(cache, type, name);
	entry->until_msec = now_msec + kept_sec(answer, ttl_sec) * 1000;
	pthread_mutex_lock(&cache->lock);
	known = *find_link(cache, entry->hash, type, name);
	if (known != NULL && answer->status == DNS_FAILED &&
	    known->answer.status != DNS_FAILED && now_msec < known->until_msec) {
		free(entry);
	} else {
		if (known != NULL)
			drop(cache, known);
		insert(cache, entry);
	}
	pthread_mutex_unlock(&cache->lock);
}

void
dns_cache_size(struct dns_cache *cache, unsigned *entries_r, size_t *bytes_r)
{
	pthread_mutex_lock(&cache->lock);
	*entries_r = cache->entries;
	*bytes_r = cache->bytes;
	pthread_mutex_unlock(&cache->lock);
}
