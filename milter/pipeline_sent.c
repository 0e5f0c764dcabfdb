#include "pipeline_sent.h"

#include <stdlib.h>
#include <string.h>

#include "base/msg.h"
#include "parse/header.h"

#define WRITE_SEC 10 /* a log that stands still loses more than rows of the ledger */

/* It owns the rows: who waits for it may stop. */
struct sent_job {
	struct job job;
	struct pipeline *pipeline;
	struct arena *arena;
	struct sent_mail *mails;
	unsigned count;
	bool written;
};

static int
sent_apply(struct job *base, struct store_txn *txn, const char **error_r)
{
	const struct sent_job *job = (struct sent_job *)base;

	return sent_put(job->pipeline->parts.sent, txn, job->mails, job->count, error_r);
}

static void
sent_committed(struct job *base)
{
	((struct sent_job *)base)->written = true;
}

static void
sent_release(struct job *base)
{
	struct sent_job *job = (struct sent_job *)base;

	if (!job->written)
		atomic_fetch_add(&job->pipeline->lost[PIPELINE_LOST_SENT], job->count);
	arena_free(job->arena);
	free(job);
}

static struct sent_job *
new_job(struct pipeline *pipeline, const struct sent_mail *mails, unsigned count)
{
	struct sent_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		msg_out_of_memory();
	job->pipeline = pipeline;
	job->arena = arena_new();
	job->mails = arena_alloc(job->arena, count * sizeof(job->mails[0]));
	job->count = count;
	for (unsigned i = 0; i < count; i++) {
		job->mails[i] = mails[i];
		job->mails[i].message_id = arena_strdup(job->arena, str_of(mails[i].message_id));
		job->mails[i].recipient = arena_strdup(job->arena, str_of(mails[i].recipient));
		job->mails[i].sender = arena_strdup(job->arena, str_of(mails[i].sender));
		job->mails[i].queue_id = arena_strdup(job->arena, str_of(mails[i].queue_id));
	}
	job->job = (struct job){ .apply = sent_apply, .committed = sent_committed,
		.release = sent_release, .bytes = arena_used(job->arena) };
	return job;
}

void
pipeline_sent(struct pipeline *pipeline, const struct sent_mail *mails, unsigned count)
{
	if (pipeline->parts.sent != NULL && count > 0)
		writer_post(pipeline->parts.sent_writer, &new_job(pipeline, mails, count)->job);
}

void
pipeline_foreign(struct pipeline *pipeline, const char *message_id)
{
	struct arena *arena = arena_new();

	foreign_note(pipeline->foreign, header_message_id(str_of(message_id), arena));
	arena_free(arena);
}

void
pipeline_campaign(struct pipeline *pipeline, const char *message_id, const char *campaign)
{
	campaigns_note(pipeline->campaigns, message_id, campaign);
}

bool
pipeline_is_foreign(const struct pipeline *pipeline, const char *message_id)
{
	return foreign_has(pipeline->foreign, message_id);
}

void
pipeline_sent_arrival(struct pipeline *pipeline, const struct config *config,
    const struct logjoin_arrival *arrival)
{
	if (arrival->message_id != NULL && arrival->client[0] != '\0' &&
	    !config_is_own_client(config, arrival->client, arrival->login))
		foreign_note(pipeline->foreign, arrival->message_id);
}

/* Mail of our own that has left. The null sender gets no reports, and what our
   own agents deliver stays here. */
static bool
is_ours(const struct pipeline *pipeline, const struct config *config,
    const struct logjoin_event *event)
{
	const struct bounce *bounce = &event->bounce;

	return bounce->outcome == OUTCOME_DELIVERED && bounce->message_id[0] != '\0' &&
	    bounce->recipient[0] != '\0' && bounce->sender[0] != '\0' &&
	    !policy_is_own_agent(bounce) && event->has_origin &&
	    (bounce->client[0] == '\0' ||
		config_is_own_client(config, bounce->client, bounce->login)) &&
	    !foreign_has(pipeline->foreign, bounce->message_id);
}

void
pipeline_sent_add(struct pipeline *pipeline, const struct config *config,
    struct sent_rows *rows, const struct logjoin_event *event)
{
	const struct bounce *bounce = &event->bounce;

	if (!is_ours(pipeline, config, event))
		return;
	if (rows->count == rows->room) {
		rows->room = rows->room == 0 ? 64 : 2 * rows->room;
		rows->mails = reallocarray(rows->mails, rows->room, sizeof(rows->mails[0]));
		if (rows->mails == NULL)
			msg_out_of_memory();
	}
	rows->mails[rows->count++] = (struct sent_mail){ .time = bounce->time,
		.message_id = bounce->message_id, .recipient = bounce->recipient,
		.sender = bounce->sender, .queue_id = bounce->queue_id,
		.recipients = bounce->together };
}

void
pipeline_sent_free(struct sent_rows *rows)
{
	free(rows->mails);
}

void
pipeline_sent_write(struct pipeline *pipeline, const struct sent_rows *rows)
{
	if (pipeline->parts.sent != NULL && rows->count > 0 &&
	    writer_run(pipeline->parts.sent_writer,
		&new_job(pipeline, rows->mails, rows->count)->job, WRITE_SEC) == -1)
		msg_warning("the ledger of sent mail lacks %u rows", rows->count);
}
