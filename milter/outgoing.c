#include "outgoing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/address.h"
#include "parse/campaign.h"
#include "parse/header.h"
#include "parse/limits.h"

#define RECIPIENTS_MOST 1000 /* in the ledger; there are more for bulk mail alone */

struct outgoing {
	struct arena *arena;
	const char *sender;
	const char *message_id;
	struct campaign campaign;
	const char *token; /* that it has already, "" for none */
	const char *recipients[RECIPIENTS_MOST]; /* normal form */
	unsigned kept, count; /* of them, and of all */
};

bool
outgoing_is_wanted(const struct config *config)
{
	return config->ledger == LEDGER_MILTER || (config->tag_keys != NULL && config->mark != 0);
}

struct outgoing *
outgoing_new(const char *sender)
{
	struct arena *arena = arena_new();
	struct outgoing *outgoing = arena_alloc(arena, sizeof(*outgoing));

	outgoing->arena = arena;
	outgoing->sender = arena_strdup(arena, str_of(sender));
	outgoing->message_id = outgoing->token = "";
	return outgoing;
}

void
outgoing_free(struct outgoing *outgoing)
{
	if (outgoing != NULL)
		arena_free(outgoing->arena);
}

void
outgoing_add_recipient(struct outgoing *outgoing, const char *argument)
{
	const char *address;

	outgoing->count++;
	if (outgoing->kept < RECIPIENTS_MOST &&
	    address_parse(str_of(argument), outgoing->arena, &address) == 1)
		outgoing->recipients[outgoing->kept++] = address;
}

void
outgoing_add_header(struct outgoing *outgoing, const char *name, const char *value)
{
	campaign_field(&outgoing->campaign, str_of(name), str_of(value), outgoing->arena);
	if (outgoing->message_id[0] == '\0' && str_iequal(str_of(name), STR("Message-ID")))
		outgoing->message_id = header_message_id(str_of(value), outgoing->arena);
	else if (str_iequal(str_of(name), STR(TAG_HEADER)))
		outgoing->token = arena_strdup(outgoing->arena, str_trim(str_of(value)));
}

/* Is the token that it has the one that it would get, but for the day? A message
   that somebody sends on has one that was made for others. */
static bool
has_token(const struct outgoing *outgoing, const struct config *config, struct tag_mail mail)
{
	const char *again;
	struct tag tag;

	if (tag_read(config->tag_keys, outgoing->token, mail.time, config->retention_sent_sec,
		&tag) == 0)
		return false;
	mail.time = tag.time;
	again = tag_make(config->tag_keys, &mail, outgoing->arena);
	return again != NULL && str_iequal(str_of(again), str_of(outgoing->token));
}

static void
put_into_ledger(const struct outgoing *outgoing, struct pipeline *pipeline, int64_t now,
    const char *queue_id)
{
	struct sent_mail *mails = arena_alloc(outgoing->arena, outgoing->kept * sizeof(mails[0]));

	for (unsigned i = 0; i < outgoing->kept; i++)
		mails[i] = (struct sent_mail){ .time = now, .message_id = outgoing->message_id,
			.recipient = outgoing->recipients[i], .sender = outgoing->sender,
			.queue_id = queue_id, .recipients = outgoing->count };
	pipeline_sent(pipeline, mails, outgoing->kept);
}

const char *
outgoing_end(struct outgoing *outgoing, struct pipeline *pipeline, const struct config *config,
    const char *queue_id, bool *has_r)
{
	const struct tag_mail mail = { .time = clock_now(), .message_id = outgoing->message_id,
		.recipients = outgoing->recipients, .count = outgoing->kept };
	const char *token;

	*has_r = false;
	/* It comes back from a content filter, as if it were ours. */
	if (pipeline_is_foreign(pipeline, outgoing->message_id))
		return NULL;
	if (outgoing->campaign.name != NULL)
		pipeline_campaign(pipeline, outgoing->message_id, outgoing->campaign.name);
	if (config->ledger == LEDGER_MILTER && outgoing->message_id[0] != '\0')
		put_into_ledger(outgoing, pipeline, mail.time, queue_id);
	/* A token says how many there are: those that cannot be kept are among them. */
	if (config->tag_keys == NULL || outgoing->kept == 0 || outgoing->kept < outgoing->count)
		return NULL;
	*has_r = has_token(outgoing, config, mail);
	if (*has_r)
		return outgoing->token;
	token = tag_make(config->tag_keys, &mail, outgoing->arena);
	if (token == NULL)
		msg_error("libcrypto cannot make a digest: a message leaves without its token");
	return token;
}
