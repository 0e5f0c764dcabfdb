#include "watch/alarm.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "parse/address.h"
#include "watch/provider.h"

#define DOMAINS_MOST 1024
#define FAILURES_MOST 64 /* of one domain; the number that is said is bounded */

struct failure {
	int64_t time;
	char recipient[96];
	char provider[64];
};

struct domain {
	char name[256];
	int64_t newest;
	int64_t said; /* when the alarm last went off; 0 never */
	struct failure failures[FAILURES_MOST];
	unsigned next; /* place of the next one in the ring */
};

struct alarm {
	pthread_mutex_t lock;
	struct domain *domains[DOMAINS_MOST];
	unsigned count;
};

struct alarm *
alarm_new(void)
{
	struct alarm *alarm = calloc(1, sizeof(*alarm));

	if (alarm == NULL)
		msg_out_of_memory();
	pthread_mutex_init(&alarm->lock, NULL);
	return alarm;
}

void
alarm_free(struct alarm *alarm)
{
	if (alarm == NULL)
		return;
	for (unsigned i = 0; i < alarm->count; i++)
		free(alarm->domains[i]);
	pthread_mutex_destroy(&alarm->lock);
	free(alarm);
}

bool
alarm_concerns(enum category category)
{
	return category == CATEGORY_AUTH_FAILURE || category == CATEGORY_RDNS_FAILURE ||
	    category == CATEGORY_TLS_REQUIRED;
}

/* The entry of a domain; a new one takes the place of the oldest if need be. */
static struct domain *
find_domain(struct alarm *alarm, const char *name)
{
	struct domain *oldest = alarm->domains[0];

	for (unsigned i = 0; i < alarm->count; i++) {
		if (strcmp(alarm->domains[i]->name, name) == 0)
			return alarm->domains[i];
		if (alarm->domains[i]->newest < oldest->newest)
			oldest = alarm->domains[i];
	}
	if (alarm->count < DOMAINS_MOST) {
		oldest = malloc(sizeof(*oldest));
		if (oldest == NULL)
			msg_out_of_memory();
		alarm->domains[alarm->count++] = oldest;
	}
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->name, sizeof(oldest->name), "%s", name);
	return oldest;
}

/* Failure number i, if it is within the window and the first there with this
   recipient or, if `by_provider`, with this provider; else NULL. */
static const struct failure *
first_of_its_kind(const struct domain *domain, unsigned i, int64_t now_sec, bool by_provider)
{
	const struct failure *failure = &domain->failures[i];
	int64_t begin = now_sec - ALARM_WINDOW_SEC;

	if (failure->time == 0 || failure->time <= begin)
		return NULL;
	for (unsigned j = 0; j < i; j++) {
		const struct failure *other = &domain->failures[j];

		if (other->time > begin && strcmp(by_provider ? other->provider : other->recipient,
			by_provider ? failure->provider : failure->recipient) == 0)
			return NULL;
	}
	return failure;
}

static unsigned
distinct_recipients(const struct domain *domain, int64_t now_sec)
{
	unsigned count = 0;

	for (unsigned i = 0; i < FAILURES_MOST; i++)
		count += first_of_its_kind(domain, i, now_sec, false) != NULL;
	return count;
}

/* "google.com, yahoodns.net" */
static void
add_providers(const struct domain *domain, int64_t now_sec, struct buf *out)
{
	bool first = true;

	for (unsigned i = 0; i < FAILURES_MOST; i++) {
		const struct failure *failure = first_of_its_kind(domain, i, now_sec, true);

		if (failure == NULL)
			continue;
		buf_printf(out, "%s%s", first ? "" : ", ", failure->provider);
		first = false;
	}
}

static void
add_failure(struct domain *domain, const struct bounce *bounce, int64_t now_sec)
{
	struct failure *failure = &domain->failures[domain->next++ % FAILURES_MOST];
	struct arena *arena = arena_new();

	failure->time = domain->newest = now_sec;
	snprintf(failure->recipient, sizeof(failure->recipient), "%s", bounce->recipient);
	snprintf(failure->provider, sizeof(failure->provider), "%s",
	    provider_of_bounce(bounce, arena));
	arena_free(arena);
}

bool
alarm_note(struct alarm *alarm, const struct bounce *bounce, const struct verdict *verdict,
    int64_t now_sec, struct buf *out)
{
	const char *name = address_domain(bounce->sender);
	struct domain *domain;
	unsigned count;
	bool now = false;

	if (!alarm_concerns(verdict->category))
		return false;
	pthread_mutex_lock(&alarm->lock);
	domain = find_domain(alarm, name[0] == '\0' ? "(unknown sender)" : name);
	add_failure(domain, bounce, now_sec);
	count = distinct_recipients(domain, now_sec);
	if (count >= ALARM_RECIPIENTS &&
	    (domain->said == 0 || now_sec - domain->said >= ALARM_AGAIN_SEC)) {
		now = true;
		domain->said = now_sec;
		buf_printf(out, "%s", category_name(verdict->category));
		if (verdict->subcause[0] != '\0' && strcmp(verdict->subcause, "unspecified") != 0)
			buf_printf(out, " (%s)", verdict->subcause);
		buf_printf(out, " for %s at ", domain->name);
		add_providers(domain, now_sec, out);
		buf_printf(out, ": %u recipients in %d minutes; newest reply: %.200s", count,
		    ALARM_WINDOW_SEC / 60, bounce->text);
	}
	pthread_mutex_unlock(&alarm->lock);
	return now;
}
