/*
 * One row for each way in which a rule fires, and one for each near miss; all
 * with and without the log, which alone shows deliveries. The shares are chosen
 * so that the Wilson bound and the plain share say the same, but where a row is
 * about the bound.
 */
#include "watch-support.h"

#define OWN "example.com"

enum { SILENT = -1, NOTICE, WARNING, CRITICAL }; /* as enum severity */

#define ALSO(rule) (1u << (rule))
#define FIRST ALSO(WATCH_AUTH_FIRST)
#define RECEIVER ALSO(WATCH_ONE_RECEIVER)

struct row {
	const char *name;
	enum watch_rule_id rule;
	int want, blind;       /* severity with the log, and without */
	unsigned may;          /* other rules that may speak */
	struct burst bursts[5];
	/* What the incident says; NULL or 0: not looked at. */
	const char *domain, *provider, *most, *subcause;
	unsigned recipients;
	struct watch_usual usual;
};

#define USUAL(rule_, domain_, provider_, value_) \
	{ .rule = (rule_), .domain = (domain_), .provider = (provider_), .value = (value_), \
		.hour = T0 / HOUR - 3 }

#define ROW(name_, rule_, want_, blind_, may_, ...) \
	{ .name = (name_), .rule = (rule_), .want = (want_), .blind = (blind_), .may = (may_), \
		__VA_ARGS__ }

static const struct row rows[] = {
	/* auth: >= 5 recipients in 15 min at one provider and >= 2 % ... */
	ROW("auth, 6 of 66", WATCH_AUTH, WARNING, WARNING, FIRST,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 6, 60, 0, 5, .subcause = "dkim") },
	    .domain = OWN, .most = "Google", .subcause = "dkim", .recipients = 6),
	ROW("auth, 4", WATCH_AUTH, SILENT, SILENT, FIRST,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 4, 40, 0, 5, .subcause = "dkim") }),
	ROW("auth, four categories together", WATCH_AUTH, WARNING, WARNING, FIRST,
	    .bursts = { B(OWN, "X", CATEGORY_AUTH_FAILURE, 2, 40, 0, 5, .subcause = "spf"),
	        B(OWN, "X", CATEGORY_RDNS_FAILURE, 2, 0, 0, 5, .person = 10),
	        B(OWN, "X", CATEGORY_TLS_REQUIRED, 1, 0, 0, 5, .person = 20),
	        B(OWN, "X", CATEGORY_SENDER_REJECTED, 1, 0, 0, 5, .person = 30) },
	    .domain = OWN, .most = "GMX", .recipients = 6),
	ROW("auth, one recipient a hundred times", WATCH_AUTH, SILENT, SILENT, FIRST | RECEIVER,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 100, 2000, 0, 5, .pool = 1) }),
	ROW("auth, one of five is nothing", WATCH_AUTH, SILENT, SILENT, FIRST,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 1, 4, 0, 5, .subcause = "dkim") }),
	/* The bound: 2.15 % of 5 in 100, 1.96 % of 5 in 110, 0.7 % of 5 in 300. */
	ROW("auth, 5 of 100", WATCH_AUTH, WARNING, WARNING, FIRST,
	    .bursts = { B(OWN, "X", CATEGORY_AUTH_FAILURE, 5, 0, 5, 1),
	        B(OWN, "X", 0, 0, 95, 0, 5) }),
	ROW("auth, 5 of 110", WATCH_AUTH, SILENT, WARNING, FIRST,
	    .bursts = { B(OWN, "X", CATEGORY_AUTH_FAILURE, 5, 0, 5, 1),
	        B(OWN, "X", 0, 0, 105, 0, 5) }),
	ROW("auth, 5 of 300", WATCH_AUTH, SILENT, WARNING, FIRST,
	    .bursts = { B(OWN, "X", CATEGORY_AUTH_FAILURE, 5, 0, 5, 1),
	        B(OWN, "X", 0, 0, 295, 0, 5) }),
	/* ... or >= 3 at >= 2 providers in an hour. */
	ROW("auth, 3 and 3", WATCH_AUTH, WARNING, WARNING, FIRST,
	    .bursts = { B(OWN, "XW", CATEGORY_AUTH_FAILURE, 6, 200, 0, 40, .subcause = "dmarc") },
	    .domain = OWN, .subcause = "dmarc", .recipients = 6),
	ROW("auth, 3 and 2", WATCH_AUTH, SILENT, SILENT, FIRST,
	    .bursts = { B(OWN, "XW", CATEGORY_AUTH_FAILURE, 5, 200, 0, 40, .subcause = "dmarc") }),
	ROW("auth, 25 recipients", WATCH_AUTH, CRITICAL, CRITICAL, FIRST | RECEIVER,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 25, 500, 0, 8, .subcause = "dkim") },
	    .domain = OWN, .most = "Google", .subcause = "dkim", .recipients = 25),
	ROW("auth, 24 recipients", WATCH_AUTH, WARNING, WARNING, FIRST | RECEIVER,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 24, 500, 0, 8, .subcause = "dkim") }),
	ROW("auth, half of all", WATCH_AUTH, CRITICAL, WARNING, FIRST | RECEIVER,
	    .bursts = { B(OWN, "X", CATEGORY_AUTH_FAILURE, 10, 10, 0, 8, .subcause = "spf") }),
	ROW("auth, two of the big three", WATCH_AUTH, CRITICAL, CRITICAL, FIRST | RECEIVER,
	    .bursts = { B(OWN, "GY", CATEGORY_AUTH_FAILURE, 10, 100, 0, 8, .subcause = "dkim") }),
	ROW("auth, one of them and another", WATCH_AUTH, WARNING, WARNING, FIRST | RECEIVER,
	    .bursts = { B(OWN, "GX", CATEGORY_AUTH_FAILURE, 10, 100, 0, 8, .subcause = "dkim") }),

	ROW("auth-first", WATCH_AUTH_FIRST, NOTICE, SILENT, 0,
	    .bursts = { B(OWN, "G", 0, 0, 20, -100, 20),
	        B(OWN, "G", CATEGORY_AUTH_FAILURE, 3, 20, 0, 90) },
	    .domain = OWN),
	ROW("auth-first, nothing delivered before", WATCH_AUTH_FIRST, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "G", CATEGORY_AUTH_FAILURE, 1, 0, 0, 1) }),

	/* blocklist: >= 10 in 30 min and >= 50 % at one provider, for one domain ... */
	ROW("blocklist, 16 of 20", WATCH_BLOCKLIST, WARNING, WARNING, RECEIVER,
	    .bursts = { B(OWN, "T", CATEGORY_DOMAIN_BLOCKLISTED, 16, 4, 0, 20, .subcause = "dbl") },
	    .domain = OWN, .most = "T-Online", .subcause = "dbl", .recipients = 16),
	ROW("blocklist, 9 of 9", WATCH_BLOCKLIST, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "T", CATEGORY_DOMAIN_BLOCKLISTED, 9, 0, 0, 20, .subcause = "dbl") }),
	ROW("blocklist, 12 of 60", WATCH_BLOCKLIST, SILENT, WARNING, RECEIVER,
	    .bursts = { B(OWN, "T", CATEGORY_REPUTATION, 12, 48, 0, 20) }),
	ROW("blocklist, two providers", WATCH_BLOCKLIST, CRITICAL, CRITICAL, RECEIVER,
	    .bursts = { B(OWN, "T", CATEGORY_REPUTATION, 16, 4, 0, 20),
	        B(OWN, "X", CATEGORY_REPUTATION, 5, 3, 0, 20) },
	    .domain = OWN, .most = "T-Online", .recipients = 21),
	ROW("blocklist, hardly two providers", WATCH_BLOCKLIST, WARNING, WARNING, RECEIVER,
	    .bursts = { B(OWN, "T", CATEGORY_REPUTATION, 16, 4, 0, 20),
	        B(OWN, "X", CATEGORY_REPUTATION, 2, 2, 0, 20) },
	    .domain = OWN),
	/* ... but what is about our address is about all domains. */
	ROW("blocklist, the address", WATCH_BLOCKLIST, WARNING, WARNING, RECEIVER,
	    .bursts = { B("own#.example", "T", CATEGORY_IP_BLOCKLISTED, 20, 5, 0, 20,
	        .subcause = "spamhaus") },
	    .domain = "", .most = "T-Online", .subcause = "spamhaus", .recipients = 20),
	ROW("blocklist, while connecting", WATCH_BLOCKLIST, WARNING, WARNING, RECEIVER,
	    .bursts = { B("own#.example", "T", CATEGORY_REPUTATION, 20, 5, 0, 20, .flags = CONNECTING) },
	    .domain = "", .most = "T-Online", .recipients = 20),
	ROW("blocklist, five domains by themselves", WATCH_BLOCKLIST, SILENT, SILENT, 0,
	    .bursts = { B("own#.example", "T", CATEGORY_REPUTATION, 20, 5, 0, 20) }),

	/* throttle: >= 20 in 15 min, >= 20 %, >= 4 x what is usual. */
	ROW("throttle, 40 of 100", WATCH_THROTTLE, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 40, 60, 0, 10) },
	    .domain = OWN, .provider = "yahoodns.net", .most = "Yahoo", .recipients = 40),
	ROW("throttle, 19 of 40", WATCH_THROTTLE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 19, 21, 0, 10) }),
	ROW("throttle, 25 of 200", WATCH_THROTTLE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 25, 175, 0, 10) }),
	ROW("throttle, 60 of 200", WATCH_THROTTLE, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 60, 140, 0, 10) },
	    .domain = OWN, .provider = "yahoodns.net"),
	ROW("throttle, 60 of 200 where 10 % is usual", WATCH_THROTTLE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 60, 140, 0, 10) },
	    .usual = USUAL(WATCH_THROTTLE, OWN, "yahoodns.net", 0.1)),
	ROW("throttle, 90 % for 45 min", WATCH_THROTTLE, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 135, 15, 0, 45) },
	    .domain = OWN, .provider = "yahoodns.net"),
	ROW("throttle, 35 % for 45 min", WATCH_THROTTLE, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "Y", CATEGORY_THROTTLED, 90, 167, 0, 45) },
	    .domain = OWN, .provider = "yahoodns.net"),

	/* campaign: >= 10, >= 5 % of it, >= 4 x other mail of that hour. */
	ROW("campaign, 30 of 300", WATCH_CAMPAIGN, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_CONTENT_REJECTED, 30, 270, 0, 20, .campaign = "spring"),
	        B(OWN, "GXWO", CATEGORY_CONTENT_REJECTED, 1, 300, 0, 20, .campaign = "summer") },
	    .domain = OWN),
	ROW("campaign, 9 of 40", WATCH_CAMPAIGN, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_POLICY_REJECTED, 9, 31, 0, 20, .campaign = "spring") }),
	ROW("campaign, 12 of 600", WATCH_CAMPAIGN, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_POLICY_REJECTED, 12, 588, 0, 20, .campaign = "spring") }),
	ROW("campaign, other mail is refused as well", WATCH_CAMPAIGN, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_CONTENT_REJECTED, 30, 270, 0, 20, .campaign = "spring"),
	        B(OWN, "GXWO", CATEGORY_CONTENT_REJECTED, 30, 270, 0, 20, .campaign = "summer") }),
	ROW("campaign, 60 of 150", WATCH_CAMPAIGN, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_POLICY_REJECTED, 60, 90, 0, 20, .campaign = "spring"),
	        B(OWN, "GXWO", 0, 0, 300, 0, 20) },
	    .domain = OWN),

	/* hygiene: 2 %, 5 %, 10 % hard, of 200 in 24 h. */
	ROW("hygiene, 16 of 400", WATCH_HYGIENE, NOTICE, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_USER_UNKNOWN, 16, 384, 0, 60) },
	    .domain = OWN, .recipients = 16),
	ROW("hygiene, 32 of 400", WATCH_HYGIENE, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_USER_UNKNOWN, 32, 368, 0, 60) },
	    .domain = OWN),
	ROW("hygiene, 60 of 400", WATCH_HYGIENE, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_DOMAIN_UNKNOWN, 60, 340, 0, 60) },
	    .domain = OWN),
	ROW("hygiene, 28 of 190", WATCH_HYGIENE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_USER_UNKNOWN, 28, 162, 0, 60) }),
	ROW("hygiene, 4 of 400", WATCH_HYGIENE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_USER_UNKNOWN, 4, 396, 0, 60) }),
	ROW("hygiene, full mailboxes are none", WATCH_HYGIENE, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GMXY", CATEGORY_MAILBOX_FULL, 60, 1340, 0, 60) }),

	/* complaint: 0.1 %, 0.3 % (Microsoft 0.4 %, a campaign 0.5 %), of 500. */
	ROW("complaint, 10 of 4000", WATCH_COMPLAINT, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_COMPLAINT, 10, 4000, 0, 30) },
	    .domain = OWN),
	ROW("complaint, 4 of 1000", WATCH_COMPLAINT, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_COMPLAINT, 4, 1000, 0, 30) }),
	ROW("complaint, 5 of 400", WATCH_COMPLAINT, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_COMPLAINT, 5, 400, 0, 30) }),
	ROW("complaint, 0.375 %", WATCH_COMPLAINT, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_COMPLAINT, 150, 40000, 0, 60) },
	    .domain = OWN),
	ROW("complaint, 0.375 % at Microsoft", WATCH_COMPLAINT, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "M", CATEGORY_COMPLAINT, 150, 40000, 0, 60) },
	    .domain = OWN),
	ROW("complaint, 0.6 % at Microsoft", WATCH_COMPLAINT, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "M", CATEGORY_COMPLAINT, 240, 40000, 0, 60) },
	    .domain = OWN),
	ROW("complaint, of one campaign", WATCH_COMPLAINT, CRITICAL, SILENT, 0,
	    .bursts = { B(OWN, "X", 0, 0, 4000, 0, 30),
	        B(OWN, "X", CATEGORY_COMPLAINT, 10, 600, 0, 30, .campaign = "flash") },
	    .domain = OWN),

	/* one-receiver: >= 80 % of policy failures at one provider, >= 10 recipients. */
	ROW("one-receiver, 30 of 30", WATCH_ONE_RECEIVER, WARNING, WARNING, 0,
	    .bursts = { B(OWN, "X", CATEGORY_POLICY_REJECTED, 30, 570, 0, 40),
	        B(OWN, "GW", 0, 0, 600, 0, 40) },
	    .domain = OWN, .most = "GMX", .recipients = 30),
	ROW("one-receiver, 9 of 9", WATCH_ONE_RECEIVER, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_POLICY_REJECTED, 9, 570, 0, 40),
	        B(OWN, "GW", 0, 0, 600, 0, 40) }),
	ROW("one-receiver, 30 of 45", WATCH_ONE_RECEIVER, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_POLICY_REJECTED, 30, 570, 0, 40),
	        B(OWN, "W", CATEGORY_POLICY_REJECTED, 15, 585, 0, 40) }),

	/* ramp: the last quarter fails >= 3 x the first one, and >= 20. */
	ROW("ramp, 2 to 40", WATCH_RAMP, WARNING, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_THROTTLED, 2, 150, 0, 15),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 5, 150, 15, 15),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 10, 150, 30, 15),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 40, 150, 45, 15) },
	    .domain = OWN),
	ROW("ramp, 2 to 18", WATCH_RAMP, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_THROTTLED, 2, 450, 0, 45),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 18, 150, 45, 15) }),
	ROW("ramp, 20 to 40", WATCH_RAMP, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GXWO", CATEGORY_THROTTLED, 20, 150, 0, 15),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 50, 300, 15, 30),
	        B(OWN, "GXWO", CATEGORY_THROTTLED, 40, 150, 45, 15) }),

	/* breaker: > max(50, 5 x usual) suppressions in 10 min ... */
	ROW("breaker, 55 suppressed", WATCH_BREAKER, CRITICAL, CRITICAL, 0,
	    .bursts = { B("own#.example", "X", CATEGORY_USER_UNKNOWN, 55, 4000, 0, 8,
	        .flags = SUPPRESSED) },
	    .domain = "", .provider = "gmx.net", .most = "GMX"),
	ROW("breaker, 50 suppressed", WATCH_BREAKER, SILENT, SILENT, 0,
	    .bursts = { B("own#.example", "T", CATEGORY_USER_UNKNOWN, 50, 4000, 0, 8,
	        .flags = SUPPRESSED) }),
	ROW("breaker, 80 where 20 an hour are usual", WATCH_BREAKER, SILENT, SILENT, 0,
	    .bursts = { B("own#.example", "X", CATEGORY_USER_UNKNOWN, 80, 8000, 0, 8,
	        .flags = SUPPRESSED) },
	    .usual = USUAL(WATCH_BREAKER, "", "gmx.net", 20)),
	/* ... or > 30 % user-unknown of 50. */
	ROW("breaker, 40 of 80 unknown", WATCH_BREAKER, CRITICAL, SILENT, 0,
	    .bursts = { B("own#.example", "T", CATEGORY_USER_UNKNOWN, 40, 40, 0, 8) },
	    .domain = "", .provider = "t-online.de", .most = "T-Online"),
	ROW("breaker, 20 of 40 unknown", WATCH_BREAKER, SILENT, SILENT, 0,
	    .bursts = { B("own#.example", "T", CATEGORY_USER_UNKNOWN, 20, 20, 0, 8) }),
	ROW("breaker, 18 of 80 unknown", WATCH_BREAKER, SILENT, SILENT, 0,
	    .bursts = { B("own#.example", "T", CATEGORY_USER_UNKNOWN, 18, 62, 0, 8) }),

	/* self: > 5 % of failures not understood. */
	ROW("self, 100 of 400 unknown", WATCH_SELF, WARNING, WARNING, 0,
	    .bursts = { B(OWN, "GMYXWAO", CATEGORY_UNKNOWN, 100, 400, 0, 30),
	        B(OWN, "GMYXWAO", CATEGORY_GREYLISTED, 300, 0, 0, 30) },
	    .domain = ""),
	ROW("self, 10 of 500 unknown", WATCH_SELF, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "GMYXWAO", CATEGORY_UNKNOWN, 10, 400, 0, 30),
	        B(OWN, "GMYXWAO", CATEGORY_GREYLISTED, 490, 0, 0, 30) }),

	/* forged: > 20, > 200 in 10 min. */
	ROW("forged, 25", WATCH_FORGED, WARNING, WARNING, 0,
	    .bursts = { B(OWN, "X", CATEGORY_USER_UNKNOWN, 25, 0, 0, 8, .kind = WATCH_UNPROVEN) }),
	ROW("forged, 20", WATCH_FORGED, SILENT, SILENT, 0,
	    .bursts = { B(OWN, "X", CATEGORY_USER_UNKNOWN, 20, 0, 0, 8, .kind = WATCH_UNPROVEN) }),
	ROW("forged, 205", WATCH_FORGED, CRITICAL, CRITICAL, 0,
	    .bursts = { B(OWN, "X", CATEGORY_USER_UNKNOWN, 205, 0, 0, 8, .kind = WATCH_UNPROVEN) }),
	ROW("forged, 200", WATCH_FORGED, WARNING, WARNING, 0,
	    .bursts = { B(OWN, "X", CATEGORY_USER_UNKNOWN, 200, 0, 0, 8, .kind = WATCH_UNPROVEN) }),
};

/* What goes on besides, from two hours before: at all places but T. */
static const struct burst others[] = {
	B("other#.example", "GMYXWAO", CATEGORY_USER_UNKNOWN, 30, 3360, -130, 280, .flags = SUPPRESSED),
	B("other#.example", "GMYXWAO", CATEGORY_GREYLISTED, 15, 0, -130, 280),
	B("other#.example", "GMYXWAO", CATEGORY_MAILBOX_FULL, 8, 0, -130, 280),
};

#define PLAYED_MINUTES 170

static void
play_row(struct world *world, const struct row *row)
{
	struct burst bursts[COUNT(row->bursts) + COUNT(others)];

	memcpy(bursts, row->bursts, sizeof(row->bursts));
	memcpy(bursts + COUNT(row->bursts), others, sizeof(others));
	if (row->usual.value > 0)
		watch_recall_usual(world->watch, &row->usual);
	world_bursts(world, bursts, COUNT(bursts), PLAYED_MINUTES);
}

/* The one incident of the row. */
static void
check_incident(const struct world *world, const struct row *row, int want)
{
	const struct heard *heard = first_said(world, NOTICE_OPENED, row->rule);
	const struct incident *incident = latest(world, heard->incident.id);
	const struct watch_rule *rule = &world->rules.rules[row->rule];
	int64_t window = rule->spread_window_sec > 0 ? rule->spread_window_sec : rule->window_sec;

	hold(said(world, NOTICE_OPENED, row->rule, 0) == 1);
	hold(heard->time >= T0 && heard->time <= T0 + 2 * window);
	hold((int)incident->severity == want);
	hold(said(world, NOTICE_RISEN, row->rule, 0) ==
	    (unsigned)(want > (int)heard->incident.severity) ||
	    (want == CRITICAL && heard->incident.severity == SEVERITY_NOTICE));
	hold(row->domain == NULL || strcmp(incident->domain, row->domain) == 0);
	hold(row->provider == NULL || strcmp(incident->provider, row->provider) == 0);
	hold(row->most == NULL ||
	    (incident->providers[0].count > 0 && strcmp(incident->providers[0].name, row->most) == 0));
	hold(row->subcause == NULL || strcmp(incident->subcause, row->subcause) == 0);
	hold(row->recipients == 0 || incident->recipients == row->recipients);
	hold(incident->since <= incident->opened && incident->newest >= incident->since);
	hold(incident->failures >= incident->recipients || row->rule == WATCH_SELF);
}

static void
check_row(const struct row *row, bool with_log)
{
	struct world *world = world_open(with_log, T0 - 130 * MINUTE);
	int want = with_log ? row->want : row->blind;

	play_row(world, row);
	for (unsigned rule = 0; rule < WATCH_RULES; rule++)
		hold(rule == row->rule || (row->may & ALSO(rule)) != 0 ||
		    said(world, NOTICE_OPENED, rule, 0) == 0);
	if (want == SILENT)
		hold(said(world, NOTICE_OPENED, row->rule, 0) == 0);
	else
		hold(said(world, NOTICE_OPENED, row->rule, 0) > 0);
	if (want != SILENT)
		check_incident(world, row, want);
	hold(world->digests == 0);
	world_close(world);
}

static void
test_with_log(void **state)
{
	check_row(*state, true);
}

static void
test_without_log(void **state)
{
	check_row(*state, false);
}

/* A rule that is off says nothing. */
static void
test_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct world *world = world_open(true, T0 - 130 * MINUTE);

		world->rules.rules[row->rule].on = 0;
		play_row(world, row);
		hold(said(world, NOTICE_OPENED, row->rule, 0) == 0);
		world_close(world);
	}
}

/* The table itself: what needs the log is silent without it, and the shares that
   rows rely on are what they are said to be. */
static void
test_table(void **state)
{
	static const struct { unsigned count, of; double from, to; } shares[] = {
		{ 5, 100, 2, 2.2 }, { 5, 110, 1.9, 2 }, { 5, 300, 0, 1 }, { 6, 66, 4, 20 },
		{ 10, 20, 20, 50 }, { 16, 20, 50, 100 }, { 12, 60, 0, 20 }, { 40, 100, 20, 50 },
		{ 60, 200, 20, 40 }, { 30, 300, 5, 20 }, { 60, 150, 20, 100 }, { 16, 400, 2, 5 },
		{ 32, 400, 5, 10 }, { 60, 400, 10, 100 }, { 10, 4000, 0.1, 0.3 },
		{ 150, 40000, 0.3, 0.4 }, { 240, 40000, 0.4, 1 }, { 40, 80, 30, 100 },
		{ 18, 80, 0, 30 }, { 30, 30, 80, 100 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(shares); i++) {
		double got = wilson(shares[i].count, shares[i].of);

		check(got >= shares[i].from && got < shares[i].to, "%u of %u: %f", shares[i].count,
		    shares[i].of, got);
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].blind == SILENT || !watch_rule_needs_log(rows[i].rule), "%s", rows[i].name);
}

int
main(void)
{
	struct CMUnitTest tests[2 * COUNT(rows) + 2] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_off),
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		tests[2 + 2 * i] = (struct CMUnitTest){ rows[i].name, test_with_log, NULL, NULL,
			(void *)(uintptr_t)&rows[i] };
		tests[3 + 2 * i] = (struct CMUnitTest){ rows[i].name, test_without_log, NULL, NULL,
			(void *)(uintptr_t)&rows[i] };
	}
	return cmocka_run_group_tests_name("watch rules", tests, NULL, NULL);
}
