#include "parse/complaint.h"

#include <string.h>

#include "base/clock.h"
#include "parse/address.h"
#include "parse/arf.h"
#include "parse/dsn.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/mention.h"
#include "parse/redacted.h"
#include "parse/returned.h"
#include "parse/snsnote.h"

#define TYPE_BYTES 64    /* of a feedback type; the registered ones have 12 */
#define WORDS_BYTES 300  /* of the notice: its first sentence or two */

/* What Microsoft puts on top of the message that it returns, and the subject
   and the senders of such a report. */
#define JMRP_FIELD STR("X-HmXmrOriginalRecipient")
#define JMRP_SUBJECT STR("complaint about message from")

static const char *const jmrp_senders[] = {
	"staff@hotmail.com", "complaints@email-abuse.amazonses.com",
};

/* Notifications of Amazon SES come from this domain, with this field. */
#define SNS_SENDER STR("@sns.amazonaws.com")
#define SNS_FIELD STR("x-amz-sns-message-id")

static const char *const not_spam_types[] = { "not-spam", "not_spam", "notspam" };
static const char *const authentication_types[] = {
	"auth-failure", "auth_failure", "dmarc", "dkim",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Who complains, as far as it is told. */
struct plaintiff {
	const char *address; /* "" for nobody who is known */
	const char *shown;
	bool guessed;
	bool named;          /* it is this one for sure */
};

struct plaintiffs {
	struct plaintiff list[LIMITS_RECIPIENTS];
	unsigned count;
	unsigned limits;
};

static bool
is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* --- which form it is ------------------------------------------------------ */

static struct str
content_type(const struct reading *reading)
{
	return reading->mime.count > 0 ? reading->mime.parts[0].content_type : STR_EMPTY;
}

/* Does the report itself say what kind it is? */
static bool
has_report_type(const struct reading *reading, struct str type)
{
	struct str value;

	return header_parameter(content_type(reading), STR("report-type"), reading->arena,
	    &value) == 1 && str_iequal(str_trim(value), type);
}

static int
read_fields(struct reading *reading, struct arf *arf)
{
	const struct mime_part *part = mime_find(&reading->mime, "message/feedback-report");
	bool declared = has_report_type(reading, STR("feedback-report"));
	struct str content;

	/* One that says it is a delivery report shall be read as such. */
	if (!declared && mime_find(&reading->mime, "message/delivery-status") != NULL)
		return 0;
	content = part == NULL ? arf_within(reading->notice) : mime_content(part,
	    LIMITS_STATUS_PART_BYTES, reading->arena, &reading->report->limits);
	if (part == NULL && !declared && content.len == 0)
		return 0;
	arf_parse(content, reading->arena, arf);
	return 1;
}

/* The JMRP has no fields of its own, and no type. */
static int
read_jmrp(struct reading *reading, struct arf *arf)
{
	struct str recipient, subject;
	bool about, known, told;

	if (mime_find(&reading->mime, "message/rfc822") == NULL)
		return 0;
	header_list_find(&reading->fields, STR("Subject"), &subject);
	about = str_istarts(str_trim(subject), JMRP_SUBJECT);
	known = is_one_of(returned_field_address(reading, &reading->fields, STR("From")),
	    jmrp_senders, COUNT_OF(jmrp_senders));
	told = header_find(reading->returned, JMRP_FIELD, &recipient) == 1;
	if (about + known + told < 2)
		return 0;
	*arf = (struct arf){ .feedback_type = STR("abuse") };
	if (told)
		arf_add(arf, &arf->recipients, header_unfold(recipient, reading->arena),
		    reading->arena);
	return 1;
}

static int
read_notification(struct reading *reading, struct arf *arf)
{
	struct str value;

	if (header_list_find(&reading->fields, SNS_FIELD, &value) == 0 &&
	    !str_iends(str_of(returned_field_address(reading, &reading->fields, STR("From"))),
		SNS_SENDER))
		return 0;
	return snsnote_read_complaint(reading->notice, reading->arena, arf);
}

/* --- who complains --------------------------------------------------------- */

static void
add_plaintiff(struct plaintiffs *all, struct plaintiff plaintiff)
{
	for (unsigned i = 0; i < all->count; i++) {
		if (strcmp(all->list[i].address, plaintiff.address) == 0)
			return;
	}
	if (all->count == LIMITS_RECIPIENTS)
		all->limits |= LIMIT_RECIPIENTS;
	else
		all->list[all->count++] = plaintiff;
}

/* The addresses of one field; where there is none, its words are shown. */
static void
add_field(struct reading *reading, struct str value, bool named, struct plaintiffs *all)
{
	struct mention mention = { .end = 0 };
	unsigned before = all->count;
	bool any = false;

	while (all->limits == 0 && mention_find(value, mention.end, reading->arena, &mention) == 1) {
		bool redacted = redacted_is(mention.address);

		any = true;
		add_plaintiff(all, (struct plaintiff){ redacted ? "" : mention.address,
		    reading_clean(reading, mention.text, LIMITS_ADDRESS_BYTES), false,
		    named && !redacted });
	}
	if (!any && all->count == before)
		add_plaintiff(all, (struct plaintiff){ "",
		    reading_clean(reading, value, LIMITS_ADDRESS_BYTES), false, false });
}

/* All addresses of a field of the returned message, at most two: more are as
   good as two. */
static unsigned
count_addresses(struct reading *reading, struct str name, struct mention *first)
{
	struct mention mention = { .end = 0 };
	struct str value;
	unsigned count = 0;

	header_find(reading->returned, name, &value);
	value = header_unfold(value, reading->arena);
	while (count < 2 && mention_find(value, mention.end, reading->arena, &mention) == 1) {
		if (count++ == 0)
			*first = mention;
	}
	return count;
}

/* A message to one person can only be complained of by that person, if its
   headers tell the truth. */
static void
guess(struct reading *reading, struct plaintiffs *all)
{
	static const struct str names[] = {
		{ "To", 2 }, { "X-Original-To", 13 }, { "Delivered-To", 12 },
		{ "X-Apparently-To", 15 },
	};
	struct mention mention, other;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		unsigned count = count_addresses(reading, names[i], &mention);

		if (i == 0 && (count > 1 || count_addresses(reading, STR("Cc"), &other) > 0))
			break;
		if (count != 1 || redacted_is(mention.address))
			continue;
		add_plaintiff(all, (struct plaintiff){ mention.address,
		    reading_clean(reading, mention.text, LIMITS_ADDRESS_BYTES), true, false });
		return;
	}
	add_plaintiff(all, (struct plaintiff){ "", "", false, false });
}

static void
find_plaintiffs(struct reading *reading, const struct arf *arf, struct plaintiffs *all)
{
	const struct arf_list *list = arf->removals.count > 0 ? &arf->removals : &arf->recipients;

	for (unsigned i = 0; i < list->count; i++)
		add_field(reading, list->values[i], list == &arf->removals, all);
	if (all->count == 0)
		guess(reading, all);
}

/* --- what is reported ------------------------------------------------------ */

/* "abuse", in lower case; RFC 5965 section 3.3: what is not known is "other". */
static const char *
type_of(const struct arf *arf, struct reading *reading)
{
	struct str rest = arf->feedback_type, word;
	char *type;

	if (!str_next_word(&rest, &word))
		return "other";
	type = arena_strdup(reading->arena, str_of(reading_clean(reading,
	    str_sub(word, 0, TYPE_BYTES), TYPE_BYTES)));
	type[strcspn(type, ",;")] = '\0';
	for (char *p = type; *p != '\0'; p++)
		*p = str_lower(*p);
	return type[0] == '\0' ? "other" : type;
}

/* Headers of the returned message, under names that returned_find() does not
   take for any. */
static void
find_headers(struct reading *reading)
{
	static const char *const types[] = {
		"text/rfc822-header", "message/rfc822-headers", "message/rfc822-header",
	};

	for (size_t i = 0; i < COUNT_OF(types) && reading->returned.len == 0; i++) {
		const struct mime_part *part = mime_find(&reading->mime, types[i]);
		struct str body;

		if (part != NULL)
			header_split(mime_content(part, LIMITS_HEADER_BLOCK_BYTES, reading->arena,
			    &reading->report->limits), &reading->returned, &body);
	}
}

static void
read_common(struct reading *reading, const struct arf *arf)
{
	struct bounce *common = &reading->common;
	struct mention mention;
	const char *type;

	common->envelope_id = reading_clean(reading, arf->envelope_id, LIMITS_ID_BYTES);
	common->reporting_mta = reading_clean(reading, dsn_untyped(arf->reporting_mta,
	    reading->arena, &type), LIMITS_ID_BYTES);
	if (common->reporting_mta[0] == '\0')
		common->reporting_mta = address_domain(returned_field_address(reading,
		    &reading->fields, STR("From")));
	clock_scan_header(arf->arrival_date, &common->arrival);
	if (common->arrival < 0)
		common->arrival = 0;
	if (mention_find(arf->mail_from, 0, reading->arena, &mention) == 1)
		common->sender = mention.address;
	returned_describe(reading);
}

/* The notice up to its first blank line, else the subject. A notice that holds
   the fields names all recipients, and says nothing. */
static const char *
first_words(struct reading *reading)
{
	struct str rest = str_trim(reading->notice), line, words = { rest.data, 0 };
	bool apart = mime_find(&reading->mime, "message/feedback-report") != NULL;

	while (apart && str_next_piece(&rest, '\n', &line) && str_trim(line).len > 0)
		words.len = (size_t)(line.data + line.len - words.data);
	if (words.len > 0)
		return reading_clean(reading, words, WORDS_BYTES);
	return header_text(reading->headers, STR("Subject"), WORDS_BYTES, reading->arena);
}

/* "abuse: This is an email abuse report ...". Who is sure to have complained is
   named, so that nobody takes him for one of many. */
static const char *
text_of(struct reading *reading, const struct plaintiff *plaintiff, const char *words)
{
	const char *type = reading->common.feedback;
	const char *text = arena_printf(reading->arena, "%s%s%s%s%s", type,
	    plaintiff->named ? " of " : "", plaintiff->named ? plaintiff->shown : "",
	    words[0] == '\0' ? "" : ": ", words);

	return reading_clean(reading, str_of(text), LIMITS_REPLY_BYTES);
}

static const char *
authentication_words(struct reading *reading, const struct arf *arf)
{
	return arena_printf(reading->arena, "%s%s%s",
	    reading_clean(reading, arf->auth_failure, TYPE_BYTES),
	    arf->auth_failure.len > 0 && arf->authentication.len > 0 ? ", " : "",
	    reading_clean(reading, arf->authentication, LIMITS_REPLY_BYTES / 2));
}

static void
report_complaints(struct reading *reading, const struct arf *arf)
{
	bool authentication = is_one_of(reading->common.feedback, authentication_types,
	    COUNT_OF(authentication_types));
	struct plaintiffs *all = arena_alloc(reading->arena, sizeof(*all));
	const char *words;

	find_headers(reading);
	find_plaintiffs(reading, arf, all);
	read_common(reading, arf);
	reading->report->limits |= all->limits | arf->limits;
	words = authentication ? authentication_words(reading, arf) : first_words(reading);
	reading_begin_bounces(reading, all->count);
	for (unsigned i = 0; i < all->count; i++) {
		struct bounce *bounce = reading_add_bounce(reading);

		bounce->outcome = authentication ? OUTCOME_NONE : OUTCOME_COMPLAINT;
		bounce->recipient = all->list[i].address;
		bounce->final_recipient = all->list[i].shown;
		bounce->guessed = all->list[i].guessed;
		bounce->text = text_of(reading, &all->list[i], words);
	}
	reading->report->kind = REPORT_COMPLAINT;
}

int
complaint_read(struct reading *reading)
{
	const char *type, *format;
	struct arf arf;

	if (read_fields(reading, &arf) == 1)
		format = "arf";
	else if (read_jmrp(reading, &arf) == 1)
		format = "jmrp";
	else if (read_notification(reading, &arf) == 1)
		format = "amazonses";
	else
		return 0;
	reading->report->format = format;
	type = type_of(&arf, reading);
	if (is_one_of(type, not_spam_types, COUNT_OF(not_spam_types)))
		return 1;
	reading->common.feedback = type;
	report_complaints(reading, &arf);
	return 1;
}

bool
complaint_is_candidate(struct str name, struct str value)
{
	size_t at;

	if (str_iequal(name, STR("Content-Type")))
		return str_ifind(value, STR("feedback-report"), 0, &at) == 1;
	if (str_iequal(name, STR("Subject")))
		return str_istarts(str_trim(value), JMRP_SUBJECT);
	if (str_iequal(name, SNS_FIELD))
		return true;
	if (!str_iequal(name, STR("From")))
		return false;
	for (size_t i = 0; i < COUNT_OF(jmrp_senders); i++) {
		if (str_ifind(value, str_of(jmrp_senders[i]), 0, &at) == 1)
			return true;
	}
	return str_ifind(value, SNS_SENDER, 0, &at) == 1;
}
