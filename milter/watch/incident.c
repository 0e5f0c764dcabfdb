#include "watch/incident.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/textform.h"
#include "parse/charset.h"

#define NAME_BYTES 128 /* what is longer is no name of anything */
#define PROVIDERS_NAMED 3

static const char *const notice_names[] = {
	[NOTICE_NONE] = "none", [NOTICE_OPENED] = "opened", [NOTICE_RISEN] = "risen",
	[NOTICE_GROWN] = "grown", [NOTICE_LASTING] = "lasting", [NOTICE_CLOSED] = "closed",
};

const struct words notice_words = WORDS(notice_names);

#define AT(member) offsetof(struct incident, member)

static const struct textform_field fields[] = {
	{ "id", TEXTFORM_NUMBER, AT(id), 1, NULL },
	{ "rule", TEXTFORM_WORD, AT(rule), 1, &watch_rule_words },
	{ "severity", TEXTFORM_WORD, AT(severity), 1, &severity_words },
	{ "opened-as", TEXTFORM_WORD, AT(opened_as), 1, &severity_words },
	{ "since", TEXTFORM_TIME, AT(since), 1, NULL },
	{ "opened", TEXTFORM_TIME, AT(opened), 1, NULL },
	{ "newest", TEXTFORM_TIME, AT(newest), 1, NULL },
	{ "closed", TEXTFORM_TIME, AT(closed), 1, NULL },
	{ "domain", TEXTFORM_TEXT, AT(domain), 1, NULL },
	{ "provider", TEXTFORM_TEXT, AT(provider), 1, NULL },
	{ "condition", TEXTFORM_TEXT, AT(condition), 1, NULL },
	{ "cause", TEXTFORM_TEXT, AT(cause), 1, NULL },
	{ "recipients", TEXTFORM_NUMBER, AT(recipients), 1, NULL },
	{ "messages", TEXTFORM_NUMBER, AT(messages), 1, NULL },
	{ "failures", TEXTFORM_NUMBER, AT(failures), 1, NULL },
	{ "attempts", TEXTFORM_NUMBER, AT(attempts), 1, NULL },
	{ "category", TEXTFORM_WORD, AT(category), 1, &category_words },
	{ "subcause", TEXTFORM_TEXT, AT(subcause), 1, NULL },
	{ "identity", TEXTFORM_TEXT, AT(identity), 1, NULL },
	{ "address", TEXTFORM_TEXT, AT(address), 1, NULL },
	{ "selector", TEXTFORM_TEXT, AT(selector), 1, NULL },
	{ "from-domain", TEXTFORM_TEXT, AT(from_domain), 1, NULL },
	{ "sender-domain", TEXTFORM_TEXT, AT(sender_domain), 1, NULL },
	{ "at", TEXTFORM_COUNT, AT(providers), INCIDENT_PROVIDERS, NULL },
	{ "by", TEXTFORM_COUNT, AT(causes), INCIDENT_CAUSES, NULL },
	{ "code", TEXTFORM_COUNT, AT(codes), INCIDENT_CODES, NULL },
	{ "campaign", TEXTFORM_COUNT, AT(campaigns), INCIDENT_CAMPAIGNS, NULL },
	{ "text", TEXTFORM_TEXT, AT(texts), INCIDENT_TEXTS, NULL },
	{ "diagnosis", TEXTFORM_TEXT, AT(diagnosis), 1, NULL },
	{ "notified", TEXTFORM_UNSIGNED, AT(notified), 1, NULL },
	{ "notified-time", TEXTFORM_TIME, AT(notified_time), 1, NULL },
	{ "notified-recipients", TEXTFORM_NUMBER, AT(notified_recipients), 1, NULL },
};

static const struct textform form = TEXTFORM(fields);

_Static_assert(offsetof(struct incident_count, name) == 0 &&
    offsetof(struct incident_count, count) + sizeof(uint64_t) ==
    sizeof(struct incident_count), "as TEXTFORM_COUNT has it");

void
incident_init(struct incident *incident)
{
	*incident = (struct incident){ .id = 0 };
	textform_init(&form, incident);
}

void
incident_copy(const struct incident *incident, struct arena *arena, struct incident *copy_r)
{
	*copy_r = *incident;
	textform_own(&form, copy_r, arena);
}

void
incident_print(const struct incident *incident, struct buf *out)
{
	textform_print(&form, incident, out);
}

int
incident_scan(struct str text, struct arena *arena, struct incident *incident_r)
{
	struct str line;

	incident_init(incident_r);
	while (str_next_piece(&text, '\n', &line)) {
		if (textform_scan(&form, line, arena, incident_r) == -1)
			return -1;
	}
	return 0;
}

/* What a sentence is made of. */
struct speech {
	const struct incident *incident;
	int64_t now;
	struct arena *arena;
};

/* "is", or "was" when it is over. */
static const char *
verb(const struct speech *s, const char *present, const char *past)
{
	return s->incident->closed == 0 ? present : past;
}

/* The text, if it looks like a name, an address, or an id: it may come from a
   server's words. Only those of our own list have blanks in them. */
static const char *
name_of(const char *text, const char *also, const char *otherwise)
{
	size_t len = 0;

	while (str_is_alnum(text[len]) || (text[len] != '\0' && strchr(also, text[len]) != NULL))
		len++;
	return len == 0 || len > NAME_BYTES || text[len] != '\0' ? otherwise : text;
}

static const char *
id_of(const char *text, const char *otherwise)
{
	return strstr(text, "//") != NULL ? otherwise : name_of(text, "._-:/@+=", otherwise);
}

/* " for example.com", or nothing if it is about all domains. */
static const char *
with_domain(const struct speech *s, const char *before)
{
	const char *domain = s->incident->domain;

	if (strcmp(domain, "<>") == 0)
		return arena_printf(s->arena, " %s null senders", before);
	domain = id_of(domain, "");
	return *domain == '\0' ? "" : arena_printf(s->arena, " %s %s", before, domain);
}

/* "Google, Yahoo, GMX and 4 more". */
static const char *
providers(const struct speech *s, const char *otherwise)
{
	const struct incident_count *all = s->incident->providers;
	const char *text = "";
	unsigned count = 0;

	while (count < INCIDENT_PROVIDERS && *all[count].name != '\0')
		count++;
	if (count == 0)
		return id_of(s->incident->provider, otherwise);
	for (unsigned i = 0; i < count && i < PROVIDERS_NAMED; i++)
		text = arena_printf(s->arena, "%s%s%s", text,
		    i == 0 ? "" : i + 1 == count ? " and " : ", ",
		    name_of(all[i].name, "._-:/@+ &()", "another provider"));
	if (count > PROVIDERS_NAMED)
		text = arena_printf(s->arena, "%s and %s%u more", text,
		    count == INCIDENT_PROVIDERS ? "at least " : "", count - PROVIDERS_NAMED);
	return text;
}

static const char *
at_providers(const struct speech *s, const char *before)
{
	const char *names = providers(s, "");

	return *names == '\0' ? "" : arena_printf(s->arena, "%s %s", before, names);
}

/* "14:02", with the date before it if that is not of the same day as `other`. */
static const char *
time_of(const struct speech *s, int64_t time, int64_t other)
{
	char text[CLOCK_TEXT_BYTES];

	clock_print(time, text);
	return time / CLOCK_DAY_SEC == other / CLOCK_DAY_SEC ?
	    arena_printf(s->arena, "%.5s", text + sizeof("2026-11-20T") - 1) :
	    arena_printf(s->arena, "%.10s %.5s", text, text + sizeof("2026-11-20T") - 1);
}

/* " since 14:02 UTC", or " from 14:02 to 15:10 UTC" when it is over. */
static const char *
when(const struct speech *s)
{
	const struct incident *incident = s->incident;

	if (incident->since <= 0)
		return "";
	if (incident->closed == 0 || incident->newest < incident->since)
		return arena_printf(s->arena, " %s %s UTC", verb(s, "since", "from"),
		    time_of(s, incident->since, s->now));
	return arena_printf(s->arena, " from %s to %s UTC", time_of(s, incident->since, s->now),
	    time_of(s, incident->newest, incident->since));
}

static const char *
number_of(const struct speech *s, uint64_t number, const char *noun)
{
	return arena_printf(s->arena, "%llu %s%s", (unsigned long long)number, noun,
	    number == 1 ? "" : "s");
}

/* "6.1 %", or "" if it is not known of how many. */
static const char *
share(const struct speech *s)
{
	const struct incident *incident = s->incident;
	double percent;

	if (incident->attempts == 0 || incident->failures > incident->attempts)
		return "";
	percent = 100.0 * (double)incident->failures / (double)incident->attempts;
	return arena_printf(s->arena, "%.*f %%", percent < 1 ? 2 : 1, percent);
}

/* ": 312 recipients (53.3 % of 1200), selector s1": what the sentence ends with. */
static const char *
amount(const struct speech *s, bool with_share, const char *label, const char *detail)
{
	const struct incident *incident = s->incident;
	uint64_t number = incident->recipients > 0 ? incident->recipients : incident->failures;
	const char *percent = with_share ? share(s) : "";
	const char *text = number == 0 ? "" :
	    arena_printf(s->arena, ": %s", number_of(s, number, "recipient"));

	if (*text != '\0' && *percent != '\0')
		text = arena_printf(s->arena, "%s (%s of %llu)", text, percent,
		    (unsigned long long)incident->attempts);
	if (*detail != '\0')
		text = arena_printf(s->arena, "%s%s %s %s", text, *text == '\0' ? ":" : ",", label,
		    detail);
	return text;
}

/* Who is meant: our address, else what else the words name. */
static const char *
who(const struct speech *s, const char *otherwise)
{
	const struct incident *incident = s->incident;
	const char *identity = id_of(incident->identity, ""), *address = id_of(incident->address, "");

	if (incident->category == CATEGORY_DOMAIN_BLOCKLISTED || *address == '\0')
		return *identity == '\0' ? otherwise : identity;
	return address;
}

static const char *
auth_subject(const struct speech *s)
{
	static const char *const methods[][2] = { { "spf", "SPF" }, { "dkim", "DKIM" },
		{ "dmarc", "DMARC" }, { "arc", "ARC" }, { "alignment", "DMARC alignment" } };
	const char *is = verb(s, "is", "was"), *method = "authentication";

	switch (s->incident->category) {
	case CATEGORY_RDNS_FAILURE:
		return arena_printf(s->arena, "reverse DNS of %s %s refused",
		    who(s, "our address"), is);
	case CATEGORY_TLS_REQUIRED:
		return arena_printf(s->arena, "mail without TLS %s refused", is);
	case CATEGORY_SENDER_REJECTED:
		return arena_printf(s->arena, "the sender %s refused", is);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(s->incident->subcause, methods[i][0]) == 0)
			method = methods[i][1];
	}
	return arena_printf(s->arena, "%s %s failing", method, is);
}

/* The From domain is the one that DMARC looks at; it need not be the sender's. */
static const char *
say_auth(const struct speech *s)
{
	const struct incident *incident = s->incident;
	const char *selector = id_of(incident->selector, ""), *from = id_of(incident->from_domain, "");
	const char *text = arena_printf(s->arena, "%s%s%s%s%s%s", auth_subject(s),
	    at_providers(s, " at"), with_domain(s, "for"), when(s),
	    incident->rule == WATCH_AUTH_FIRST ? ", for the first time in 24 hours" : "",
	    amount(s, false, "selector", selector));

	if (*from != '\0' && strcmp(from, incident->domain) != 0)
		text = arena_printf(s->arena, "%s, From domain %s", text, from);
	return text;
}

static const char *
say_blocklist(const struct speech *s)
{
	const char *is = verb(s, "is", "was"), *list = id_of(s->incident->subcause, "a block list");

	if (s->incident->category == CATEGORY_REPUTATION)
		return arena_printf(s->arena, "the reputation of %s %s too low%s%s%s%s",
		    who(s, "ours"), is, at_providers(s, " at"), with_domain(s, "for"), when(s),
		    amount(s, false, "", ""));
	return arena_printf(s->arena, "%s %s listed by %s%s%s%s%s",
	    who(s, s->incident->category == CATEGORY_DOMAIN_BLOCKLISTED ? "a domain of ours" :
	    "our address"), is, list, at_providers(s, ", refused at"), with_domain(s, "for"),
	    when(s), amount(s, false, "", ""));
}

static const char *
say_throttle(const struct speech *s)
{
	bool many = *s->incident->providers[1].name != '\0';

	return arena_printf(s->arena, "%s %s down mail%s%s%s", providers(s, "a provider"),
	    verb(s, many ? "slow" : "slows", "slowed"), with_domain(s, "of"), when(s),
	    amount(s, true, "the limit is on", id_of(s->incident->identity, "")));
}

static const char *
say_campaign(const struct speech *s)
{
	const char *campaign = id_of(s->incident->campaigns[0].name, "");

	return arena_printf(s->arena, "%s%s %s %s refused%s%s%s%s",
	    s->incident->category == CATEGORY_CONTENT_REJECTED ? "the content of " : "",
	    *campaign == '\0' ? "one" : "campaign", *campaign == '\0' ? "campaign" : campaign,
	    verb(s, "is", "was"), at_providers(s, " at"), with_domain(s, "for"), when(s),
	    amount(s, true, "", ""));
}

static const char *
say_hygiene(const struct speech *s)
{
	const struct incident *incident = s->incident;
	const char *percent = share(s), *domain = with_domain(s, "of");

	if (*percent == '\0')
		return arena_printf(s->arena, "%s%s %s not exist (in 24 hours)",
		    number_of(s, incident->failures, "recipient"), domain, verb(s, "do", "did"));
	return arena_printf(s->arena, "%s of the recipients%s %s not exist (%llu of %llu in 24 hours)",
	    percent, domain, verb(s, "do", "did"), (unsigned long long)incident->failures,
	    (unsigned long long)incident->attempts);
}

static const char *
say_complaint(const struct speech *s)
{
	return arena_printf(s->arena, "recipients%s %s mail%s as spam%s%s", at_providers(s, " at"),
	    verb(s, "report", "reported"), with_domain(s, "of"), when(s), amount(s, true, "", ""));
}

static const char *
say_one_receiver(const struct speech *s)
{
	return arena_printf(s->arena, "most refusals of mail%s %s from %s alone%s%s",
	    with_domain(s, "of"), verb(s, "come", "came"), providers(s, "one provider"), when(s),
	    amount(s, false, "", ""));
}

static const char *
say_ramp(const struct speech *s)
{
	return arena_printf(s->arena, "refusals%s %s%s while mail%s %s sent%s",
	    at_providers(s, " at"), verb(s, "grow", "grew"), when(s), with_domain(s, "of"),
	    verb(s, "is", "was"), amount(s, false, "", ""));
}

static const char *
say_breaker(const struct speech *s)
{
	return arena_printf(s->arena, "the breaker %s suppressions for what %s says%s%s",
	    verb(s, "has stopped", "had stopped"), providers(s, "a provider"), when(s),
	    amount(s, true, "", ""));
}

static const char *
say_self(const struct speech *s)
{
	const struct incident *incident = s->incident;

	return *incident->cause != '\0' ? incident->cause : arena_printf(s->arena,
	    "something %s wrong with bouncemilter%s%s", verb(s, "is", "was"),
	    *incident->condition == '\0' ? "" : ": ", id_of(incident->condition, ""));
}

static const char *
say_forged(const struct speech *s)
{
	return arena_printf(s->arena, "%s%s about mail%s that was not sent here",
	    number_of(s, s->incident->failures, "report"), when(s), with_domain(s, "of"));
}

const char *
incident_sentence(const struct incident *incident, int64_t now, struct arena *arena)
{
	static const char *(*const say[WATCH_RULES])(const struct speech *) = {
		[WATCH_AUTH] = say_auth, [WATCH_AUTH_FIRST] = say_auth,
		[WATCH_BLOCKLIST] = say_blocklist, [WATCH_THROTTLE] = say_throttle,
		[WATCH_CAMPAIGN] = say_campaign, [WATCH_HYGIENE] = say_hygiene,
		[WATCH_COMPLAINT] = say_complaint, [WATCH_ONE_RECEIVER] = say_one_receiver,
		[WATCH_RAMP] = say_ramp, [WATCH_BREAKER] = say_breaker, [WATCH_SELF] = say_self,
		[WATCH_FORGED] = say_forged,
	};
	const struct speech speech = { incident, now, arena };

	return charset_clean_line(str_of(say[incident->rule](&speech)), INCIDENT_SENTENCE_BYTES, arena);
}
