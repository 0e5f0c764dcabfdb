/*
 * campaigns: which campaign a message belongs to, by its Message-ID, between the
 * moment its headers were seen (on its way out, or in a report) and the moments
 * the log tells what became of it. Bounded: a newer message takes the place of an
 * older one. Any thread may call.
 */
#ifndef CAMPAIGNS_H
#define CAMPAIGNS_H

#include "parse/campaign.h"

struct campaigns;

struct campaigns *campaigns_new(void);
void campaigns_free(struct campaigns *campaigns);

/* A message of this campaign; nothing is noted if one of them is "". */
void campaigns_note(struct campaigns *campaigns, const char *message_id, const char *campaign);

/* Its campaign, "" if it is not known. Returns `name`. */
const char *campaigns_find(struct campaigns *campaigns, const char *message_id,
    char name[CAMPAIGN_BYTES]);

#endif
