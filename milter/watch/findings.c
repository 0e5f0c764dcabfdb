/*
 * How far each rule is from firing: the table of bouncemilter-alerts(7). Nothing
 * is changed here.
 */
#include <math.h>

#include "watch/finding.h"

unsigned
finding_minutes(int64_t span_sec)
{
	return (unsigned)(span_sec / MINUTE_SEC);
}

double
finding_ratio(unsigned millionths)
{
	return (double)millionths / RATIO_ONE;
}

double
finding_more(double a, double b)
{
	return a > b ? a : b;
}

double
finding_less(double a, double b)
{
	return a < b ? a : b;
}

double
finding_part(double value, double threshold)
{
	return threshold <= 0 ? HUGE_VAL : value / threshold;
}

const struct flow *
finding_flow(const struct asked *asked, enum topic topic, const char *domain, const char *part)
{
	return nodes_flow(asked->nodes, topic, domain, part, 0, false);
}

unsigned
finding_attempts(const struct asked *asked, const struct flow *flow, unsigned minutes)
{
	return flow == NULL ? 0 : series_sum(&flow->attempts, asked->minute, minutes);
}

double
finding_usual(double usual)
{
	return finding_more(usual, USUAL_LEAST);
}

struct counted
finding_count(const struct asked *asked, const struct cell *cell, unsigned minutes)
{
	struct counted counted = { 0 };

	counted.recipients = (double)distinct_count(&cell->recipients, asked->minute, minutes);
	counted.failed = series_sum(&cell->failed, asked->minute, minutes);
	counted.attempts = finding_attempts(asked, finding_flow(asked, cell->node.topic == TOPIC_CAMPAIGN ?
	    TOPIC_SENT : TOPIC_NONE, cell->node.domain, cell->node.part), minutes);
	if (!asked->question->with_log) {
		counted.share = counted.raw = counted.failed > 0;
		return counted;
	}
	counted.share = series_share(counted.failed, counted.attempts);
	counted.raw = counted.failed >= counted.attempts ? counted.failed > 0 :
	    counted.failed / counted.attempts;
	return counted;
}

static void
find_self(const struct asked *asked)
{
	const struct watch_rule *rule = asked->rule;
	const struct cell *cell = asked->question->group->cells;
	const struct flow *flow = finding_flow(asked, TOPIC_NONE, "", "");
	unsigned minutes = finding_minutes(rule->window_sec);
	double unknown, failed;

	if (cell == NULL || flow == NULL)
		return;
	unknown = series_sum(&cell->failed, asked->minute, minutes);
	failed = series_sum(&flow->failed, asked->minute, minutes);
	asked->finding->levels[SEVERITY_WARNING] = finding_less(finding_part(unknown, rule->count),
	    finding_part(series_share(unknown, failed), finding_ratio(rule->ratio)));
	asked->finding->minutes = minutes;
	asked->finding->attempts = (uint64_t)failed;
	asked->finding->failures = (uint64_t)unknown;
}

static void
find_forged(const struct asked *asked)
{
	const struct cell *cell = asked->question->group->cells;
	unsigned minutes = finding_minutes(asked->rule->window_sec);
	double count = cell == NULL ? 0 : series_sum(&cell->failed, asked->minute, minutes);

	asked->finding->levels[SEVERITY_WARNING] = finding_part(count, asked->rule->count);
	asked->finding->levels[SEVERITY_CRITICAL] = finding_part(count, asked->rule->critical_count);
	asked->finding->minutes = minutes;
}

static const struct {
	enum topic topic;
	void (*find)(const struct asked *asked);
} finders[WATCH_RULES] = {
	[WATCH_AUTH] = { TOPIC_AUTH, find_auth },
	[WATCH_AUTH_FIRST] = { TOPIC_AUTH, find_auth_first },
	[WATCH_BLOCKLIST] = { TOPIC_BLOCKLIST, find_blocklist },
	[WATCH_THROTTLE] = { TOPIC_THROTTLE, find_throttle },
	[WATCH_CAMPAIGN] = { TOPIC_CAMPAIGN, find_campaign },
	[WATCH_HYGIENE] = { TOPIC_DEAD, find_hygiene },
	[WATCH_COMPLAINT] = { TOPIC_COMPLAINT, find_complaint },
	[WATCH_ONE_RECEIVER] = { TOPIC_POLICY, find_one_receiver },
	[WATCH_RAMP] = { TOPIC_FAILED, find_ramp },
	[WATCH_BREAKER] = { TOPIC_BREAKER, find_breaker },
	[WATCH_SELF] = { TOPIC_UNKNOWN, find_self },
	[WATCH_FORGED] = { TOPIC_FORGED, find_forged },
};

enum topic
findings_topic(enum watch_rule_id id)
{
	return finders[id].topic;
}

bool
findings_ask(const struct findings_question *question, enum watch_rule_id id,
    struct finding *finding_r)
{
	struct asked asked = { question, question->rule, question->watch->nodes,
		question->now / MINUTE_SEC, question->now / HOUR_SEC, finding_r };

	*finding_r = (struct finding){ .minutes = 1 };
	if (finders[id].topic != question->group->node.topic || !question->rule->on ||
	    (!question->with_log && watch_rule_needs_log(id)))
		return false;
	finders[id].find(&asked);
	return true;
}
