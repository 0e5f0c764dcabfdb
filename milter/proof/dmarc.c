#include "proof/dmarc.h"

#include <strings.h>

#include <opendmarc/dmarc.h>

#include "base/msg.h"
#include "parse/domain.h"
#include "proof/taglist.h"

static const struct str version = { "DMARC1", 6 };

static const char *const policy_names[] = {
	[DMARC_NONE] = "none", [DMARC_QUARANTINE] = "quarantine", [DMARC_REJECT] = "reject",
};

const struct words dmarc_policy_words = WORDS(policy_names);

/* Does somebody mean this to be a DMARC record? One letter in the wrong case, or
   a comma for the semicolon, makes it a broken one. */
static bool
is_meant(struct str text)
{
	struct str name, value;

	return taglist_next(&text, &name, &value) && str_iequal(name, STR("v")) &&
	    str_istarts(value, version) &&
	    (value.len == version.len || !str_is_alnum(value.data[version.len]));
}

static bool
is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((text.data[i] < ' ' && text.data[i] != '\t') || text.data[i] > '~')
			return false;
	}
	return true;
}

static bool
find_policy(struct str word, enum dmarc_policy *policy_r)
{
	for (unsigned i = 0; i < dmarc_policy_words.count; i++) {
		if (str_iequal(word, str_of(policy_names[i]))) {
			*policy_r = i;
			return true;
		}
	}
	return false;
}

/* Of the tags that say what to do. Returns "", or what is wrong. */
static const char *
read_policy(struct str text, bool inherited, struct dmarc_record *record)
{
	enum dmarc_policy below;
	struct str value;
	uint64_t percent;

	if (!taglist_find(text, STR("p"), &value, NULL))
		return "it has no p=";
	if (!find_policy(value, &record->policy))
		return "p= is not none, quarantine or reject";
	if (taglist_find(text, STR("sp"), &value, NULL)) {
		if (!find_policy(value, &below))
			return "sp= is not none, quarantine or reject";
		if (inherited)
			record->policy = below;
	}
	/* What is no number is 0 to the library. */
	if (taglist_find(text, STR("pct"), &value, NULL) && str_number(value, &percent) == -1)
		return "pct= is no number";
	return "";
}

/* What the library does not ask. Returns "", or what is wrong. */
static const char *
find_flaw(struct str text, bool inherited, struct dmarc_record *record)
{
	struct str name, value, rest = text;
	bool again;

	if (text.len > DMARC_RECORD_BYTES)
		return "it is too long";
	if (!is_printable(text))
		return "it is not ASCII";
	if (!taglist_next(&rest, &name, &value) || !str_iequal(name, STR("v")) ||
	    !str_equal(value, version))
		return "it does not begin with v=DMARC1;";
	while (taglist_next(&rest, &name, &value)) {
		if (taglist_find(text, name, &value, &again) && again)
			return "a tag stands twice";
	}
	return read_policy(text, inherited, record);
}

/* Returns "", or what is wrong. */
static const char *
read_by_library(const char *text, struct arena *arena, struct dmarc_record *record)
{
	DMARC_POLICY_T *policy = opendmarc_policy_connect_init((u_char *)"192.0.2.1",
	    DMARC_POLICY_IP_TYPE_IPV4);
	/* It wants to write where it reads. */
	char *copy = arena_strdup(arena, str_of(text));
	int status, spf = 0, dkim = 0, percent = 0;

	if (policy == NULL)
		msg_out_of_memory();
	status = opendmarc_policy_parse_dmarc(policy, (u_char *)"example.com", (u_char *)copy);
	opendmarc_policy_fetch_aspf(policy, &spf);
	opendmarc_policy_fetch_adkim(policy, &dkim);
	opendmarc_policy_fetch_pct(policy, &percent);
	opendmarc_policy_connect_shutdown(policy);
	if (status == DMARC_PARSE_ERROR_NO_ALLOC)
		msg_out_of_memory();
	if (status == DMARC_PARSE_ERROR_BAD_VALUE)
		return "a tag has a value that it cannot have";
	if (status != DMARC_PARSE_OKAY)
		return "it cannot be read";
	record->strict_spf = spf == DMARC_RECORD_A_STRICT;
	record->strict_dkim = dkim == DMARC_RECORD_A_STRICT;
	record->percent = (unsigned)percent;
	return "";
}

int
dmarc_read(struct str text, bool inherited, struct arena *arena, struct dmarc_record *record_r)
{
	record_r->inherited = inherited;
	record_r->why = find_flaw(text, inherited, record_r);
	if (record_r->why[0] != '\0')
		return 0;
	record_r->text = arena_strdup(arena, text);
	record_r->why = read_by_library(record_r->text, arena, record_r);
	return record_r->why[0] == '\0';
}

static void
choose(bool inherited, struct arena *arena, struct dmarc_record *record)
{
	const struct dns_answer *answer = &record->answer;
	struct str text = STR_EMPTY;
	unsigned count = 0;

	for (unsigned i = 0; i < answer->count; i++) {
		if (is_meant(str_of(answer->records[i].text)) && count++ == 0)
			text = str_of(answer->records[i].text);
	}
	if (answer->status == DNS_FAILED) {
		record->state = DMARC_UNKNOWN;
	} else if (count > 1) {
		record->state = DMARC_SEVERAL;
	} else if (count == 1) {
		record->state = dmarc_read(text, inherited, arena, record) == 1 ? DMARC_FOUND
		    : DMARC_MALFORMED;
	} else if (answer->cut) {
		/* What DNS left out may have been it. */
		record->state = DMARC_MALFORMED;
		record->why = "it is too long";
	} else {
		record->state = DMARC_MISSING;
	}
}

static void
ask(struct dns *dns, const char *domain, int64_t deadline_msec, struct arena *arena,
    struct dmarc_record *record)
{
	record->name = arena_printf(arena, "_dmarc.%s", domain);
	dns_lookup(dns, DNS_TXT, record->name, deadline_msec, arena, &record->answer);
}

void
dmarc_find(struct dns *dns, const char *from_domain, int64_t deadline_msec, struct arena *arena,
    struct dmarc_record *record_r)
{
	const char *organisation = domain_organisational(from_domain, arena);

	*record_r = (struct dmarc_record){ .why = "", .text = "" };
	ask(dns, from_domain, deadline_msec, arena, record_r);
	choose(false, arena, record_r);
	if (record_r->state != DMARC_MISSING || strcasecmp(from_domain, organisation) == 0)
		return;
	ask(dns, organisation, deadline_msec, arena, record_r);
	choose(true, arena, record_r);
}

bool
dmarc_is_aligned(const char *domain, const char *from_domain, bool strict, struct arena *arena)
{
	if (strict)
		return domain[0] != '\0' && strcasecmp(domain, from_domain) == 0;
	return domain_is_same_organisation(domain, from_domain, arena);
}
