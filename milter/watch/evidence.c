#include "watch/evidence.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "watch/distinct.h"
#include "watch/watch.h"

/* How much of a text is kept of at most so many bytes, cut between characters. */
static size_t
cut(const char *text, size_t bytes_most)
{
	size_t len = strnlen(text, bytes_most);

	/* 10xxxxxx goes on with a character. */
	while (text[len] != '\0' && len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void
evidence_name(char name[EVIDENCE_NAME_BYTES], const char *text)
{
	size_t len = cut(text, EVIDENCE_NAME_BYTES - 1);

	memcpy(name, text, len);
	name[len] = '\0';
}

void
evidence_free(struct evidence *evidence)
{
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		free(evidence->texts[i]);
	memset(evidence, 0, sizeof(*evidence));
}

/* `most` of the places are used. */
static void
count(struct evidence_names *names, unsigned most, const char *text, uint64_t hash, uint64_t add)
{
	unsigned least = 0;

	if (text[0] == '\0')
		return;
	for (unsigned i = 0; i < most; i++) {
		if (names->counts[i] > 0 && names->hashes[i] == hash) {
			names->counts[i] += add;
			return;
		}
		if (names->counts[i] < names->counts[least])
			least = i;
	}
	evidence_name(names->names[least], text);
	names->hashes[least] = hash;
	names->counts[least] += add;
}

/* The same words again are no news. */
static void
add_text(struct evidence *evidence, const char *text, uint64_t hash, bool newest)
{
	unsigned place = 0;

	if (text[0] == '\0')
		return;
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++) {
		if (evidence->texts[i] != NULL && evidence->text_hashes[i] == hash)
			return;
		place += !newest && evidence->texts[i] != NULL;
	}
	if (place == INCIDENT_TEXTS)
		return;
	if (newest) {
		free(evidence->texts[INCIDENT_TEXTS - 1]);
		memmove(&evidence->texts[1], &evidence->texts[0],
		    (INCIDENT_TEXTS - 1) * sizeof(evidence->texts[0]));
		memmove(&evidence->text_hashes[1], &evidence->text_hashes[0],
		    (INCIDENT_TEXTS - 1) * sizeof(evidence->text_hashes[0]));
	}
	evidence->text_hashes[place] = hash;
	evidence->texts[place] = strndup(text, cut(text, INCIDENT_TEXT_BYTES));
	if (evidence->texts[place] == NULL)
		msg_out_of_memory();
}

static void
take_name(char name[EVIDENCE_NAME_BYTES], const char *text)
{
	if (text[0] != '\0')
		evidence_name(name, text);
}

/* Append to a name, as far as there is room. Returns its end. */
static char *
add_word(char *at, const char *end, const char *word)
{
	while (*word != '\0' && at < end)
		*at++ = *word++;
	*at = '\0';
	return at;
}

static void
print_code(const struct watch_event *event, char code[EVIDENCE_NAME_BYTES])
{
	const char digits[] = { (char)('0' + event->code / 100 % 10),
		(char)('0' + event->code / 10 % 10), (char)('0' + event->code % 10),
		event->status[0] == '\0' ? '\0' : ' ', '\0' };

	add_word(add_word(code, code + EVIDENCE_NAME_BYTES - 1, event->code == 0 ? "" : digits),
	    code + EVIDENCE_NAME_BYTES - 1, event->status);
}

void
evidence_item(const struct watch_event *event, struct evidence_item *item_r)
{
	bool known = event->subcause[0] != '\0' && strcmp(event->subcause, "unspecified") != 0;
	const char *end = item_r->cause + EVIDENCE_NAME_BYTES - 1;
	char *at = add_word(item_r->cause, end, category_name(event->category));

	if (known)
		add_word(add_word(at, end, "/"), end, event->subcause);
	print_code(event, item_r->code);
	item_r->event = event;
	item_r->recipient = distinct_hash(event->recipient);
	item_r->message = event->message[0] == '\0' ? 0 : distinct_hash(event->message);
	item_r->provider_hash = distinct_hash(event->provider_name);
	item_r->cause_hash = distinct_hash(item_r->cause);
	item_r->code_hash = distinct_hash(item_r->code);
	item_r->campaign_hash = distinct_hash(event->campaign);
	item_r->text_hash = distinct_hash(event->text);
}

void
evidence_add(struct evidence *evidence, const struct evidence_item *item)
{
	const struct watch_event *event = item->event;

	if (evidence->failures++ == 0)
		evidence->first = event->time;
	count(&evidence->providers, INCIDENT_PROVIDERS, event->provider_name, item->provider_hash, 1);
	count(&evidence->causes, INCIDENT_CAUSES, item->cause, item->cause_hash, 1);
	count(&evidence->codes, INCIDENT_CODES, item->code, item->code_hash, 1);
	count(&evidence->campaigns, INCIDENT_CAMPAIGNS, event->campaign, item->campaign_hash, 1);
	add_text(evidence, event->text, item->text_hash, true);
	take_name(evidence->identity, event->identity);
	take_name(evidence->address, event->address);
	take_name(evidence->sender_domain, event->sender_domain);
}

void
evidence_add_returned(struct evidence *evidence, const struct watch_returned *returned)
{
	take_name(evidence->selector, returned->selector);
	take_name(evidence->from_domain, returned->from_domain);
}

static void
merge_names(struct evidence_names *names, const struct evidence_names *older, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		if (older->counts[i] > 0)
			count(names, most, older->names[i], older->hashes[i], older->counts[i]);
	}
}

static void
merge_name(char name[EVIDENCE_NAME_BYTES], const char *older)
{
	if (name[0] == '\0')
		evidence_name(name, older);
}

void
evidence_merge(struct evidence *evidence, const struct evidence *older)
{
	evidence->failures += older->failures;
	merge_names(&evidence->providers, &older->providers, INCIDENT_PROVIDERS);
	merge_names(&evidence->causes, &older->causes, INCIDENT_CAUSES);
	merge_names(&evidence->codes, &older->codes, INCIDENT_CODES);
	merge_names(&evidence->campaigns, &older->campaigns, INCIDENT_CAMPAIGNS);
	for (unsigned i = 0; i < INCIDENT_TEXTS && older->texts[i] != NULL; i++)
		add_text(evidence, older->texts[i], older->text_hashes[i], false);
	merge_name(evidence->identity, older->identity);
	merge_name(evidence->address, older->address);
	merge_name(evidence->selector, older->selector);
	merge_name(evidence->from_domain, older->from_domain);
	merge_name(evidence->sender_domain, older->sender_domain);
}

/* The most frequent first. */
static void
show_names(const struct evidence_names *names, unsigned most, struct incident_count *counts)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < most; i++) {
		unsigned at = shown;

		if (names->counts[i] == 0)
			continue;
		for (; at > 0 && counts[at - 1].count < names->counts[i]; at--)
			counts[at] = counts[at - 1];
		counts[at] = (struct incident_count){ names->names[i], names->counts[i] };
		shown++;
	}
}

void
evidence_show(const struct evidence *evidence, struct incident *incident)
{
	const char *slash;

	incident->failures = evidence->failures;
	show_names(&evidence->providers, INCIDENT_PROVIDERS, incident->providers);
	show_names(&evidence->causes, INCIDENT_CAUSES, incident->causes);
	show_names(&evidence->codes, INCIDENT_CODES, incident->codes);
	show_names(&evidence->campaigns, INCIDENT_CAMPAIGNS, incident->campaigns);
	for (unsigned i = 0; i < INCIDENT_TEXTS && evidence->texts[i] != NULL; i++)
		incident->texts[i] = evidence->texts[i];
	incident->identity = evidence->identity;
	incident->address = evidence->address;
	incident->selector = evidence->selector;
	incident->from_domain = evidence->from_domain;
	incident->sender_domain = evidence->sender_domain;
	/* "auth-failure/dkim" */
	slash = strchr(incident->causes[0].name, '/');
	category_find(slash == NULL ? str_of(incident->causes[0].name) :
	    (struct str){ incident->causes[0].name,
		(size_t)(slash - incident->causes[0].name) }, &incident->category);
	/* A provider that does not say why is no reason not to say it. */
	for (unsigned i = 1; slash == NULL && i < INCIDENT_CAUSES; i++) {
		size_t len = strlen(incident->causes[0].name);

		if (strncmp(incident->causes[i].name, incident->causes[0].name, len) == 0 &&
		    incident->causes[i].name[len] == '/')
			slash = &incident->causes[i].name[len];
	}
	incident->subcause = slash == NULL ? "" : slash + 1;
}

static void
recall_names(struct evidence_names *names, const struct incident_count *counts, unsigned most)
{
	for (unsigned i = 0; i < most; i++)
		count(names, most, counts[i].name, distinct_hash(counts[i].name), counts[i].count);
}

void
evidence_recall(struct evidence *evidence, const struct incident *incident)
{
	evidence->failures = incident->failures;
	recall_names(&evidence->providers, incident->providers, INCIDENT_PROVIDERS);
	recall_names(&evidence->causes, incident->causes, INCIDENT_CAUSES);
	recall_names(&evidence->codes, incident->codes, INCIDENT_CODES);
	recall_names(&evidence->campaigns, incident->campaigns, INCIDENT_CAMPAIGNS);
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		add_text(evidence, incident->texts[i], distinct_hash(incident->texts[i]), false);
	take_name(evidence->identity, incident->identity);
	take_name(evidence->address, incident->address);
	take_name(evidence->selector, incident->selector);
	take_name(evidence->from_domain, incident->from_domain);
	take_name(evidence->sender_domain, incident->sender_domain);
}
