#include "watch/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
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

static void
count(struct evidence_name *names, unsigned size, const char *text, uint64_t add)
{
	size_t len = cut(text, EVIDENCE_NAME_BYTES - 1);
	unsigned least = 0;

	if (len == 0)
		return;
	for (unsigned i = 0; i < size; i++) {
		if (names[i].count > 0 && memcmp(names[i].name, text, len) == 0 &&
		    names[i].name[len] == '\0') {
			names[i].count += add;
			return;
		}
		if (names[i].count < names[least].count)
			least = i;
	}
	evidence_name(names[least].name, text);
	names[least].count += add;
}

/* The same words again are no news. */
static void
add_text(struct evidence *evidence, const char *text, bool newest)
{
	size_t len = cut(text, INCIDENT_TEXT_BYTES);
	char *copy;

	if (len == 0)
		return;
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++) {
		if (evidence->texts[i] != NULL && strncmp(evidence->texts[i], text, len) == 0 &&
		    evidence->texts[i][len] == '\0')
			return;
	}
	if (!newest && evidence->texts[INCIDENT_TEXTS - 1] != NULL)
		return;
	copy = strndup(text, len);
	if (copy == NULL)
		msg_out_of_memory();
	if (newest) {
		free(evidence->texts[INCIDENT_TEXTS - 1]);
		memmove(&evidence->texts[1], &evidence->texts[0],
		    (INCIDENT_TEXTS - 1) * sizeof(evidence->texts[0]));
		evidence->texts[0] = copy;
		return;
	}
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++) {
		if (evidence->texts[i] == NULL) {
			evidence->texts[i] = copy;
			break;
		}
	}
}

static void
take_name(char name[EVIDENCE_NAME_BYTES], const char *text)
{
	if (text[0] != '\0')
		evidence_name(name, text);
}

void
evidence_add(struct evidence *evidence, const struct watch_event *event)
{
	bool known = event->subcause[0] != '\0' && strcmp(event->subcause, "unspecified") != 0;
	char text[2 * EVIDENCE_NAME_BYTES];

	if (evidence->failures++ == 0)
		evidence->first = event->time;
	count(evidence->providers, INCIDENT_PROVIDERS, event->provider_name, 1);
	snprintf(text, sizeof(text), "%s%s%s", category_name(event->category), known ? "/" : "",
	    known ? event->subcause : "");
	count(evidence->causes, INCIDENT_CAUSES, text, 1);
	if (event->code > 0 || event->status[0] != '\0') {
		snprintf(text, sizeof(text), "%.0u%s%s", event->code,
		    event->code > 0 && event->status[0] != '\0' ? " " : "", event->status);
		count(evidence->codes, INCIDENT_CODES, text, 1);
	}
	count(evidence->campaigns, INCIDENT_CAMPAIGNS, event->campaign, 1);
	add_text(evidence, event->text, true);
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
merge_names(struct evidence_name *names, const struct evidence_name *older, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		count(names, size, older[i].name, older[i].count);
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
	merge_names(evidence->providers, older->providers, INCIDENT_PROVIDERS);
	merge_names(evidence->causes, older->causes, INCIDENT_CAUSES);
	merge_names(evidence->codes, older->codes, INCIDENT_CODES);
	merge_names(evidence->campaigns, older->campaigns, INCIDENT_CAMPAIGNS);
	for (unsigned i = 0; i < INCIDENT_TEXTS && older->texts[i] != NULL; i++)
		add_text(evidence, older->texts[i], false);
	merge_name(evidence->identity, older->identity);
	merge_name(evidence->address, older->address);
	merge_name(evidence->selector, older->selector);
	merge_name(evidence->from_domain, older->from_domain);
	merge_name(evidence->sender_domain, older->sender_domain);
}

/* The most frequent first. */
static void
show_names(const struct evidence_name *names, unsigned size, struct incident_count *counts)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < size; i++) {
		unsigned at = shown;

		if (names[i].count == 0)
			continue;
		for (; at > 0 && counts[at - 1].count < names[i].count; at--)
			counts[at] = counts[at - 1];
		counts[at] = (struct incident_count){ names[i].name, names[i].count };
		shown++;
	}
}

void
evidence_show(const struct evidence *evidence, struct incident *incident)
{
	const char *slash;

	incident->failures = evidence->failures;
	show_names(evidence->providers, INCIDENT_PROVIDERS, incident->providers);
	show_names(evidence->causes, INCIDENT_CAUSES, incident->causes);
	show_names(evidence->codes, INCIDENT_CODES, incident->codes);
	show_names(evidence->campaigns, INCIDENT_CAMPAIGNS, incident->campaigns);
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
	incident->subcause = slash == NULL ? "" : slash + 1;
}

static void
recall_names(struct evidence_name *names, const struct incident_count *counts, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		count(names, size, counts[i].name, counts[i].count);
}

void
evidence_recall(struct evidence *evidence, const struct incident *incident)
{
	evidence->failures = incident->failures;
	recall_names(evidence->providers, incident->providers, INCIDENT_PROVIDERS);
	recall_names(evidence->causes, incident->causes, INCIDENT_CAUSES);
	recall_names(evidence->codes, incident->codes, INCIDENT_CODES);
	recall_names(evidence->campaigns, incident->campaigns, INCIDENT_CAMPAIGNS);
	for (unsigned i = 0; i < INCIDENT_TEXTS; i++)
		add_text(evidence, incident->texts[i], false);
	take_name(evidence->identity, incident->identity);
	take_name(evidence->address, incident->address);
	take_name(evidence->selector, incident->selector);
	take_name(evidence->from_domain, incident->from_domain);
	take_name(evidence->sender_domain, incident->sender_domain);
}

size_t
evidence_bytes(const struct evidence *evidence)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < INCIDENT_TEXTS; i++) {
		if (evidence->texts[i] != NULL)
			bytes += strlen(evidence->texts[i]) + 1;
	}
	return bytes;
}
