/*
 * What the tests of the watch share: a script of simulated traffic, made of
 * bursts, and a world that plays it to a watch and remembers what was reported.
 */
#ifndef T_UNIT_WATCH_SUPPORT_H
#define T_UNIT_WATCH_SUPPORT_H

#include "support.h"

#include <math.h>
#include <unistd.h>

#include "watch/watch.h"

#define T0 INT64_C(1700049600) /* 2023-11-15T12:00:00Z, a Wednesday */
#define MINUTE 60
#define HOUR 3600
#define DAY 86400

/* Shares of what a sender of newsletters to Europe and America has, in
   thousandths; the letter is how a burst names it. */
struct place {
	char letter;
	bool major;
	const char *name, *domain;
	unsigned share;
};

static const struct place places[] = {
	{ 'G', true, "Google", "google.com", 330 }, { 'M', true, "Microsoft", "outlook.com", 190 },
	{ 'Y', true, "Yahoo", "yahoodns.net", 110 }, { 'A', false, "Apple", "icloud.com", 50 },
	{ 'X', false, "GMX", "gmx.net", 45 }, { 'W', false, "WEB.DE", "web.de", 45 },
	{ 'T', false, "T-Online", "t-online.de", 30 }, { 'O', false, "Orange", "orange.fr", 20 },
	{ 'L', false, "Laposte", "laposte.net", 12 }, { 'F', false, "Free", "free.fr", 15 },
	{ 'B', false, "Libero", "libero.it", 15 }, { 'V', false, "Virgilio", "virgilio.it", 8 },
	{ 'C', false, "Comcast", "comcast.net", 14 }, { 'P', false, "pphosted.com", "pphosted.com", 20 },
	{ 'I', false, "mimecast.com", "mimecast.com", 12 }, { 'D', false, "ovh.net", "ovh.net", 10 },
	{ 'R', false, "mail.ru", "mail.ru", 9 }, { 'Q', false, "Yandex", "yandex.net", 8 },
	{ 'N', false, "one.com", "one.com", 6 }, { 'K', false, "kasserver.com", "kasserver.com", 6 },
	{ 0, false, "ionos.de", "ionos.de", 6 }, { 0, false, "strato.de", "strato.de", 5 },
	{ 0, false, "hostinger.com", "hostinger.com", 4 }, { 0, false, "zoho.com", "zoho.com", 4 },
	{ 0, false, "secureserver.net", "secureserver.net", 4 },
	{ 0, false, "charter.net", "charter.net", 4 },
	{ 0, false, "cox.net", "cox.net", 3 }, { 0, false, "att.net", "att.net", 3 },
	{ 0, false, "btinternet.com", "btinternet.com", 3 }, { 0, false, "sfr.fr", "sfr.fr", 3 },
	{ 0, false, "skynet.be", "skynet.be", 2 }, { 0, false, "bluewin.ch", "bluewin.ch", 2 },
	{ 0, false, "wp.pl", "wp.pl", 2 }, { 0, false, "seznam.cz", "seznam.cz", 2 },
	{ 0, false, "mailbox.org", "mailbox.org", 1 }, { 0, false, "posteo.de", "posteo.de", 1 },
	{ 0, false, "freenet.de", "freenet.de", 1 }, { 'H', false, "arcor.de", "arcor.de", 1 },
	{ 'J', false, "telenet.be", "telenet.be", 1 }, { 'U', false, "kpn.nl", "kpn.nl", 1 },
};
_Static_assert(COUNT(places) == 40, "forty providers");

static inline const struct place *
place_of(char letter)
{
	for (size_t i = 0; i < COUNT(places); i++) {
		if (places[i].letter == letter)
			return &places[i];
	}
	fail_msg("no place %c", letter);
	return NULL;
}

enum { CONNECTING = 1u << 0, SUPPRESSED = 1u << 1, FROZEN = 1u << 2 };

/* Traffic of one kind, evenly over a time. A '#' in the domain is replaced by a
   number below `domains` (5 if 0), in turn; the places take turns too. */
struct burst {
	const char *domain, *where;
	enum category category;
	unsigned failed, delivered; /* complaints are failures of CATEGORY_COMPLAINT */
	double start, minutes;      /* after T0, in minutes */
	const char *subcause, *campaign;
	unsigned flags, domains;
	unsigned pool;              /* so many recipients and no more; 0: all distinct */
	unsigned person;            /* number of the first of them */
	enum watch_kind kind;       /* of what failed, WATCH_FAILED if 0 */
};

/* What every burst has; the rest by name. */
#define B(domain_, where_, category_, failed_, delivered_, start_, minutes_, ...) { \
		.domain = (domain_), .where = (where_), .category = (category_), .failed = (failed_), \
		.delivered = (delivered_), .start = (start_), .minutes = (minutes_), __VA_ARGS__ }

/* The event of a burst; its strings live until the next one is made. */
struct event_strings {
	char domain[64], recipient[64], message[96], text[160];
};

struct reply {
	unsigned code;
	const char *status, *words;
};

static inline struct reply
reply_of(enum category category)
{
	switch (category) {
	case CATEGORY_USER_UNKNOWN: return (struct reply){ 550, "5.1.1", "User unknown" };
	case CATEGORY_MAILBOX_FULL: return (struct reply){ 452, "4.2.2", "over quota" };
	case CATEGORY_AUTH_FAILURE: return (struct reply){ 550, "5.7.26", "unauthenticated" };
	case CATEGORY_THROTTLED: return (struct reply){ 421, "4.7.0", "try again later" };
	case CATEGORY_GREYLISTED: return (struct reply){ 450, "4.2.0", "Greylisted" };
	case CATEGORY_NETWORK_ERROR: return (struct reply){ 0, "4.4.1", "timed out" };
	default: return (struct reply){ 554, "5.7.1", "refused" };
	}
}

/* Fill what every event has; `number` is of the recipient and the message. */
static inline void
event_make(struct watch_event *event, struct event_strings *strings, const struct place *place,
    enum watch_kind kind, enum category category, unsigned number, int64_t time)
{
	struct reply reply = reply_of(category);

	snprintf(strings->recipient, sizeof(strings->recipient), "r%u@%s", number, place->domain);
	snprintf(strings->message, sizeof(strings->message), "<m%u@%s>", number, place->domain);
	snprintf(strings->text, sizeof(strings->text), "%u %s %s (%s)", reply.code, reply.status,
	    reply.words, strings->recipient);
	*event = (struct watch_event){
		.kind = kind, .time = time, .domain = strings->domain,
		.sender_domain = strings->domain, .provider = place->domain,
		.provider_name = place->name, .major = place->major, .category = category,
		.subcause = "", .identity = "", .address = "", .recipient = strings->recipient,
		.message = strings->message, .campaign = "", .status = "", .text = "",
	};
	if (kind == WATCH_FAILED) {
		event->code = reply.code;
		event->status = reply.status;
		event->text = strings->text;
	}
}

static inline void
event_of_burst(const struct burst *burst, bool failed, unsigned number, int64_t time,
    struct watch_event *event, struct event_strings *strings)
{
	const struct place *place = place_of(burst->where[number % strlen(burst->where)]);
	const char *mark = strchr(burst->domain, '#');
	enum watch_kind kind = WATCH_DELIVERED;
	/* Who was delivered to is another one than who failed. */
	unsigned person = failed ? burst->person + (burst->pool > 0 ? number % burst->pool : number) :
	    number + 1000000;

	if (failed)
		kind = burst->kind != WATCH_DELIVERED ? burst->kind :
		    burst->category == CATEGORY_COMPLAINT ? WATCH_COMPLAINED : WATCH_FAILED;
	if (mark == NULL)
		snprintf(strings->domain, sizeof(strings->domain), "%s", burst->domain);
	else
		snprintf(strings->domain, sizeof(strings->domain), "%.*s%u%s",
		    (int)(mark - burst->domain), burst->domain,
		    number / (unsigned)strlen(burst->where) % (burst->domains > 0 ? burst->domains : 5),
		    mark + 1);
	event_make(event, strings, place, kind, failed ? burst->category : CATEGORY_UNKNOWN, person,
	    time);
	event->campaign = burst->campaign == NULL ? "" : burst->campaign;
	if (!failed)
		return;
	event->subcause = burst->subcause == NULL ? "" : burst->subcause;
	event->connecting = (burst->flags & CONNECTING) != 0;
	event->suppressed = (burst->flags & SUPPRESSED) != 0;
	event->frozen = (burst->flags & FROZEN) != 0;
	if (burst->category == CATEGORY_IP_BLOCKLISTED)
		event->address = event->identity = "192.0.2.25";
}

/* Bursts in the order of time. */
struct step {
	int64_t time;
	unsigned order, number;
	const struct burst *burst;
	bool failed;
};

struct script {
	struct step *steps;
	size_t count, next;
};

static inline void
script_add(struct script *script, const struct burst *burst, int64_t start)
{
	double begin = (double)start + burst->start * MINUTE, span = burst->minutes * MINUTE;
	size_t more = burst->failed + burst->delivered;

	script->steps = realloc(script->steps, (script->count + more + 1) * sizeof(struct step));
	assert_non_null(script->steps);
	for (unsigned i = 0; i < more; i++) {
		bool failed = i < burst->failed;
		unsigned number = failed ? i : i - burst->failed;
		double part = failed ? (number + 0.5) / burst->failed : (double)number / burst->delivered;

		script->steps[script->count] = (struct step){
			.time = (int64_t)(begin + part * span), .order = (unsigned)script->count,
			.number = number, .burst = burst, .failed = failed,
		};
		script->count++;
	}
}

static inline int
compare_steps(const void *a, const void *b)
{
	const struct step *one = a, *other = b;

	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

static inline void
script_sort(struct script *script)
{
	if (script->count > 0)
		qsort(script->steps, script->count, sizeof(struct step), compare_steps);
	script->next = 0;
}

/* A watch, its time, and what was heard of it. */
struct heard {
	enum notice notice;
	int64_t time;
	struct incident incident;
};

#define HEARD_MOST 20000
#define KNOWN_MOST 1000

/* The last state of an incident, told or not; of the first thousand. */
struct known {
	struct arena *arena;
	struct incident incident;
	unsigned changes; /* that nobody was told of */
};

struct world {
	struct watch *watch;
	struct watch_rules rules;
	bool with_log, dirty;
	int64_t now;
	struct arena *arena, *scratch; /* of what is heard; of one tick */
	struct heard heard[HEARD_MOST];
	unsigned count, digests;
	uint64_t newest_id;
	char digest[4096];             /* the last one */
	char headers[256];             /* that came with the last notice */
	struct known known[KNOWN_MOST]; /* by id */
};

static inline struct world *
world_open(bool with_log, int64_t now)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->watch = watch_new();
	watch_rules_init(&world->rules);
	world->with_log = with_log;
	world->now = now;
	world->arena = arena_new();
	world->scratch = arena_new();
	return world;
}

static inline void
world_close(struct world *world)
{
	watch_free(world->watch);
	for (unsigned i = 0; i < KNOWN_MOST; i++)
		arena_free(world->known[i].arena);
	arena_free(world->arena);
	arena_free(world->scratch);
	free(world);
}

static inline void
remember(struct world *world, const struct watch_change *change)
{
	struct known *known = &world->known[change->incident.id];

	if (known->arena == NULL)
		known->arena = arena_new();
	arena_reset(known->arena);
	incident_copy(&change->incident, known->arena, &known->incident);
	known->changes += change->notice == NOTICE_NONE;
}

static inline void
hear(struct world *world, const struct watch_change *change)
{
	const struct incident *incident = &change->incident;

	assert_true(incident->id > 0);
	if (incident->id < KNOWN_MOST)
		remember(world, change);
	if (incident->id > world->newest_id)
		world->newest_id = incident->id;
	if (change->notice == NOTICE_NONE)
		return;
	assert_true(world->count < HEARD_MOST);
	world->heard[world->count].notice = change->notice;
	world->heard[world->count].time = world->now;
	incident_copy(incident, world->arena, &world->heard[world->count++].incident);
	snprintf(world->headers, sizeof(world->headers), "%.*s", (int)change->headers.len,
	    change->headers.len > 0 ? change->headers.data : "");
}

static inline void
world_tick(struct world *world)
{
	struct watch_changes changes;

	arena_reset(world->scratch);
	watch_tick(world->watch, &world->rules, world->with_log, world->now, world->scratch, &changes);
	for (const struct watch_change *change = changes.first; change != NULL; change = change->next)
		hear(world, change);
	if (changes.digest != NULL) {
		world->digests++;
		snprintf(world->digest, sizeof(world->digest), "%s", changes.digest);
	}
	world->dirty = false;
}

/* Let time pass: a tick for the second that had events, and one a minute. */
static inline void
world_pass(struct world *world, int64_t until)
{
	if (until <= world->now)
		return;
	if (world->dirty)
		world_tick(world);
	while (until - world->now > MINUTE) {
		world->now += MINUTE;
		world_tick(world);
	}
	world->now = until;
}

/* ... and look at its end. */
static inline void
world_wait(struct world *world, int64_t until)
{
	world_pass(world, until);
	world_tick(world);
}

static inline void
world_note(struct world *world, const struct watch_event *event)
{
	world_pass(world, event->time);
	if (event->kind == WATCH_DELIVERED && !world->with_log)
		return;
	watch_note(world->watch, event, world->now);
	world->dirty = true;
}

/* Play what the script has before this time. */
static inline void
world_play(struct world *world, struct script *script, int64_t before)
{
	while (script->next < script->count && script->steps[script->next].time < before) {
		const struct step *step = &script->steps[script->next++];
		struct event_strings strings;
		struct watch_event event;

		event_of_burst(step->burst, step->failed, step->number, step->time, &event, &strings);
		world_note(world, &event);
	}
}

/* Play bursts to a time after T0, in minutes. */
static inline void
world_bursts(struct world *world, const struct burst *bursts, unsigned count, double until)
{
	struct script script = { 0 };

	for (unsigned i = 0; i < count; i++) {
		if (bursts[i].domain != NULL)
			script_add(&script, &bursts[i], T0);
	}
	script_sort(&script);
	world_play(world, &script, INT64_MAX);
	world_wait(world, T0 + (int64_t)(until * MINUTE));
	free(script.steps);
}

/* How often that was said of a rule (of all: WATCH_RULES), of one incident or
   of all (0). */
static inline unsigned
said(const struct world *world, enum notice notice, enum watch_rule_id rule, uint64_t id)
{
	unsigned count = 0;

	for (unsigned i = 0; i < world->count; i++) {
		const struct heard *heard = &world->heard[i];

		count += heard->notice == notice && (rule == WATCH_RULES || heard->incident.rule == rule) &&
		    (id == 0 || heard->incident.id == id);
	}
	return count;
}

/* The first of them, NULL for none. */
static inline const struct heard *
first_said(const struct world *world, enum notice notice, enum watch_rule_id rule)
{
	for (unsigned i = 0; i < world->count; i++) {
		if (world->heard[i].notice == notice &&
		    (rule == WATCH_RULES || world->heard[i].incident.rule == rule))
			return &world->heard[i];
	}
	return NULL;
}

static inline const struct incident *
latest(const struct world *world, uint64_t id)
{
	assert_true(id > 0 && id < KNOWN_MOST && world->known[id].arena != NULL);
	return &world->known[id].incident;
}

/* All that was heard, for a person to see why a test failed. */
static inline void
world_print(const struct world *world)
{
	print_error("%s the log:\n", world->with_log ? "with" : "without");
	for (unsigned i = 0; i < world->count && i < 100; i++) {
		const struct heard *heard = &world->heard[i];
		const struct incident *incident = &heard->incident;

		print_error("  %+.1f min notice %d: id %u %s %s domain=%s provider=%s/%s recipients=%u "
		    "failures=%u attempts=%u\n", (double)(heard->time - T0) / MINUTE, heard->notice,
		    (unsigned)incident->id, words_name(&watch_rule_words, incident->rule),
		    words_name(&severity_words, incident->severity), incident->domain,
		    incident->provider, incident->providers[0].name == NULL ? "-" :
		    incident->providers[0].name, (unsigned)incident->recipients,
		    (unsigned)incident->failures, (unsigned)incident->attempts);
	}
}

#define play(world, until, ...) do { \
		const struct burst bursts_[] = { __VA_ARGS__ }; \
		world_bursts((world), bursts_, COUNT(bursts_), (until)); \
	} while (0)

/* True, or say what was heard. */
#define hold(condition) do { \
		if (!(condition)) { \
			world_print(world); \
			fail_msg("%s:%d: not %s", __FILE__, __LINE__, #condition); \
		} \
	} while (0)

/* The lower bound of a share at 95 % confidence, in per cent (Wilson). */
static inline double
wilson(unsigned count, unsigned of)
{
	double n = of, p = count / n, zz = 1.96 * 1.96;

	return 100 * (p + zz / (2 * n) - 1.96 * sqrt(p * (1 - p) / n + zz / (4 * n * n))) / (1 + zz / n);
}

/* Is there an open incident of rule breaker about this provider? */
static inline bool
watch_is_frozen(struct watch *watch, const char *provider)
{
	struct arena *arena = arena_new();
	const char *const *providers = watch_frozen(watch, INT64_MAX, arena);
	bool frozen = false;

	for (; *providers != NULL; providers++)
		frozen |= strcmp(*providers, provider) == 0;
	arena_free(arena);
	return frozen;
}

#endif
