#include "metrics_names.h"

#include <string.h>

#include "parse/logjoin.h"
#include "verdict.h"
#include "watch/thresholds.h"

static const char *const attempt_names[] = { "delivered", "deferred", "failed" };
static const struct words attempt_words = WORDS(attempt_names);

/* As in alerts.c, which is of the daemon alone. */
static const char *const sink_names[] = { "syslog", "command", "mail" };
static const struct words sink_words = WORDS(sink_names);

static const struct metrics_family families[] = {
	{ "up", METRICS_GAUGE, "", NULL, "1 if the daemon runs." },
	{ "build_info", METRICS_GAUGE, "", NULL,
	    "1, with the version of the program that tells this." },
	{ "metrics_timestamp_seconds", METRICS_GAUGE, "", NULL,
	    "When these metrics were read, in seconds since 1970." },
	{ "enforcing", METRICS_GAUGE, "", NULL, "1 if mode = enforce, 0 if mode = observe." },
	{ "log_lane", METRICS_GAUGE, "", NULL, "1 if the configuration names a mail log to read." },
	{ "incidents_open", METRICS_GAUGE, "", NULL,
	    "Incidents that are open, by rule and severity." },
	{ "incident_recipients", METRICS_GAUGE, "", NULL,
	    "Distinct recipients of the incidents that are open, by rule." },
	{ "breaker_frozen_providers", METRICS_GAUGE, "", NULL,
	    "Providers for which automatic suppression is frozen." },
	{ "suppressed_addresses", METRICS_GAUGE, "", NULL,
	    "Addresses that are suppressed, by table and category." },
	{ "held_addresses", METRICS_GAUGE, "", NULL,
	    "Suppressions that are held back for a person, by table and category." },
	{ "store_bytes", METRICS_GAUGE, "", NULL,
	    "Size of the file of a store; it grows when needed, and does not shrink." },
	{ "store_limit_bytes", METRICS_GAUGE, "", NULL,
	    "What it may grow to: store-size, ledger-size." },
	{ "store_failing", METRICS_GAUGE, "", NULL,
	    "1 if nothing more can be recorded: the store is full, or the disk fails." },
	{ "store_rows", METRICS_GAUGE, "", NULL, "Rows of each table of the store." },
	{ "journal_sequence", METRICS_GAUGE, "", NULL,
	    "Number of the newest event of the journal." },
	{ "published_sequence", METRICS_GAUGE, "", NULL,
	    "Number of the newest event that the published LMDB tables reflect." },
	{ "attempts_total", METRICS_COUNTER, "outcome", &attempt_words,
	    "Attempts to deliver that left the site." },
	{ "handoffs_total", METRICS_COUNTER, "outcome", &attempt_words,
	    "Attempts to deliver to relays, to agents of our own, and for our own domains." },
	{ "retries_total", METRICS_COUNTER, "", NULL,
	    "Deferrals of a message that had been deferred for the same reason." },
	{ "reports_total", METRICS_COUNTER, "proof", &proof_words,
	    "Reports that came in by the local lane and the net lane." },
	{ "repeated_reports_total", METRICS_COUNTER, "", NULL,
	    "Failures that were told of before." },
	{ "dropped_reports_total", METRICS_COUNTER, "", NULL,
	    "Unverified reports for which there was no room." },
	{ "refused_claims_total", METRICS_COUNTER, "", NULL,
	    "Recipients that a report named though its message was not sent to them." },
	{ "notices_total", METRICS_COUNTER, "kind", NULL, "What a report said that is no event." },
	{ "events_total", METRICS_COUNTER, "category", &category_words,
	    "Events that are no deliveries." },
	{ "decisions_total", METRICS_COUNTER, "decision", &decision_words,
	    "What followed from each event." },
	{ "refused_events_total", METRICS_COUNTER, "", NULL,
	    "Events of the log that could not be recorded: their address is damaged." },
	{ "log_notices_total", METRICS_COUNTER, "kind", &logjoin_notice_words,
	    "Lines of the log that were read, and those that tell of no attempt." },
	{ "log_unknown_lines_total", METRICS_COUNTER, "program", NULL,
	    "Lines of the log of an unknown program or form." },
	{ "log_overlong_lines_total", METRICS_COUNTER, "", NULL,
	    "Lines of the log that were passed over because they were too long." },
	{ "log_gaps_total", METRICS_COUNTER, "", NULL, "How often lines of the log were lost." },
	{ "ledger_lost_total", METRICS_COUNTER, "", NULL,
	    "Deliveries that could not be put into the ledger of sent mail." },
	{ "watch_forgotten_total", METRICS_COUNTER, "", NULL,
	    "What was counted for a rare domain or provider, and made room." },
	{ "incidents_unopened_total", METRICS_COUNTER, "", NULL,
	    "Incidents that were not opened because too many are open." },
	{ "incidents_total", METRICS_COUNTER, "rule", &watch_rule_words,
	    "Incidents that were opened." },
	{ "notices_sent_total", METRICS_COUNTER, "sink", &sink_words,
	    "Notices of incidents that were sent." },
	{ "notices_failed_total", METRICS_COUNTER, "sink", &sink_words,
	    "Notices of incidents that could not be sent." },
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct metrics_family unknown_family = { "", METRICS_COUNTER, "", NULL,
	"A counter of the store." };

const struct metrics_family *
metrics_family_at(unsigned i)
{
	return i < FAMILIES ? &families[i] : NULL;
}

const struct metrics_family *
metrics_family_find(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		if (strcmp(families[i].name, name) == 0)
			return &families[i];
	}
	return &unknown_family;
}
