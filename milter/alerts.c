#include "alerts.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/msg.h"
#include "command.h"
#include "config.h"
#include "parse/charset.h"
#include "watch/telling.h"

#define MAIL_LIMIT_MSEC 30000
#define FINDINGS_KEPT 16 /* diagnoses of so many incidents are remembered */
#define DIGEST_BYTES 1500 /* of it in a line of syslog */

static const char *const sink_names[] = {
	[ALERTS_SYSLOG] = "syslog", [ALERTS_COMMAND] = "command", [ALERTS_MAIL] = "mail",
};

const struct words alerts_sink_words = WORDS(sink_names);

/* Something to tell; all of it is in its arena. */
struct item {
	struct item *next;
	struct arena *arena;
	enum notice notice;
	struct incident incident;
	struct str headers;
	const char *digest; /* or this, else NULL */
	const char *cause;  /* of the diagnosis, "" for none */
};

/* What was found out about an incident. */
struct finding {
	uint64_t id; /* 0: nothing is here */
	int64_t time_msec;
	struct arena *arena;
	const char *text, *cause;
};

struct alerts {
	struct alerts_parts parts;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the queue */
	pthread_cond_t queued;
	struct item *head, **tail;
	unsigned waiting;
	atomic_bool stopping;
	int stop_fd; /* can be read when stopping, for command_run() */
	_Atomic uint64_t sent[ALERTS_SINKS], failed[ALERTS_SINKS];
	/* Of the thread alone. */
	int64_t stop_msec; /* when nothing is run any more; 0 for not stopping */
	bool failing[ALERTS_SINKS];
	struct finding findings[FINDINGS_KEPT];
};

/* --- what is to be told ------------------------------------------------- */

static struct item *
item_new(void)
{
	struct arena *arena = arena_new();
	struct item *item = arena_alloc(arena, sizeof(*item));

	*item = (struct item){ .arena = arena, .headers = STR_EMPTY, .cause = "" };
	incident_init(&item->incident);
	return item;
}

static struct item *
item_of_change(const struct watch_change *change)
{
	struct item *item = item_new();

	item->notice = change->notice;
	incident_copy(&change->incident, item->arena, &item->incident);
	item->headers = (struct str){ arena_strdup(item->arena, change->headers),
		change->headers.len };
	return item;
}

static struct item *
item_of_digest(const char *digest)
{
	struct item *item = item_new();

	item->digest = arena_strdup(item->arena, str_of(digest));
	return item;
}

/* Is it worth more than a line in the log? */
static bool
is_for_people(const struct item *item)
{
	return item->digest != NULL || item->incident.severity >= SEVERITY_WARNING;
}

/* --- the sinks ---------------------------------------------------------- */

static void
tell_digest(const struct item *item)
{
	msg_warning("digest of alerts: %s", charset_clean_line(str_of(item->digest), DIGEST_BYTES,
	    item->arena));
}

/* In the thread, or in that of the caller. */
static void
tell_syslog(struct alerts *alerts, const struct item *item)
{
	struct buf line = { 0 };

	if (item->digest != NULL) {
		tell_digest(item);
	} else {
		telling_line(&item->incident, item->notice, clock_now(), &line);
		if (item->cause[0] != '\0')
			telling_line_add("diagnosis", item->cause, &line);
		if (item->notice == NOTICE_CLOSED || item->incident.severity == SEVERITY_NOTICE)
			msg_info("%s", buf_cstr(&line));
		else if (item->incident.severity == SEVERITY_WARNING)
			msg_warning("%s", buf_cstr(&line));
		else
			msg_alert("%s", buf_cstr(&line));
	}
	alerts->sent[ALERTS_SYSLOG]++;
	buf_free(&line);
}

/* The time begins when this thread notices, so that a diagnosis does not eat it. */
static bool
has_time(struct alerts *alerts)
{
	int64_t now = clock_monotonic_msec();

	if (alerts->stopping && alerts->stop_msec == 0)
		alerts->stop_msec = now + ALERTS_STOP_MSEC;
	return alerts->stop_msec == 0 || now < alerts->stop_msec;
}

static void
run_sink(struct alerts *alerts, enum alerts_sink sink, const char *const *argv,
    struct str input, int64_t limit_msec)
{
	const char *name = words_name(&alerts_sink_words, sink), *error = "there is no time left";
	int ret = -1;

	if (has_time(alerts))
		ret = command_run(argv, input, limit_msec, alerts->stop_fd, &error);
	if (ret == 0)
		alerts->sent[sink]++;
	else
		alerts->failed[sink]++;
	if (ret == -1 && !alerts->failing[sink])
		msg_error("alerts cannot be told by %s until it works: %s", name, error);
	else if (ret == 0 && alerts->failing[sink])
		msg_info("alerts can be told by %s again", name);
	alerts->failing[sink] = ret == -1;
}

static bool
has_command(const struct config *config)
{
	return config->alert_command != NULL && config->alert_command[0] != NULL;
}

static void
tell_command(struct alerts *alerts, const struct item *item, const struct config *config)
{
	struct buf json = { 0 };

	if (item->digest != NULL)
		telling_digest_json(item->digest, &json);
	else
		telling_json(&item->incident, item->notice, clock_now(), &json);
	run_sink(alerts, ALERTS_COMMAND, config->alert_command, buf_str(&json),
	    config->alert_command_limit_sec * 1000);
	buf_free(&json);
}

static void
tell_mail(struct alerts *alerts, const struct item *item, const struct config *config)
{
	/* Postfix and Sendmail both take "<>" for the null sender; Sendmail would
	   take an empty argument too, but not every other sendmail(1) does. */
	const char *const argv[] = { config->sendmail_path, "-i", "-f", "<>", "--",
		config->alert_mail, NULL };
	struct buf mail = { 0 };

	if (item->digest != NULL)
		telling_digest_mail(item->digest, config->alert_mail, clock_now(), &mail);
	else
		telling_mail(&item->incident, item->notice, config->alert_mail, clock_now(), &mail);
	run_sink(alerts, ALERTS_MAIL, argv, buf_str(&mail), MAIL_LIMIT_MSEC);
	buf_free(&mail);
}

/* --- the diagnosis ------------------------------------------------------ */

/* Where that of an incident is, or may be put: in the place of the oldest. */
static struct finding *
finding_of(struct alerts *alerts, uint64_t id)
{
	struct finding *oldest = &alerts->findings[0];

	for (unsigned i = 0; i < FINDINGS_KEPT; i++) {
		struct finding *finding = &alerts->findings[i];

		if (finding->id == id)
			return finding;
		if (finding->id == 0 || (oldest->id != 0 && finding->time_msec < oldest->time_msec))
			oldest = finding;
	}
	return oldest;
}

static void
find_out(struct alerts *alerts, struct finding *finding, const struct item *item,
    const struct config *config)
{
	const struct incident *incident = &item->incident;
	const struct diagnose_subject subject = {
		.domain = incident->sender_domain[0] != '\0' ? incident->sender_domain :
		    incident->domain,
		.from_domain = incident->from_domain, .time = incident->newest,
		.address = incident->address[0] != '\0' ? incident->address :
		    config->outbound_address,
		.selector = incident->selector, .headers = item->headers, .message = STR_EMPTY,
	};
	struct diagnosis diagnosis = { .cause = "" };
	struct buf text = { 0 };

	arena_free(finding->arena);
	*finding = (struct finding){ .id = incident->id, .arena = arena_new() };
	diagnose(alerts->parts.dns, alerts->parts.spf, alerts->parts.dkim, &subject,
	    clock_monotonic_msec() + ALERTS_DIAGNOSIS_MSEC, finding->arena, &diagnosis);
	if (diagnosis.cause[0] != '\0')
		buf_printf(&text, "cause: %s\n", diagnosis.cause);
	diagnose_print(&diagnosis, &text);
	finding->text = arena_strdup(finding->arena, buf_str(&text));
	finding->cause = diagnosis.cause;
	finding->time_msec = clock_monotonic_msec();
	buf_free(&text);
}

static void
add_diagnosis(struct alerts *alerts, struct item *item, const struct config *config)
{
	uint64_t id = item->incident.id;
	struct finding *finding = finding_of(alerts, id);

	if (finding->arena == NULL || finding->id != id ||
	    clock_monotonic_msec() - finding->time_msec >= ALERTS_DIAGNOSIS_SEC * 1000)
		find_out(alerts, finding, item, config);
	item->incident.diagnosis = arena_strdup(item->arena, str_of(finding->text));
	item->cause = arena_strdup(item->arena, str_of(finding->cause));
	if (alerts->parts.diagnosed != NULL)
		alerts->parts.diagnosed(alerts->parts.context, &item->incident);
}

static bool
is_diagnosed(const struct alerts *alerts, const struct item *item)
{
	return alerts->parts.dns != NULL && item->digest == NULL &&
	    item->incident.rule == WATCH_AUTH && !alerts->stopping &&
	    (item->notice == NOTICE_OPENED || item->notice == NOTICE_RISEN);
}

/* --- the thread --------------------------------------------------------- */

/* The next one; NULL when stopping and all is told. */
static struct item *
take(struct alerts *alerts)
{
	struct item *item;

	pthread_mutex_lock(&alerts->lock);
	while (alerts->head == NULL && !alerts->stopping)
		pthread_cond_wait(&alerts->queued, &alerts->lock);
	item = alerts->head;
	if (item != NULL) {
		alerts->head = item->next;
		alerts->waiting--;
	}
	if (alerts->head == NULL)
		alerts->tail = &alerts->head;
	pthread_mutex_unlock(&alerts->lock);
	return item;
}

static void *
run(void *context)
{
	struct alerts *alerts = context;
	struct item *item;

	while ((item = take(alerts)) != NULL) {
		struct config *config = config_get();

		if (is_diagnosed(alerts, item))
			add_diagnosis(alerts, item, config);
		tell_syslog(alerts, item);
		if (is_for_people(item) && has_command(config))
			tell_command(alerts, item, config);
		if (is_for_people(item) && config->alert_mail[0] != '\0')
			tell_mail(alerts, item, config);
		config_put(config);
		arena_free(item->arena);
	}
	return NULL;
}

struct alerts *
alerts_start(const struct alerts_parts *parts)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));

	if (alerts == NULL)
		msg_out_of_memory();
	alerts->parts = *parts;
	alerts->tail = &alerts->head;
	/* Without it stopping takes as long as what is run. */
	alerts->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&alerts->lock, NULL);
	pthread_cond_init(&alerts->queued, NULL);
	if (pthread_create(&alerts->thread, NULL, run, alerts) != 0)
		msg_out_of_memory();
	return alerts;
}

/* There is no room: at least the log hears of it. */
static void
tell_log_alone(struct alerts *alerts, struct item *item)
{
	struct config *config = config_get();

	tell_syslog(alerts, item);
	if (is_for_people(item) && has_command(config))
		alerts->failed[ALERTS_COMMAND]++;
	if (is_for_people(item) && config->alert_mail[0] != '\0')
		alerts->failed[ALERTS_MAIL]++;
	msg_error("%d alerts are waiting to be told: of this one only the log knows",
	    ALERTS_WAITING);
	config_put(config);
	arena_free(item->arena);
}

static void
post(struct alerts *alerts, struct item *item)
{
	bool room;

	pthread_mutex_lock(&alerts->lock);
	room = alerts->waiting < ALERTS_WAITING;
	if (room) {
		*alerts->tail = item;
		alerts->tail = &item->next;
		alerts->waiting++;
		pthread_cond_signal(&alerts->queued);
	}
	pthread_mutex_unlock(&alerts->lock);
	if (!room)
		tell_log_alone(alerts, item);
}

void
alerts_post(struct alerts *alerts, const struct watch_changes *changes)
{
	for (const struct watch_change *change = changes->first; change != NULL;
	    change = change->next) {
		if (change->notice != NOTICE_NONE)
			post(alerts, item_of_change(change));
	}
	if (changes->digest != NULL)
		post(alerts, item_of_digest(changes->digest));
}

void
alerts_stop(struct alerts *alerts)
{
	if (alerts == NULL)
		return;
	pthread_mutex_lock(&alerts->lock);
	alerts->stopping = true;
	pthread_cond_signal(&alerts->queued);
	pthread_mutex_unlock(&alerts->lock);
	if (alerts->stop_fd != -1)
		eventfd_write(alerts->stop_fd, 1);
	pthread_join(alerts->thread, NULL);
	if (alerts->stop_fd != -1)
		close(alerts->stop_fd);
	for (unsigned i = 0; i < FINDINGS_KEPT; i++)
		arena_free(alerts->findings[i].arena);
	pthread_mutex_destroy(&alerts->lock);
	pthread_cond_destroy(&alerts->queued);
	free(alerts);
}

void
alerts_counts(const struct alerts *alerts, struct alerts_counts *counts_r)
{
	for (unsigned i = 0; i < ALERTS_SINKS; i++) {
		counts_r->sent[i] = alerts->sent[i];
		counts_r->failed[i] = alerts->failed[i];
	}
}
