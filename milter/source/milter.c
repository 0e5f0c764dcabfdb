#include "source/milter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "base/msg.h"

#define LISTEN_BACKLOG 100
#define SESSION_TIMEOUT_SEC 7210 /* more than any time-out of the MTA */
#define SOCKET_FD_MOST 1024      /* it is opened before there are sessions */
#define WAKE_USEC 10000
#define WAKE_MOST 1000 /* twice as long as it takes without */

/* libmilter has no place for a pointer of ours before the first callback. */
static struct session_pool *milter_pool;
static atomic_int milter_running;
static atomic_bool milter_closed;

/* What hangs on a connection of libmilter. */
struct connection {
	struct session *session;
	/* negotiated */
	bool no_reply_connect, no_reply_helo, no_reply_rcpt, no_reply_header;
	bool can_skip, can_add_header, can_change_sender;
};

static struct connection *
connection_new(SMFICTX *ctx)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		msg_out_of_memory();
	smfi_setpriv(ctx, connection);
	return connection;
}

/* A callback begins. An MTA may leave out steps: without xxfi_connect, the
   session is one of an unknown stranger. */
static struct connection *
enter(SMFICTX *ctx)
{
	struct connection *connection = smfi_getpriv(ctx);

	milter_running++;
	/* The process ends: the MTA will see the connection break. */
	if (milter_closed) {
		milter_running--;
		for (;;)
			pause();
	}
	if (connection == NULL)
		connection = connection_new(ctx);
	if (connection->session == NULL)
		connection->session = session_new(milter_pool, "", 0);
	return connection;
}

static sfsistat
leave(sfsistat answer)
{
	milter_running--;
	return answer;
}

static const char *
macro(SMFICTX *ctx, const char *name)
{
	const char *value = smfi_getsymval(ctx, (char *)name);

	return value == NULL ? "" : value;
}

static sfsistat
refuse(SMFICTX *ctx, const struct session *session)
{
	const char *status, *words;

	session_refusal(session, &status, &words);
	smfi_setreply(ctx, "550", (char *)status, (char *)words);
	return SMFIS_REJECT;
}

static sfsistat
retry(SMFICTX *ctx)
{
	smfi_setreply(ctx, "451", "4.3.0",
	    "the delivery report could not be recorded, try again later");
	return SMFIS_TEMPFAIL;
}

static sfsistat
translate(SMFICTX *ctx, const struct connection *connection, enum session_answer answer)
{
	switch (answer) {
	case SESSION_CONTINUE:
		return SMFIS_CONTINUE;
	case SESSION_ACCEPT:
		return SMFIS_ACCEPT;
	case SESSION_ENOUGH:
		return connection->can_skip ? SMFIS_SKIP : SMFIS_CONTINUE;
	case SESSION_RETRY:
		return retry(ctx);
	case SESSION_REFUSE:
		return refuse(ctx, connection->session);
	}
	return SMFIS_CONTINUE;
}

/* Ask for as little as we need of what the MTA can do. */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long unused1,
    unsigned long unused2, unsigned long *actions_r, unsigned long *steps_r,
    unsigned long *unused1_r, unsigned long *unused2_r)
{
	struct connection *connection = connection_new(ctx);
	struct config *config = config_get();
	unsigned long wanted = SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN | SMFIP_NR_HELO |
	    SMFIP_NR_HDR | SMFIP_SKIP;
	unsigned long changes = 0;

	(void)unused1, (void)unused2;
	/* Else recipients may be refused. */
	if (config->enforce == ENFORCE_TABLE)
		wanted |= SMFIP_NR_RCPT;
	if (config->tag_keys != NULL)
		changes = actions & (SMFIF_ADDHDRS | SMFIF_CHGFROM);
	config_put(config);
	wanted &= steps;
	connection->no_reply_helo = (wanted & SMFIP_NR_HELO) != 0;
	connection->no_reply_rcpt = (wanted & SMFIP_NR_RCPT) != 0;
	connection->can_add_header = (changes & SMFIF_ADDHDRS) != 0;
	connection->can_change_sender = (changes & SMFIF_CHGFROM) != 0;
	connection->no_reply_connect = (wanted & SMFIP_NR_CONN) != 0;
	connection->no_reply_header = (wanted & SMFIP_NR_HDR) != 0;
	connection->can_skip = (wanted & SMFIP_SKIP) != 0;
	*actions_r = changes;
	*steps_r = wanted;
	*unused1_r = *unused2_r = 0;
	return SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	struct connection *connection = enter(ctx);
	char text[INET6_ADDRSTRLEN] = "";
	unsigned port = 0;

	(void)host;
	if (address != NULL && address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
	} else if (address != NULL && address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)address;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		port = ntohs(in6->sin6_port);
	}
	session_free(connection->session);
	connection->session = session_new(milter_pool, text, port);
	return leave(connection->no_reply_connect ? SMFIS_NOREPLY : SMFIS_CONTINUE);
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct connection *connection = enter(ctx);

	session_helo(connection->session, name == NULL ? "" : name);
	return leave(connection->no_reply_helo ? SMFIS_NOREPLY : SMFIS_CONTINUE);
}

static sfsistat
on_mail(SMFICTX *ctx, char **arguments)
{
	struct connection *connection = enter(ctx);
	const struct session_macros macros = {
		.daemon_name = macro(ctx, "{daemon_name}"),
		.host_name = macro(ctx, "j"),
		.login = macro(ctx, "{auth_authen}"),
	};
	enum session_answer answer = session_mail(connection->session, arguments, &macros);

	return leave(translate(ctx, connection, answer));
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **arguments)
{
	struct connection *connection = enter(ctx);
	enum session_answer answer = session_rcpt(connection->session, arguments[0]);

	return leave(connection->no_reply_rcpt ? SMFIS_NOREPLY :
	    translate(ctx, connection, answer));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *connection = enter(ctx);

	session_header(connection->session, name, value);
	return leave(connection->no_reply_header ? SMFIS_NOREPLY : SMFIS_CONTINUE);
}

static sfsistat
on_end_of_headers(SMFICTX *ctx)
{
	struct connection *connection = enter(ctx);

	return leave(translate(ctx, connection, session_end_of_headers(connection->session)));
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *chunk, size_t len)
{
	struct connection *connection = enter(ctx);
	struct str piece = { (const char *)chunk, len };

	return leave(translate(ctx, connection, session_body(connection->session, piece)));
}

/* An outgoing message leaves unmarked, rather than not at all. */
static void
mark(SMFICTX *ctx, const struct connection *connection)
{
	const struct session_mark mark = session_mark(connection->session);
	char parameters[1024];

	if (mark.header != NULL && connection->can_add_header &&
	    smfi_addheader(ctx, (char *)TAG_HEADER, (char *)mark.header) == MI_FAILURE)
		msg_warning("a message leaves without the field " TAG_HEADER);
	if (mark.envelope_id == NULL || !connection->can_change_sender)
		return;
	/* Sendmail forgets what the client had said, such as BODY=8BITMIME. Postfix
	   keeps it, and complains of what it does not expect here. */
	snprintf(parameters, sizeof(parameters), "ENVID=%s%s", mark.envelope_id,
	    str_istarts(str_of(macro(ctx, "v")), STR("Postfix")) ? "" : mark.parameters);
	if (smfi_chgfrom(ctx, (char *)mark.sender, parameters) == MI_FAILURE)
		msg_warning("a message leaves without our ENVID");
}

static sfsistat
on_end_of_message(SMFICTX *ctx)
{
	struct connection *connection = enter(ctx);
	enum session_answer answer = session_end_of_message(connection->session, macro(ctx, "i"));

	mark(ctx, connection);
	session_abort(connection->session);
	return leave(translate(ctx, connection, answer));
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *connection = enter(ctx);

	session_abort(connection->session);
	return leave(SMFIS_CONTINUE);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct connection *connection = enter(ctx);

	session_free(connection->session);
	free(connection);
	smfi_setpriv(ctx, NULL);
	return leave(SMFIS_CONTINUE);
}

static struct smfiDesc description = {
	.xxfi_name = "bouncemilter",
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGFROM,
	.xxfi_connect = on_connect,
	.xxfi_helo = on_helo,
	.xxfi_envfrom = on_mail,
	.xxfi_envrcpt = on_rcpt,
	.xxfi_header = on_header,
	.xxfi_eoh = on_end_of_headers,
	.xxfi_body = on_body,
	.xxfi_eom = on_end_of_message,
	.xxfi_abort = on_abort,
	.xxfi_close = on_close,
	.xxfi_negotiate = on_negotiate,
};

int
milter_open(const char *socket, struct session_pool *pool, const char **error_r)
{
	milter_pool = pool;
	if (smfi_setconn((char *)socket) == MI_FAILURE)
		return msg_failure(error_r, "socket \"%s\" is not of the form unix:/path or "
		    "inet:port@host", socket);
	if (smfi_register(description) == MI_FAILURE ||
	    smfi_settimeout(SESSION_TIMEOUT_SEC) == MI_FAILURE ||
	    smfi_setbacklog(LISTEN_BACKLOG) == MI_FAILURE)
		return msg_failure(error_r, "libmilter refuses to be set up");
	/* true: a socket that a dead instance left is removed; whether it is
	   alive was found out by the lock file. */
	if (smfi_opensocket(true) == MI_FAILURE)
		return msg_failure(error_r, "cannot listen on \"%s\": another program may use it, "
		    "or the directory is missing or not writable for this user", socket);
	return 0;
}

int
milter_run(void)
{
	return smfi_main() == MI_SUCCESS ? 0 : -1;
}

/* The socket that milter_open() has opened: libmilter does not tell it, and no
   other part of this process listens. Returns -1 if there is none. */
static int
listening_socket(void)
{
	for (int fd = 0; fd < SOCKET_FD_MOST; fd++) {
		socklen_t len = sizeof(int);
		int listens = 0;

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
			return fd;
	}
	return -1;
}

/* The connection stays open: its end would be a callback. */
static void
wake_listener(int listener)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int fd;

	if (getsockname(listener, (struct sockaddr *)&address, &len) == -1)
		return;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&address, len) == -1)
		msg_debug("the socket cannot be reached: stopping takes five seconds");
}

static void *
tell_libmilter(void *nothing)
{
	(void)nothing;
	smfi_stop();
	return NULL;
}

void
milter_stop(void)
{
	pthread_t thread;
	int listener, count = 0;

	/* It waits for the listener, which looks every five seconds whether it is to
	   stop; or when somebody connects. */
	if (pthread_create(&thread, NULL, tell_libmilter, NULL) != 0)
		msg_out_of_memory();
	while (count++ < WAKE_MOST && (listener = listening_socket()) != -1) {
		wake_listener(listener);
		usleep(WAKE_USEC);
	}
	pthread_join(thread, NULL);
}

bool
milter_is_idle(void)
{
	return milter_running == 0;
}

void
milter_close(void)
{
	milter_closed = true;
}
