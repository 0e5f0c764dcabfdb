/*
 * evidence: what the failures of an incident have in common, in bounded memory:
 * the most frequent providers, causes, replies and campaigns, and the newest
 * words.
 */
#ifndef WATCH_EVIDENCE_H
#define WATCH_EVIDENCE_H

#include "watch/incident.h"

#define EVIDENCE_NAME_BYTES 64

#define EVIDENCE_NAMES 8

/* The most frequent names: a new one takes the place of the rarest and goes on with
   its count (Metwally et al., "space-saving", 2005). They are known by their
   hashes, which lie together: a flood touches little memory. */
struct evidence_names {
	uint64_t counts[EVIDENCE_NAMES]; /* 0 is free */
	uint64_t hashes[EVIDENCE_NAMES];
	char names[EVIDENCE_NAMES][EVIDENCE_NAME_BYTES];
};

struct evidence {
	uint64_t failures;
	int64_t first;               /* time of the first of them */
	struct evidence_names providers, causes, codes, campaigns;
	char *texts[INCIDENT_TEXTS]; /* newest first */
	uint64_t text_hashes[INCIDENT_TEXTS];
	char identity[EVIDENCE_NAME_BYTES];
	char address[EVIDENCE_NAME_BYTES];
	char selector[EVIDENCE_NAME_BYTES];
	char from_domain[EVIDENCE_NAME_BYTES];
	char sender_domain[EVIDENCE_NAME_BYTES];
};

struct watch_event;
struct watch_returned;

void evidence_free(struct evidence *evidence);

/* An event in the form in which it is counted, made once for all who count it. */
struct evidence_item {
	const struct watch_event *event;
	char cause[EVIDENCE_NAME_BYTES]; /* "auth-failure/dkim" */
	char code[EVIDENCE_NAME_BYTES];  /* "550 5.7.26" */
	/* distinct_hash() of all of them; 0 for what is not there. */
	uint64_t recipient, message, provider_hash, cause_hash, code_hash, campaign_hash, text_hash;
};
void evidence_item(const struct watch_event *event, struct evidence_item *item_r);

void evidence_add(struct evidence *evidence, const struct evidence_item *item);
void evidence_add_returned(struct evidence *evidence, const struct watch_returned *returned);

/* Add what an older one has; newer words stay in front. */
void evidence_merge(struct evidence *evidence, const struct evidence *older);

/* What an incident tells of it; strings belong to the evidence. */
void evidence_show(const struct evidence *evidence, struct incident *incident);

/* The other way: what was told goes on. */
void evidence_recall(struct evidence *evidence, const struct incident *incident);

/* Copy a name, cut between characters of UTF-8 if need be. */
void evidence_name(char name[EVIDENCE_NAME_BYTES], const char *text);

/* What its texts may take. */
#define EVIDENCE_TEXT_BYTES ((size_t)INCIDENT_TEXTS * (INCIDENT_TEXT_BYTES + 1))

#endif
