/* A name server of a test, over UDP and TCP on one port of the loopback: a
   thread that answers by the first label of the name. */
#ifndef T_UNIT_PROOF_NAMESERVER_H
#define T_UNIT_PROOF_NAMESERVER_H

#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define TCP_MOST 16
#define IDS_MOST 65536

struct packet {
	uint8_t bytes[16384];
	size_t len;
	unsigned records;
};

struct nameserver {
	pthread_t thread;
	char address[64]; /* as dns_new() wants it */
	int udp, listener;
	int tcp[TCP_MOST]; /* connections that get no answer */
	atomic_uint hanging;
	atomic_uint questions; /* one that is repeated counts once */
	atomic_bool open;      /* what waits at the gate is answered */
	atomic_bool ends;
	struct packet late;    /* a question at the gate */
	struct sockaddr_storage late_from;
	bool seen[IDS_MOST];
};

static inline void
put_bytes(struct packet *packet, const void *bytes, size_t len)
{
	assert_true(packet->len + len <= sizeof(packet->bytes));
	memcpy(packet->bytes + packet->len, bytes, len);
	packet->len += len;
}

static inline void
put_number(struct packet *packet, size_t number)
{
	put_bytes(packet, (uint8_t[]){ (uint8_t)(number >> 8), (uint8_t)number }, 2);
}

static inline void
put_name(struct packet *packet, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		put_bytes(packet, &(uint8_t){ (uint8_t)len }, 1);
		put_bytes(packet, name, len);
		name += len + (name[len] == '.');
	}
	put_bytes(packet, "", 1);
}

/* A record; its owner is the name asked for, or another. */
static inline void
put_record(struct packet *packet, const char *owner, int type, const void *data, size_t len)
{
	if (owner == NULL)
		put_number(packet, 0xc00c);
	else
		put_name(packet, owner);
	put_number(packet, (size_t)type);
	put_number(packet, 1);
	put_number(packet, 0);
	put_number(packet, 300);
	put_number(packet, len);
	put_bytes(packet, data, len);
	packet->records++;
}

static inline void
put_host(struct packet *packet, int type, size_t preference, const char *host)
{
	struct packet data = { .len = 0 };

	if (type == 15)
		put_number(&data, preference);
	put_name(&data, host);
	put_record(packet, NULL, type, data.bytes, data.len);
}

static inline void
put_records(struct packet *packet, const char *owner, int type)
{
	switch (type) {
	case 1:
		put_record(packet, owner, type, "\xc0\0\2\1", 4);
		put_record(packet, owner, type, "\xc0\0\2\2", 4);
		break;
	case 28:
		put_record(packet, owner, type, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
		break;
	case 12:
		put_host(packet, type, 0, "Host.OK.test");
		break;
	case 15:
		put_host(packet, type, 20, "second.test");
		put_host(packet, type, 10, "First.test");
		put_host(packet, type, 20, "third.test");
		break;
	case 16:
		put_record(packet, owner, type, "\5one;\"\5t\0wo\n", 12);
		put_record(packet, owner, type, "", 1);
		break;
	default:
		break;
	}
}

/* What the name is answered with. Returns false for nothing. */
static inline bool
put_answer(struct packet *packet, const char *label, int type, bool tcp)
{
	static const char garbage[] = "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\xff\xc0\x0c\xc0";

	if (strcmp(label, "silent") == 0 || strcmp(label, "wrongid") == 0 ||
	    strcmp(label, "short") == 0)
		return strcmp(label, "silent") != 0;
	if (strcmp(label, "none") == 0) {
		packet->bytes[3] |= 3;
	} else if (strcmp(label, "fail") == 0) {
		packet->bytes[3] |= 2;
	} else if (strcmp(label, "refused") == 0) {
		packet->bytes[3] |= 5;
	} else if (strcmp(label, "garbage") == 0) {
		put_bytes(packet, garbage, sizeof(garbage) - 1);
		packet->records = 3;
	} else if (strcmp(label, "alias") == 0) {
		put_record(packet, NULL, 5, "\1x\4Test", 8);
		put_record(packet, "stranger.test", type, "\1\1\1\1", 4);
		put_records(packet, "X.test", type);
	} else if (strcmp(label, "dangling") == 0) {
		put_record(packet, NULL, 5, "\1x\4test", 8);
	} else if (strcmp(label, "loop") == 0) {
		put_record(packet, NULL, 5, "\xc0\x0c", 2);
	} else if ((strcmp(label, "large") == 0 || strncmp(label, "hang", 4) == 0) && !tcp) {
		packet->bytes[2] |= 2;
	} else if (strcmp(label, "large") == 0) {
		for (unsigned i = 0; i < 100; i++)
			put_record(packet, NULL, 1, (uint8_t[]){ 10, 0, 0, (uint8_t)i }, 4);
	} else if (strcmp(label, "nullmx") == 0) {
		put_host(packet, 15, 0, "");
	} else if (strcmp(label, "nodata") != 0) {
		put_records(packet, NULL, type);
	}
	return true;
}

/* Make an answer of a question. Returns false if there is none. */
static inline bool
answer(struct nameserver *server, const struct packet *question, bool tcp, struct packet *packet)
{
	size_t id = (size_t)question->bytes[0] << 8 | question->bytes[1], at = 12;
	char label[64] = "";

	if (question->len < 17)
		return false;
	server->questions += !server->seen[id];
	server->seen[id] = true;
	memcpy(label, question->bytes + at + 1, question->bytes[at]);
	while (at < question->len && question->bytes[at] != 0)
		at += (size_t)question->bytes[at] + 1;
	packet->len = 0;
	packet->records = 0;
	put_bytes(packet, question->bytes, at + 5);
	memcpy(packet->bytes + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
	if (!put_answer(packet, label, question->bytes[at + 2], tcp))
		return false;
	packet->bytes[7] = (uint8_t)packet->records;
	if (strcmp(label, "wrongid") == 0)
		packet->bytes[0] ^= 0xff;
	if (strcmp(label, "short") == 0)
		packet->len = 5;
	return !(tcp && strncmp(label, "hang", 4) == 0);
}

static inline void
serve_udp(struct nameserver *server)
{
	struct packet question, packet;
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t got = recvfrom(server->udp, question.bytes, sizeof(question.bytes), 0,
	    (struct sockaddr *)&from, &size);

	question.len = got < 0 ? 0 : (size_t)got;
	if (question.len > 17 && memcmp(question.bytes + 12, "\4late", 5) == 0 && !server->open) {
		server->questions += !server->seen[question.bytes[0] << 8 | question.bytes[1]];
		server->seen[question.bytes[0] << 8 | question.bytes[1]] = true;
		server->late = question;
		server->late_from = from;
	} else if (answer(server, &question, false, &packet)) {
		sendto(server->udp, packet.bytes, packet.len, 0, (struct sockaddr *)&from, size);
	}
}

static inline void
open_gate(struct nameserver *server)
{
	struct packet packet;

	if (server->open && server->late.len > 0 && answer(server, &server->late, false, &packet)) {
		sendto(server->udp, packet.bytes, packet.len, 0,
		    (struct sockaddr *)&server->late_from, sizeof(struct sockaddr_in));
		server->late.len = 0;
	}
}

static inline void
serve_tcp(struct nameserver *server)
{
	int fd = accept(server->listener, NULL, NULL);
	struct packet question = { .len = 0 }, packet;
	uint8_t prefix[2];

	if (recv(fd, prefix, 2, MSG_WAITALL) == 2) {
		question.len = (size_t)prefix[0] << 8 | prefix[1];
		recv(fd, question.bytes, question.len, MSG_WAITALL);
	}
	if (answer(server, &question, true, &packet)) {
		prefix[0] = (uint8_t)(packet.len >> 8);
		prefix[1] = (uint8_t)packet.len;
		send(fd, prefix, 2, MSG_NOSIGNAL | MSG_MORE);
		send(fd, packet.bytes, packet.len, MSG_NOSIGNAL);
		close(fd);
	} else if (server->hanging < TCP_MOST) {
		server->tcp[server->hanging++] = fd;
	}
}

static inline void *
serve(void *argument)
{
	struct nameserver *server = argument;

	while (!server->ends) {
		struct pollfd fds[] = { { server->udp, POLLIN, 0 }, { server->listener, POLLIN, 0 } };

		open_gate(server);
		poll(fds, 2, 10);
		if (fds[0].revents != 0)
			serve_udp(server);
		if (fds[1].revents != 0)
			serve_tcp(server);
	}
	return NULL;
}

static inline bool
has_ipv6(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	bool has = fd != -1 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	if (fd != -1)
		close(fd);
	return has;
}

/* Sockets on one port. Returns false if the other half of the port is taken. */
static inline bool
bind_both(struct nameserver *server, int family)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .v6 = { 0 } };
	socklen_t size = family == AF_INET ? sizeof(address.v4) : sizeof(address.v6);

	address.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.v6.sin6_addr = in6addr_loopback;
	server->udp = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	server->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->udp, &address.any, size) == 0 &&
	    getsockname(server->udp, &address.any, &size) == 0 &&
	    bind(server->listener, &address.any, size) == 0 && listen(server->listener, 64) == 0) {
		snprintf(server->address, sizeof(server->address), "%s:%u",
		    family == AF_INET ? "127.0.0.1" : "[::1]", ntohs(address.v4.sin_port));
		return true;
	}
	close(server->udp);
	close(server->listener);
	return false;
}

static inline struct nameserver *
nameserver_start(int family)
{
	struct nameserver *server = calloc(1, sizeof(*server));

	if (server == NULL)
		abort();
	for (unsigned tries = 0; !bind_both(server, family); tries++) {
		if (tries == 100)
			fail_msg("the loopback has no port for a name server");
	}
	if (pthread_create(&server->thread, NULL, serve, server) != 0)
		abort();
	return server;
}

static inline void
nameserver_stop(struct nameserver *server)
{
	server->ends = true;
	pthread_join(server->thread, NULL);
	for (unsigned i = 0; i < server->hanging; i++)
		close(server->tcp[i]);
	close(server->udp);
	close(server->listener);
	free(server);
}

#endif
