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
	char sender[512];
	struct buf message;
	enum category refused_for;
	char refusal[TABLE_VALUE_BYTES];
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
	return login[0] != '\0' || strcmp(session->daemon_name, "ORIGINATING") == 0 ||
	    net_contains(config->own_clients.nets, config->own_clients.count, session->address);
}

/* Some reporters give their reports a sender: all of their mail is read. */
static bool
is_reporter(const struct config *config, const struct session *session)
{
	return net_contains(config->trusted_reporters.nets, config->trusted_reporters.count,
	    session->address);
}

enum session_answer
session_mail(struct session *session, const char *argument,
    const struct session_macros *macros)
{
	struct str sender = str_of(argument);
	struct config *config;
	bool accept;

	session_abort(session);
	session->pool->last_mail_msec = clock_monotonic_msec();
	/* smtpd passes the path with its brackets, cleanup the bare address:
	   nobody can imitate that over SMTP. */
	session->local = session->may_be_local && !str_istarts(sender, STR("<"));
	if (sender.len >= 2 && sender.data[0] == '<')
		sender = str_sub(sender, 1, sender.len - 1);
	session->null_sender = sender.len == 0;
	snprintf(session->sender, sizeof(session->sender), "%.*s", STR_ARGS(sender));
	snprintf(session->daemon_name, sizeof(session->daemon_name), "%s", macros->daemon_name);
	snprintf(session->host_name, sizeof(session->host_name), "%s", macros->host_name);
	if (session->null_sender)
		return SESSION_CONTINUE;
	if (session->local)
		return SESSION_ACCEPT;
	config = config_get();
	accept = config->enforce == ENFORCE_TABLE &&
	    is_own_client(config, session, macros->login) && !is_reporter(config, session);
	config_put(config);
	return accept ? SESSION_ACCEPT : SESSION_CONTINUE;
}

enum session_answer
session_rcpt(struct session *session, const char *argument)
{
	struct config *config;
	bool enforce;

	if (session->local)
		return SESSION_CONTINUE;
	config = config_get();
	enforce = config->enforce != ENFORCE_TABLE && config->mode == MODE_ENFORCE;
	config_put(config);
	if (!enforce ||
	    pipeline_is_suppressed(session->pool->pipeline, argument, &session->refused_for) != 1)
		return SESSION_CONTINUE;
	table_access_value(session->refused_for, session->refusal);
	return SESSION_REFUSE;
}

void
session_refusal(const struct session *session, const char **status_r, const char **words_r)
{
	*status_r = table_status(session->refused_for);
	/* Behind "550 5.1.1 ". */
	*words_r = session->refusal + 4 + strlen(*status_r) + 1;
}

enum session_answer
session_header(struct session *session, const char *name, const char *value)
{
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
	keep(session, chunk);
	return session->limits & (LIMIT_SIZE | LIMIT_MEMORY) ? SESSION_ENOUGH : SESSION_CONTINUE;
}

enum session_answer
session_end_of_message(struct session *session)
{
	const struct pipeline_origin origin = {
		.source = session->local ? SOURCE_LOCAL : SOURCE_NET,
		.client = session->local ? "" : session->address,
		.daemon_name = session->daemon_name,
		.host_name = session->host_name,
		.envelope_sender = session->sender,
		.limits = session->limits,
	};
	enum pipeline_answer answer;

	/* Half a report is not read: it shall come again. What only looks like one
	   may be anybody's mail, and that is never kept waiting. */
	if (session->declared && (session->limits & LIMIT_MEMORY)) {
		session_abort(session);
		return SESSION_RETRY;
	}
	answer = pipeline_report(session->pool->pipeline, buf_str(&session->message), &origin);
	session_abort(session);
	if (answer == PIPELINE_RECORDED)
		return SESSION_ACCEPT;
	if (session->local) {
		msg_error("a report of our own MTA passed without being recorded");
		return SESSION_ACCEPT;
	}
	return SESSION_RETRY;
}
