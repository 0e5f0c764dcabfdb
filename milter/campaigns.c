#include "campaigns.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

#define PLACES 32768 /* messages */

struct place {
	uint64_t message; /* 0 is free */
	char name[CAMPAIGN_BYTES];
};

struct campaigns {
	pthread_mutex_t lock;
	struct place *places; /* made when the first one is noted */
};

struct campaigns *
campaigns_new(void)
{
	struct campaigns *campaigns = calloc(1, sizeof(*campaigns));

	if (campaigns == NULL)
		msg_out_of_memory();
	pthread_mutex_init(&campaigns->lock, NULL);
	return campaigns;
}

void
campaigns_free(struct campaigns *campaigns)
{
	pthread_mutex_destroy(&campaigns->lock);
	free(campaigns->places);
	free(campaigns);
}

/* Who makes two ids alike only mistakes one of his campaigns for another. Never 0. */
static uint64_t
digest(const char *message_id)
{
	return str_hash(str_of(message_id)) | 1;
}

void
campaigns_note(struct campaigns *campaigns, const char *message_id, const char *campaign)
{
	uint64_t number = digest(message_id);
	struct place *place;

	if (message_id[0] == '\0' || campaign[0] == '\0')
		return;
	pthread_mutex_lock(&campaigns->lock);
	if (campaigns->places == NULL)
		campaigns->places = calloc(PLACES, sizeof(campaigns->places[0]));
	if (campaigns->places == NULL)
		msg_out_of_memory();
	place = &campaigns->places[number / 2 % PLACES];
	place->message = number;
	snprintf(place->name, sizeof(place->name), "%s", campaign);
	pthread_mutex_unlock(&campaigns->lock);
}

const char *
campaigns_find(struct campaigns *campaigns, const char *message_id, char name[CAMPAIGN_BYTES])
{
	uint64_t number = digest(message_id);

	name[0] = '\0';
	pthread_mutex_lock(&campaigns->lock);
	if (message_id[0] != '\0' && campaigns->places != NULL) {
		const struct place *place = &campaigns->places[number / 2 % PLACES];

		if (place->message == number)
			memcpy(name, place->name, CAMPAIGN_BYTES);
	}
	pthread_mutex_unlock(&campaigns->lock);
	return name;
}
