/*
 * Rules about how much: dead addresses, complaints, sends that get worse, and the
 * breaker.
 */
#include <string.h>

#include "watch/finding.h"

#define RAMP_GAP 10       /* minutes without mail are the end of a send */

void
find_hygiene(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct flow *flow = finding_flow(asked, TOPIC_NONE, asked->question->group->node.domain, "");
	unsigned hours = (unsigned)(rule->window_sec / HOUR_SEC);
	double attempts, share;

	if (flow == NULL)
		return;
	attempts = hours_sum(&flow->attempts_of, asked->hour, hours);
	share = attempts < rule->minimum ? 0 :
	    series_share(hours_sum(&flow->dead, asked->hour, hours), attempts);
	asked->finding->levels[SEVERITY_NOTICE] = finding_part(share, finding_ratio(rule->notice_ratio));
	asked->finding->levels[SEVERITY_WARNING] = finding_part(share, finding_ratio(rule->ratio));
	asked->finding->levels[SEVERITY_CRITICAL] = finding_part(share,
	    finding_ratio(rule->critical_ratio));
	asked->finding->minutes = 60;
	asked->finding->attempts = (uint64_t)attempts;
	asked->finding->failures = hours_sum(&flow->dead, asked->hour, hours);
}

/* What was delivered, and what was complained of. */
struct complained {
	double complaints, delivered;
};

static struct complained
count_complaints(const struct asked *asked, const struct flow *flow)
{
	unsigned hours = (unsigned)(asked->rule->window_sec / HOUR_SEC);

	if (flow == NULL)
		return (struct complained){ 0, 0 };
	return (struct complained){ hours_sum(&flow->complaints, asked->hour, hours),
		hours_sum(&flow->delivered, asked->hour, hours) };
}

static void
weigh_complaints(const struct asked *asked, struct complained counted, unsigned warning,
    unsigned critical)
{
	double *levels = asked->finding->levels;
	double enough = finding_part(counted.complaints, asked->rule->count);
	double share = counted.delivered < asked->rule->minimum ? 0 :
	    series_share(counted.complaints, counted.delivered);

	levels[SEVERITY_WARNING] = finding_more(levels[SEVERITY_WARNING],
	    finding_less(enough, finding_part(share, finding_ratio(warning))));
	levels[SEVERITY_CRITICAL] = finding_more(levels[SEVERITY_CRITICAL],
	    finding_less(enough, finding_part(share, finding_ratio(critical))));
}

/* It has a limit of its own. */
static bool
is_microsoft(const struct cell *cell)
{
	return cell->name != NULL && strcmp(cell->name, "Microsoft") == 0;
}

/* All of a domain's mail but Microsoft's, each provider's, and each campaign's. */
void
find_complaint(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct group *group = asked->question->group;
	const char *domain = group->node.domain;
	struct complained all = count_complaints(asked, finding_flow(asked, TOPIC_NONE, domain, ""));
	struct complained others = all;

	for (const struct cell *cell = group->cells; cell != NULL; cell = cell->next) {
		struct complained counted = count_complaints(asked,
		    finding_flow(asked, TOPIC_NONE, domain, cell->node.part));

		weigh_complaints(asked, counted, rule->ratio, is_microsoft(cell) ?
		    rule->microsoft_ratio : rule->critical_ratio);
		if (!is_microsoft(cell))
			continue;
		others.complaints -= finding_less(others.complaints, counted.complaints);
		others.delivered -= finding_less(others.delivered, counted.delivered);
	}
	weigh_complaints(asked, others, rule->ratio, rule->critical_ratio);
	for (unsigned i = 0; group->evidence[0] != NULL && i < INCIDENT_CAMPAIGNS; i++) {
		if (group->evidence[0]->campaigns.counts[i] > 0)
			weigh_complaints(asked, count_complaints(asked, finding_flow(asked, TOPIC_SENT,
			    domain, group->evidence[0]->campaigns.names[i])), rule->campaign_ratio,
			    rule->campaign_ratio);
	}
	asked->finding->minutes = 60;
	asked->finding->failures = (uint64_t)all.complaints;
	asked->finding->attempts = (uint64_t)all.delivered;
}

/* The first minute of the send that goes on now. */
static int64_t
send_begin(const struct flow *flow, int64_t minute, unsigned minutes)
{
	int64_t begin = minute, gap = 0;

	for (int64_t i = minute; i > minute - minutes && gap < RAMP_GAP; i--) {
		gap = series_at(&flow->attempts, i) > 0 ? 0 : gap + 1;
		if (gap == 0)
			begin = i;
	}
	return begin;
}

/* The quarters of a send are of its mail, not of its time. */
void
find_ramp(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct flow *flow = finding_flow(asked, TOPIC_NONE, asked->question->group->node.domain, "");
	double all = 0, seen = 0, sent[2] = { 0, 0 }, failed[2] = { 0, 0 };
	int64_t begin;

	if (flow == NULL)
		return;
	begin = send_begin(flow, asked->minute, finding_minutes(rule->window_sec));
	for (int64_t i = begin; i <= asked->minute; i++)
		all += series_at(&flow->attempts, i);
	for (int64_t i = begin; i <= asked->minute; i++) {
		double attempts = series_at(&flow->attempts, i), middle = seen + attempts / 2;
		int quarter = middle <= all / 4 ? 0 : middle >= all * 3 / 4 ? 1 : -1;

		seen += attempts;
		if (quarter == -1)
			continue;
		sent[quarter] += attempts;
		failed[quarter] += series_at(&flow->failed, i);
	}
	/* The least of the last quarter beside the most of the first: by chance alone
	   few fail there. */
	if (asked->minute - begin + 1 >= WATCH_RAMP_MINUTES_LEAST && sent[0] > 0)
		asked->finding->levels[SEVERITY_WARNING] = finding_less(
		    finding_part(failed[1], rule->count),
		    finding_part(series_share(failed[1], sent[1]),
			rule->factor * finding_usual(1 - series_share(sent[0] - failed[0], sent[0]))));
	asked->finding->minutes = (unsigned)(asked->minute - begin + 1);
	asked->finding->attempts = (uint64_t)all;
	asked->finding->failures = series_sum(&flow->failed, asked->minute, asked->finding->minutes);
}

/* More suppressions than allowed, or too many of a provider's addresses dead. What
   the store has frozen stays so until this rule says otherwise. */
void
find_breaker(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct group *group = asked->question->group;
	unsigned minutes = finding_minutes(rule->window_sec);
	/* The store has frozen it on its own. Not while it is on its way to be free. */
	double level = group->lives == NULL && group->frozen > group->freed + rule->release_sec &&
	    group->frozen > asked->question->now - rule->window_sec;
	const struct flow *flow = finding_flow(asked, TOPIC_NONE, "", group->node.part);

	for (const struct cell *cell = group->cells; cell != NULL; cell = cell->next) {
		struct counted counted;

		if (cell->node.topic == TOPIC_BREAKER) {
			level = finding_more(level, finding_part(series_sum(&cell->failed, asked->minute, minutes),
			    finding_more(rule->count, rule->factor * cell->usual) + 1));
			continue;
		}
		counted = finding_count(asked, cell, 60);
		if (asked->question->with_log)
			level = finding_more(level, finding_less(finding_part(counted.attempts, rule->minimum),
			    finding_part(counted.share, finding_ratio(rule->ratio))));
	}
	asked->finding->levels[SEVERITY_CRITICAL] = level;
	asked->finding->minutes = 60;
	asked->finding->attempts = finding_attempts(asked, flow, 60);
}

