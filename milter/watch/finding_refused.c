/*
 * Rules about what providers refuse: authentication, listings, limits, content.
 */
#include "watch/finding.h"

#define SPREAD_PART 10    /* a trace of the ratio: so much of it at each provider */
#define OTHERS_LEAST 10   /* attempts elsewhere, to say that only one refuses */

/* The largest numbers of some, to ask for the k-th. */
struct top {
	double values[WATCH_SPREAD_PROVIDERS_MOST];
};

static void
top_add(struct top *top, double value)
{
	for (unsigned i = 0; i < WATCH_SPREAD_PROVIDERS_MOST; i++) {
		if (value > top->values[i]) {
			double smaller = top->values[i];

			top->values[i] = value;
			value = smaller;
		}
	}
}

static double
top_at(const struct top *top, unsigned k)
{
	return k < 1 || k > WATCH_SPREAD_PROVIDERS_MOST ? 0 : top->values[k - 1];
}

/* What the providers of a group have in the two windows. */
struct spread {
	double one;       /* of the warning at one provider */
	double one_share; /* critical-ratio, where the minimum is reached */
	double recipients, attempts; /* at all of them */
	double spread_recipients;
	struct top all, major;
};

static void
count_spread(const struct asked *asked, struct spread *spread)
{
	const struct watch_rule *rule = asked->rule;

	for (const struct cell *cell = asked->question->group->cells; cell != NULL;
	    cell = cell->next) {
		struct counted now = finding_count(asked, cell, finding_minutes(rule->window_sec));
		struct counted then = finding_count(asked, cell, finding_minutes(rule->spread_window_sec));
		double enough = finding_part(now.recipients, rule->count);

		spread->one = finding_more(spread->one, finding_less(enough,
		    finding_part(now.share, finding_ratio(rule->ratio))));
		spread->one_share = finding_more(spread->one_share, finding_less(enough,
		    finding_part(now.share, finding_ratio(rule->critical_ratio))));
		spread->recipients += now.recipients;
		spread->attempts += now.attempts;
		spread->spread_recipients += then.recipients;
		if (then.raw < finding_ratio(rule->ratio) / SPREAD_PART)
			continue;
		top_add(&spread->all, then.recipients);
		if (cell->major)
			top_add(&spread->major, then.recipients);
	}
}

/* The window that tells is the one by which it fired. */
void
find_auth(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	struct finding *finding = asked->finding;
	struct spread spread = { 0 };
	double several, critical;

	count_spread(asked, &spread);
	several = finding_part(top_at(&spread.all, rule->spread_providers), rule->spread_count);
	critical = finding_more(finding_part(spread.recipients, rule->critical_count),
	    finding_more(asked->question->with_log ? spread.one_share : 0,
		finding_part(top_at(&spread.major, rule->critical_major), rule->spread_count)));
	finding->levels[SEVERITY_WARNING] = finding_more(spread.one, several);
	finding->levels[SEVERITY_CRITICAL] = finding_less(finding->levels[SEVERITY_WARNING], critical);
	finding->minutes = finding_minutes(spread.one >= 1 ? rule->window_sec : rule->spread_window_sec);
	finding->attempts = (uint64_t)spread.attempts;
}

/* Told once, when the failure has come and there were deliveries to compare. */
void
find_auth_first(const struct asked *asked)
{
	const struct group *group = asked->question->group;
	const struct flow *flow = finding_flow(asked, TOPIC_NONE, group->node.domain, "");
	bool first = group->first_in_a_day != 0 &&
	    group->first_in_a_day > asked->question->now - HOUR_SEC;

	/* Where an incident is open it is no news. */
	for (const struct live *live = group->lives; live != NULL; live = live->next_of_group)
		first &= live->incident.rule != WATCH_AUTH;
	asked->finding->levels[SEVERITY_NOTICE] = first && flow != NULL &&
	    hours_sum(&flow->delivered, asked->hour,
		(unsigned)(asked->rule->window_sec / HOUR_SEC)) > 0;
	asked->finding->minutes = 60;
}

void
find_blocklist(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	struct finding *finding = asked->finding;
	struct spread spread = { 0 };

	count_spread(asked, &spread);
	/* Together they have to be as many as make a warning. */
	finding->levels[SEVERITY_CRITICAL] = finding_less(
	    finding_part(spread.spread_recipients, rule->count),
	    finding_part(top_at(&spread.all, rule->spread_providers), rule->spread_count));
	finding->levels[SEVERITY_WARNING] = finding_more(spread.one, finding->levels[SEVERITY_CRITICAL]);
	finding->minutes = finding_minutes(spread.one >= 1 ? rule->window_sec : rule->spread_window_sec);
	finding->attempts = (uint64_t)spread.attempts;
}

void
find_throttle(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct cell *cell = asked->question->group->cells;
	unsigned half = finding_minutes(rule->critical_window_sec) / 2;
	struct asked earlier = *asked;
	struct counted now, before, lately;

	if (cell == NULL)
		return;
	now = finding_count(asked, cell, finding_minutes(rule->window_sec));
	lately = finding_count(asked, cell, half);
	earlier.minute -= half;
	before = finding_count(&earlier, cell, half);
	asked->finding->levels[SEVERITY_WARNING] = finding_less(finding_part(now.failed, rule->count),
	    finding_less(finding_part(now.share, finding_ratio(rule->ratio)),
		finding_part(now.raw, rule->factor * finding_usual(cell->usual))));
	/* For that long: in both halves of the window. */
	asked->finding->levels[SEVERITY_CRITICAL] = finding_less(asked->finding->levels[SEVERITY_WARNING],
	    finding_part(finding_less(lately.share, before.share), finding_ratio(rule->critical_ratio)));
	asked->finding->minutes = finding_minutes(rule->window_sec);
	asked->finding->attempts = (uint64_t)now.attempts;
}

/* A campaign, beside the other mail of that hour. Without the headers of what was
   delivered nobody knows how large it is. */
void
find_campaign(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct cell *cell = asked->question->group->cells;
	unsigned minutes = finding_minutes(rule->window_sec);
	const struct group *all;
	double failed = 0, attempts, level;
	struct counted counted;

	if (cell == NULL || asked->question->watch->campaigns_seen <
	    asked->question->now - SERIES_HOURS * (int64_t)HOUR_SEC)
		return;
	counted = finding_count(asked, cell, minutes);
	all = nodes_group(asked->nodes, TOPIC_POLICY, cell->node.domain, "", 0, false);
	for (const struct cell *other = all == NULL ? NULL : all->cells; other != NULL;
	    other = other->next)
		failed += series_sum(&other->failed, asked->minute, minutes);
	failed -= finding_less(failed, counted.failed);
	attempts = finding_attempts(asked, finding_flow(asked, TOPIC_NONE, cell->node.domain, ""),
	    minutes);
	attempts -= finding_less(attempts, counted.attempts);
	level = finding_less(finding_part(counted.failed, rule->count),
	    finding_part(counted.raw, rule->factor * finding_usual(attempts > 0 ? failed / attempts : 0)));
	asked->finding->levels[SEVERITY_WARNING] = finding_less(level,
	    finding_part(counted.share, finding_ratio(rule->ratio)));
	asked->finding->levels[SEVERITY_CRITICAL] = finding_less(level,
	    finding_part(counted.share, finding_ratio(rule->critical_ratio)));
	asked->finding->minutes = minutes;
	asked->finding->attempts = (uint64_t)counted.attempts;
}

/* One does most of the refusing, while the others take mail. */
void
find_one_receiver(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct group *group = asked->question->group;
	unsigned minutes = finding_minutes(rule->window_sec);
	double total = 0, elsewhere, level;
	struct counted most = { 0 };

	for (const struct cell *cell = group->cells; cell != NULL; cell = cell->next) {
		struct counted counted = finding_count(asked, cell, minutes);

		total += counted.recipients;
		if (counted.recipients > most.recipients)
			most = counted;
	}
	elsewhere = finding_attempts(asked, finding_flow(asked, TOPIC_NONE, group->node.domain, ""),
	    minutes);
	elsewhere -= finding_less(elsewhere, most.attempts);
	level = finding_less(finding_part(most.recipients, rule->count),
	    finding_part(total > 0 ? most.recipients / total : 0, finding_ratio(rule->ratio)));
	if (asked->question->with_log && elsewhere < OTHERS_LEAST)
		level = 0;
	asked->finding->levels[SEVERITY_WARNING] = level;
	asked->finding->minutes = minutes;
	asked->finding->attempts = (uint64_t)most.attempts;
}

