#include "source/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "parse/limits.h"
#include "parse/report.h"

#define BUFFERED_MOST ((size_t)64 * 1024 * 1024) /* of all sessions together */

struct session {
	struct session_pool *pool;
	char address[64];
	bool may_be_local; /* cleanup says that it is 127.0.0.1, with port 0 */
	/* of the message */
	bool local;        /* the local lane: cleanup speaks, not smtpd */
	bool candidate;    /* may be a report: worth reading */
	bool declared;     /* says that it is one */
	bool null_sender;
	unsigned limits;
	char daemon_name[64];
	char host_name[256];
	char helo[256];    /* of the connection */
	char sender[512];
	char sender_argument[512]; /* "" if it or its parameters do not fit */
	char parameters[512]; /* ... but SIZE, a blank before each */
	char recipient[512]; /* the first one */
	bool has_envelope_id; /* the client gave one */
	bool stranger;     /* neither one of our own clients nor our MTA hands it in */
	struct outgoing *outgoing; /* NULL if it is none, or nothing is done with it */
	struct session_mark mark;
	struct buf message;
	const char *refusal_status;
	char refusal[TABLE_VALUE_BYTES]; /* behind "550", the status and a blank */
};

struct session *
session_new(struct session_pool *pool, const char *address, unsigned port)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		msg_out_of_memory();
	session->pool = pool;
	session->may_be_local = port == 0 && strcmp(address, "127.0.0.1") == 0;
	snprintf(session->address, sizeof(session->address), "%s", address);
	return session;
}

void
session_abort(struct session *session)
{
	session->pool->buffered -= session->message.len;
	buf_free(&session->message);
	outgoing_free(session->outgoing);
	session->outgoing = NULL;
	session->mark = (struct session_mark){ NULL, NULL, NULL, NULL };
	session->recipient[0] = '\0';
	session->limits = 0;
	session->candidate = session->declared = false;
}

void
session_free(struct session *session)
{
	session_abort(session);
	free(session);
}

/* Keep a piece of the message, as far as the limits allow. The room that all
   share is for strangers; our own MTA is never kept waiting by them. */
static void
keep(struct session *session, struct str piece)
{
	size_t room = LIMITS_REPORT_BYTES - session->message.len;

	if (!session->local && session->pool->buffered + piece.len > BUFFERED_MOST) {
		session->limits |= LIMIT_MEMORY;
		return;
	}
	if (piece.len > room) {
		session->limits |= LIMIT_SIZE;
		piece.len = room;
	}
	buf_add(&session->message, piece);
	session->pool->buffered += piece.len;
}

static bool
is_own_client(const struct config *config, const struct session *session, const char *login)
{
	return strcmp(session->daemon_name, "ORIGINATING") == 0 ||
	    config_is_own_client(config, session->address, login);
}

/* Some reporters give their reports a sender: all of their mail is read. */
static bool
is_reporter(const struct config *config, const struct session *session)
{
	return net_contains(config->trusted_reporters.nets, config->trusted_reporters.count,
	    session->address);
}

void
session_helo(struct session *session, const char *name)
{
	snprintf(session->helo, sizeof(session->helo), "%s", name);
}

/* Copy an argument that is of no use if it is cut. */
static void
copy_whole(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", strlen(from) < size ? from : "");
}

/* The path of MAIL FROM or RCPT TO without its brackets. */
static struct str
path_of(const char *argument)
{
	struct str path = str_of(argument);

	return path.len >= 2 && path.data[0] == '<' ? str_sub(path, 1, path.len - 1) : path;
}

/* What else the client said in MAIL FROM. The size will be another. */
static void
keep_parameters(struct session *session, char *const *parameters)
{
	size_t room = sizeof(session->parameters), used = 0;

	session->has_envelope_id = false;
	session->parameters[0] = '\0';
	for (; *parameters != NULL; parameters++) {
		struct str parameter = str_of(*parameters);

		session->has_envelope_id |= str_istarts(parameter, STR("ENVID="));
		if (str_istarts(parameter, STR("SIZE=")))
			continue;
		if (parameter.len + 2 > room - used) {
			session->sender_argument[0] = '\0';
			continue;
		}
		snprintf(session->parameters + used, room - used, " %s", *parameters);
		used += parameter.len + 1;
	}
}

static void
begin_message(struct session *session, char *const *arguments,
    const struct session_macros *macros)
{
	struct str sender = path_of(arguments[0]);

	session->null_sender = sender.len == 0;
	snprintf(session->sender, sizeof(session->sender), "%.*s", STR_ARGS(sender));
	copy_whole(session->sender_argument, sizeof(session->sender_argument), arguments[0]);
	snprintf(session->daemon_name, sizeof(session->daemon_name), "%s", macros->daemon_name);
	snprintf(session->host_name, sizeof(session->host_name), "%s", macros->host_name);
	keep_parameters(session, arguments + 1);
}

/* Mail of our own with a sender is never a report. Either nothing more of it is
   needed, or it is to be known again. */
static enum session_answer
own_mail(struct session *session, const struct config *config)
{
	if (!outgoing_is_wanted(config))
		return SESSION_ACCEPT;
	session->outgoing = outgoing_new(session->sender);
	return SESSION_CONTINUE;
}

enum session_answer
session_mail(struct session *session, char *const *arguments,
    const struct session_macros *macros)
{
	struct config *config;
	enum session_answer answer = SESSION_CONTINUE;

	session_abort(session);
	session->pool->last_mail_msec = clock_monotonic_msec();
	/* smtpd passes the path with its brackets, cleanup the bare address:
	   nobody can imitate that over SMTP. */
	session->local = session->may_be_local && !str_istarts(str_of(arguments[0]), STR("<"));
	begin_message(session, arguments, macros);
	if (session->null_sender)
		return SESSION_CONTINUE;
	config = config_get();
	session->stranger = !session->local && !is_own_client(config, session, macros->login);
	if (!session->stranger && (session->local || !is_reporter(config, session)))
		answer = own_mail(session, config);
	/* Its recipients may be refused. */
	if (answer == SESSION_ACCEPT && !session->local && config->enforce != ENFORCE_TABLE)
		answer = SESSION_CONTINUE;
	config_put(config);
	return answer;
}

/* Is the recipient suppressed, and is it we who say so? */
static bool
is_to_be_refused(struct session *session, const char *argument)
{
	struct config *config = config_get();
	bool enforce = config->enforce != ENFORCE_TABLE && config->mode == MODE_ENFORCE;
	char value[TABLE_VALUE_BYTES];
	enum category category;

	config_put(config);
	if (session->local || !enforce ||
	    pipeline_is_suppressed(session->pool->pipeline, argument, &category) != 1)
		return false;
	table_access_value(category, value);
	session->refusal_status = table_status(category);
	/* Behind "550 5.1.1 ". */
	snprintf(session->refusal, sizeof(session->refusal), "%s",
	    value + 4 + strlen(session->refusal_status) + 1);
	return true;
}

enum session_answer
session_rcpt(struct session *session, const char *argument)
{
	if (is_to_be_refused(session, argument))
		return SESSION_REFUSE;
	if (session->outgoing != NULL)
		outgoing_add_recipient(session->outgoing, argument);
	else if (session->recipient[0] == '\0')
		snprintf(session->recipient, sizeof(session->recipient), "%.*s",
		    STR_ARGS(path_of(argument)));
	return SESSION_CONTINUE;
}

void
session_refusal(const struct session *session, const char **status_r, const char **words_r)
{
	*status_r = session->refusal_status;
	*words_r = session->refusal;
}

enum session_answer
session_header(struct session *session, const char *name, const char *value)
{
	if (session->outgoing != NULL) {
		outgoing_add_header(session->outgoing, name, value);
		return SESSION_CONTINUE;
	}
	if (session->stranger && !session->null_sender &&
	    str_iequal(str_of(name), STR("Message-ID")))
		pipeline_foreign(session->pool->pipeline, value);
	if (session->message.len + strlen(name) + strlen(value) + 4 > LIMITS_HEADER_BLOCK_BYTES) {
		session->limits |= LIMIT_HEADER;
		return SESSION_CONTINUE;
	}
	if (report_is_candidate(str_of(name), str_of(value))) {
		session->candidate = true;
		session->declared |= str_iequal(str_of(name), STR("Content-Type"));
	}
	keep(session, str_of(name));
	keep(session, STR(": "));
	keep(session, str_of(value));
	keep(session, STR("\n"));
	return SESSION_CONTINUE;
}

enum session_answer
session_end_of_headers(struct session *session)
{
	if (session->outgoing != NULL)
		return SESSION_CONTINUE;
	if (!session->candidate && !session->null_sender) {
		session_abort(session);
		return SESSION_ACCEPT;
	}
	keep(session, STR("\n"));
	return SESSION_CONTINUE;
}

enum session_answer
session_body(struct session *session, struct str chunk)
{
	if (session->outgoing != NULL)
		return SESSION_ENOUGH;
	keep(session, chunk);
	return session->limits & (LIMIT_SIZE | LIMIT_MEMORY) ? SESSION_ENOUGH : SESSION_CONTINUE;
}

/* The end of a message of our own: it leaves, whatever happens here. */
static void
end_outgoing(struct session *session, const char *queue_id)
{
	struct config *config = config_get();
	bool has;
	const char *token = outgoing_end(session->outgoing, session->pool->pipeline, config,
	    queue_id, &has);

	if (token != NULL && !has && (config->mark & 1u << MARK_TAG))
		session->mark.header = token;
	/* What the client chose for itself stays. */
	if (token != NULL && (config->mark & 1u << MARK_ENVID) && !session->has_envelope_id &&
	    session->sender_argument[0] != '\0') {
		session->mark.envelope_id = token;
		session->mark.sender = session->sender_argument;
		session->mark.parameters = session->parameters;
	}
	config_put(config);
}

struct session_mark
session_mark(const struct session *session)
{
	return session->mark;
}

static enum session_answer
end_report(struct session *session)
{
	const struct pipeline_origin origin = {
		.source = session->local ? SOURCE_LOCAL : SOURCE_NET,
		.client = session->local ? "" : session->address,
		.daemon_name = session->daemon_name,
		.host_name = session->host_name,
		.helo = session->helo,
		.envelope_sender = session->sender,
		.envelope_recipient = session->recipient,
		.limits = session->limits,
	};

	switch (pipeline_report(session->pool->pipeline, buf_str(&session->message), &origin)) {
	case PIPELINE_RECORDED:
		return SESSION_ACCEPT;
	case PIPELINE_REFUSED:
		session->refusal_status = "5.7.1";
		snprintf(session->refusal, sizeof(session->refusal),
		    "nothing shows that this report is about mail of ours");
		return SESSION_REFUSE;
	case PIPELINE_FAILED:
		break;
	}
	if (!session->local)
		return SESSION_RETRY;
	msg_error("a report of our own MTA passed without being recorded");
	return SESSION_ACCEPT;
}

enum session_answer
session_end_of_message(struct session *session, const char *queue_id)
{
	enum session_answer answer;

	if (session->outgoing != NULL) {
		end_outgoing(session, queue_id);
		return SESSION_ACCEPT;
	}
	/* Half a report is not read: it shall come again. What only looks like one
	   may be anybody's mail, and that is never kept waiting. */
	answer = session->declared && (session->limits & LIMIT_MEMORY) ? SESSION_RETRY :
	    end_report(session);
	session_abort(session);
	return answer;
}
