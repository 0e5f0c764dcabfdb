/*
 * send_reports: plays the MTA's side of the milter protocol, without an MTA,
 * and hands in messages as fast as they are answered.
 *
 *   send_reports -s SOCKET [-k SESSIONS] [-n COUNT] [-f FIRST] [-t SECONDS]
 *                [-c CLIENT] [-m report|local|mail] [-p PAD_BYTES]
 *
 * Message number N is a report about rN@remote.test (N with seven digits), or
 * ordinary mail (-m mail). "report" comes by the net lane from CLIENT, "local"
 * by the local lane as from our own MTA. For every answer to the end of a
 * message a line goes to standard output at once:
 *
 *   N accept|retry|refuse|lost MICROSECONDS
 *
 * "lost": the connection went away before there was an answer, and so does
 * this session. Microseconds are from the end of the message to the answer.
 */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>

#include <arpa/inet.h>
#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MOST 65536
#define OUTSIDE_PORT 40000

enum kind { KIND_REPORT, KIND_LOCAL, KIND_MAIL };

static struct {
	const char *socket, *client;
	unsigned sessions, first, count, pad_bytes;
	double seconds;
	enum kind kind;
} options = {
	.client = "192.0.2.9", .sessions = 8, .first = 1, .count = 1000, .seconds = 3600,
};

static atomic_uint next_number;
static double end_time;

struct connection {
	int fd;
	uint32_t steps; /* SMFIP_ bits the milter asked for */
	/* Packets are gathered until an answer is due. */
	char out[PACKET_MOST];
	size_t used;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
add_packet(struct connection *connection, char command, const void *data, size_t len)
{
	uint32_t size = htonl((uint32_t)len + 1);

	if (connection->used + len + 5 > sizeof(connection->out))
		errx(1, "a message is too long");
	memcpy(connection->out + connection->used, &size, 4);
	connection->out[connection->used + 4] = command;
	memcpy(connection->out + connection->used + 5, data, len);
	connection->used += len + 5;
}

static int
flush(struct connection *connection)
{
	for (size_t at = 0; at < connection->used;) {
		ssize_t n = write(connection->fd, connection->out + at, connection->used - at);

		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	connection->used = 0;
	return 0;
}

static int
read_all(int fd, void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)data + at, len - at);

		if (n <= 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

/* Send what was gathered and read one answer into `data`, NUL-terminated.
   Returns the command byte, or -1 if the connection is lost. */
static int
ask(struct connection *connection, char data[PACKET_MOST])
{
	uint32_t size;

	if (flush(connection) == -1 || read_all(connection->fd, &size, 4) == -1)
		return -1;
	size = ntohl(size);
	if (size == 0 || size >= PACKET_MOST || read_all(connection->fd, data, size) == -1)
		return -1;
	data[size] = '\0';
	return (unsigned char)data[0];
}

/* The same for a step that the milter may not want to see, or not answer.
   Returns SMFIR_CONTINUE for those. */
static int
step(struct connection *connection, char command, const void *text, size_t len, uint32_t skip,
    uint32_t no_reply)
{
	char data[PACKET_MOST];

	if (connection->steps & skip)
		return SMFIR_CONTINUE;
	add_packet(connection, command, text, len);
	return connection->steps & no_reply ? SMFIR_CONTINUE : ask(connection, data);
}

static int
negotiate(struct connection *connection)
{
	/* What Postfix 3.7 offers. */
	uint32_t offer[3] = { htonl(6), htonl(0x1ff), htonl(0x1fffff) };
	char data[PACKET_MOST];
	uint32_t steps;

	add_packet(connection, SMFIC_OPTNEG, offer, sizeof(offer));
	if (ask(connection, data) != SMFIC_OPTNEG)
		return -1;
	memcpy(&steps, data + 9, 4);
	connection->steps = ntohl(steps);
	return 0;
}

static int
introduce(struct connection *connection)
{
	unsigned port = options.kind == KIND_LOCAL ? 0 : OUTSIDE_PORT;
	const char *address = options.kind == KIND_LOCAL ? "127.0.0.1" : options.client;
	char data[256];
	size_t len;

	len = (size_t)snprintf(data, sizeof(data), "client.test%c4%c%c%s", 0, (int)(port >> 8),
	    (int)(port & 0xff), address) + 1;
	return step(connection, SMFIC_CONNECT, data, len, SMFIP_NOCONNECT, SMFIP_NR_CONN);
}

static int
open_connection(struct connection *connection)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", options.socket);
	connection->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd == -1)
		err(1, "socket");
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		return -1;
	return negotiate(connection) == -1 || introduce(connection) == -1 ? -1 : 0;
}

static int
header(struct connection *connection, const char *name, const char *value)
{
	char data[1024];
	size_t len = (size_t)snprintf(data, sizeof(data), "%s%c%s", name, 0, value) + 1;

	return step(connection, SMFIC_HEADER, data, len, SMFIP_NOHDRS, SMFIP_NR_HDR);
}

/* Text of a report about rN@remote.test, with lines of CRLF. */
static size_t
print_report(unsigned number, char *text, size_t size)
{
	int len = snprintf(text, size,
	    "--b\r\nContent-Type: text/plain\r\n\r\n"
	    "This is the mail system at host relay.test.\r\n\r\n"
	    "<r%07u@remote.test>: host mx.remote.test[192.0.2.25] said:\r\n"
	    "    550 5.1.1 User unknown (in reply to RCPT TO command)\r\n\r\n"
	    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; relay.test\r\n"
	    "Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000 (UTC)\r\n\r\n"
	    "Final-Recipient: rfc822; r%07u@remote.test\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.remote.test\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n"
	    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "From: app@example.com\r\nTo: r%07u@remote.test\r\n"
	    "Message-ID: <m%07u@example.com>\r\nSubject: test\r\n\r\n%*s\r\n--b--\r\n",
	    number, number, number, number, (int)options.pad_bytes, "");

	if (len < 0 || (size_t)len >= size)
		errx(1, "a message is too long");
	return (size_t)len;
}

static size_t
print_mail(unsigned number, char *text, size_t size)
{
	int len = snprintf(text, size, "Ordinary mail, number %u.\r\n%*s\r\n", number,
	    (int)options.pad_bytes, "");

	if (len < 0 || (size_t)len >= size)
		errx(1, "a message is too long");
	return (size_t)len;
}

static int
envelope(struct connection *connection, unsigned number)
{
	static const char sender_macros[] = "M{daemon_name}\0mta.test\0";
	static const char *const senders[] = {
		[KIND_REPORT] = "<>", [KIND_LOCAL] = "", [KIND_MAIL] = "<app@outside.test>",
	};
	const char *sender = senders[options.kind];
	char recipient[64];
	int answer;

	(void)number;
	add_packet(connection, SMFIC_MACRO, sender_macros, sizeof(sender_macros) - 1);
	answer = step(connection, SMFIC_MAIL, sender, strlen(sender) + 1, SMFIP_NOMAIL,
	    SMFIP_NR_MAIL);
	if (answer != SMFIR_CONTINUE)
		return answer;
	snprintf(recipient, sizeof(recipient), "<app@example.com>");
	return step(connection, SMFIC_RCPT, recipient, strlen(recipient) + 1, SMFIP_NORCPT,
	    SMFIP_NR_RCPT);
}

static int
headers(struct connection *connection, unsigned number)
{
	char id[64];
	int answer;

	snprintf(id, sizeof(id), "<d%07u@relay.test>", number);
	if ((answer = header(connection, "From", "MAILER-DAEMON@relay.test")) != SMFIR_CONTINUE ||
	    (answer = header(connection, "To", "app@example.com")) != SMFIR_CONTINUE ||
	    (answer = header(connection, "Message-ID", id)) != SMFIR_CONTINUE ||
	    (answer = header(connection, "MIME-Version", "1.0")) != SMFIR_CONTINUE)
		return answer;
	answer = header(connection, "Content-Type", options.kind == KIND_MAIL ? "text/plain" :
	    "multipart/report; report-type=delivery-status; boundary=\"b\"");
	return answer != SMFIR_CONTINUE ? answer :
	    step(connection, SMFIC_EOH, "", 0, SMFIP_NOEOH, SMFIP_NR_EOH);
}

/* One message. Returns its last answer, or -1 if the connection was lost. */
static int
send_message(struct connection *connection, unsigned number, char data[PACKET_MOST],
    double *since_r)
{
	char text[PACKET_MOST / 2];
	size_t len;
	int answer;

	*since_r = now();
	if ((answer = envelope(connection, number)) != SMFIR_CONTINUE ||
	    (answer = headers(connection, number)) != SMFIR_CONTINUE)
		return answer;
	len = options.kind == KIND_MAIL ? print_mail(number, text, sizeof(text)) :
	    print_report(number, text, sizeof(text));
	answer = step(connection, SMFIC_BODY, text, len, SMFIP_NOBODY, SMFIP_NR_BODY);
	if (answer != SMFIR_CONTINUE && answer != SMFIR_SKIP)
		return answer;
	*since_r = now();
	add_packet(connection, SMFIC_BODYEOB, "", 0);
	return ask(connection, data);
}

static const char *
answer_name(int answer, const char *data)
{
	switch (answer) {
	case SMFIR_ACCEPT:
	case SMFIR_CONTINUE:
		return "accept";
	case SMFIR_TEMPFAIL:
		return "retry";
	case SMFIR_REPLYCODE:
		return data[1] == '4' ? "retry" : "refuse";
	case -1:
		return "lost";
	}
	return "refuse";
}

static void *
session(void *argument)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	char data[PACKET_MOST], line[64];
	int answer = 0, len;
	unsigned number;
	double since;

	(void)argument;
	if (connection == NULL)
		err(1, "calloc");
	if (open_connection(connection) == -1)
		answer = -1;
	while (answer != -1 && now() < end_time &&
	    (number = atomic_fetch_add(&next_number, 1)) < options.first + options.count) {
		data[0] = data[1] = '\0';
		answer = send_message(connection, number, data, &since);
		len = snprintf(line, sizeof(line), "%u %s %.0f\n", number,
		    answer_name(answer, data), (now() - since) * 1e6);
		if (write(STDOUT_FILENO, line, (size_t)len) != len)
			err(1, "standard output");
	}
	if (answer != -1) {
		add_packet(connection, SMFIC_QUIT, "", 0);
		flush(connection);
	}
	close(connection->fd);
	free(connection);
	return NULL;
}

static void
parse_kind(const char *word)
{
	if (strcmp(word, "report") == 0)
		options.kind = KIND_REPORT;
	else if (strcmp(word, "local") == 0)
		options.kind = KIND_LOCAL;
	else if (strcmp(word, "mail") == 0)
		options.kind = KIND_MAIL;
	else
		errx(2, "-m %s: report, local or mail", word);
}

static void
parse_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "s:k:n:f:t:c:m:p:")) != -1) {
		switch (option) {
		case 's': options.socket = optarg; break;
		case 'k': options.sessions = (unsigned)atoi(optarg); break;
		case 'n': options.count = (unsigned)atoi(optarg); break;
		case 'f': options.first = (unsigned)atoi(optarg); break;
		case 't': options.seconds = atof(optarg); break;
		case 'c': options.client = optarg; break;
		case 'm': parse_kind(optarg); break;
		case 'p': options.pad_bytes = (unsigned)atoi(optarg); break;
		default: exit(2);
		}
	}
	if (options.socket == NULL || optind < argc)
		errx(2, "usage: send_reports -s SOCKET [options]");
}

int
main(int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t *threads;

	parse_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	next_number = options.first;
	end_time = now() + options.seconds;
	threads = calloc(options.sessions, sizeof(*threads));
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 512 * 1024);
	for (unsigned i = 0; i < options.sessions; i++) {
		if (pthread_create(&threads[i], &attributes, session, NULL) != 0)
			errx(1, "cannot start a thread");
	}
	for (unsigned i = 0; i < options.sessions; i++)
		pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attributes);
	free(threads);
	return 0;
}
