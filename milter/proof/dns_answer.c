#include "proof/dns_answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/msg.h"

/* What is read of a packet. */
struct reading {
	ns_msg msg;
	enum dns_type type;
	char owner[NS_MAXDNAME]; /* whose records count: the end of the CNAMEs so far */
	uint32_t ttl_sec;
	struct arena *arena;
	struct dns_answer *answer;
};

int
dns_answer_type_number(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return ns_t_a;
	case DNS_AAAA:
		return ns_t_aaaa;
	case DNS_MX:
		return ns_t_mx;
	case DNS_PTR:
		return ns_t_ptr;
	case DNS_TXT:
		break;
	}
	return ns_t_txt;
}

void
dns_answer_add(struct dns_answer *answer, enum dns_type type, unsigned preference,
    struct str text, struct arena *arena)
{
	unsigned at = answer->count;
	char *copy;

	/* Behind those of the same preference: servers turn them round. */
	while (type == DNS_MX && at > 0 && answer->records[at - 1].preference > preference)
		at--;
	if (text.len > DNS_RECORD_BYTES || at == DNS_RECORDS_MOST) {
		answer->cut = true;
		return;
	}
	if (answer->records == NULL)
		answer->records = arena_alloc(arena,
		    DNS_RECORDS_MOST * sizeof(answer->records[0]));
	if (answer->count == DNS_RECORDS_MOST)
		answer->cut = true;
	else
		answer->count++;
	memmove(answer->records + at + 1, answer->records + at,
	    (answer->count - 1 - at) * sizeof(answer->records[0]));
	copy = arena_alloc(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++)
		copy[i] = text.data[i] == '\0' ? ' ' : text.data[i];
	answer->records[at] = (struct dns_record){ copy, preference };
}

/* A name in the data of a record, which ends where the data does.
   Returns 0, or -1 if it is none. */
static int
read_name(const struct reading *reading, const ns_rr *rr, size_t offset, char name[NS_MAXDNAME])
{
	int used;

	if (ns_rr_rdlen(*rr) <= offset)
		return -1;
	used = ns_name_uncompress(ns_msg_base(reading->msg), ns_msg_end(reading->msg),
	    ns_rr_rdata(*rr) + offset, name, NS_MAXDNAME);
	return used >= 0 && (size_t)used == ns_rr_rdlen(*rr) - offset ? 0 : -1;
}

static int
add_host(const struct reading *reading, const ns_rr *rr)
{
	size_t offset = reading->type == DNS_MX ? 2 : 0, len;
	char name[NS_MAXDNAME];

	if (read_name(reading, rr, offset, name) == -1)
		return -1;
	len = strlen(name);
	for (size_t i = 0; i < len; i++)
		name[i] = str_lower(name[i]);
	/* The root is no host (RFC 7505: no mail). */
	if (strcmp(name, ".") == 0)
		len = 0;
	dns_answer_add(reading->answer, reading->type,
	    offset > 0 ? ns_get16(ns_rr_rdata(*rr)) : 0, (struct str){ name, len },
	    reading->arena);
	return 0;
}

static int
add_address(const struct reading *reading, const ns_rr *rr)
{
	int family = reading->type == DNS_A ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (ns_rr_rdlen(*rr) != (family == AF_INET ? 4 : 16))
		return -1;
	inet_ntop(family, ns_rr_rdata(*rr), text, sizeof(text));
	dns_answer_add(reading->answer, reading->type, 0, str_of(text), reading->arena);
	return 0;
}

static int
add_text(const struct reading *reading, const ns_rr *rr)
{
	const unsigned char *data = ns_rr_rdata(*rr);
	size_t left = ns_rr_rdlen(*rr), len = 0;
	char *text = malloc(left + 1);

	if (text == NULL)
		msg_out_of_memory();
	while (left > 0 && (size_t)data[0] < left) {
		memcpy(text + len, data + 1, data[0]);
		len += data[0];
		left -= (size_t)data[0] + 1;
		data += data[0] + 1;
	}
	if (left == 0)
		dns_answer_add(reading->answer, reading->type, 0, (struct str){ text, len },
		    reading->arena);
	free(text);
	return left == 0 ? 0 : -1;
}

/* The next record of the answer section that belongs to the owner.
   Returns 1, 0 behind the last, -1 if the packet is broken. */
static int
next_record(struct reading *reading, int *at, int type, ns_rr *rr_r)
{
	while (*at < ns_msg_count(reading->msg, ns_s_an)) {
		if (ns_parserr(&reading->msg, ns_s_an, (*at)++, rr_r) == -1)
			return -1;
		if ((int)ns_rr_type(*rr_r) == type && ns_rr_class(*rr_r) == ns_c_in &&
		    strcasecmp(ns_rr_name(*rr_r), reading->owner) == 0) {
			if (ns_rr_ttl(*rr_r) < reading->ttl_sec)
				reading->ttl_sec = ns_rr_ttl(*rr_r);
			return 1;
		}
	}
	return 0;
}

/* Go on to the end of the CNAMEs. Returns 0, or -1 if there is none. */
static int
follow(struct reading *reading)
{
	for (unsigned links = 0; links <= DNS_CHAIN_MOST; links++) {
		ns_rr rr;
		int at = 0, ret = next_record(reading, &at, ns_t_cname, &rr);

		if (ret != 1)
			return ret;
		if (read_name(reading, &rr, 0, reading->owner) == -1)
			return -1;
	}
	return -1;
}

static int
collect(struct reading *reading)
{
	static int (*const add[])(const struct reading *, const ns_rr *) = {
		[DNS_A] = add_address, [DNS_AAAA] = add_address, [DNS_MX] = add_host,
		[DNS_PTR] = add_host, [DNS_TXT] = add_text,
	};
	int at = 0, ret;
	ns_rr rr;

	while ((ret = next_record(reading, &at, dns_answer_type_number(reading->type), &rr)) == 1) {
		if (add[reading->type](reading, &rr) == -1)
			return -1;
	}
	return ret;
}

static int
read_packet(struct reading *reading, struct str packet, const char *name)
{
	const unsigned char *data = (const unsigned char *)packet.data;
	unsigned char wire[NS_MAXCDNAME];

	if (packet.len > NS_MAXMSG ||
	    ns_initparse(data, (int)packet.len, &reading->msg) == -1 ||
	    ns_msg_getflag(reading->msg, ns_f_qr) == 0)
		return -1;
	switch (ns_msg_getflag(reading->msg, ns_f_rcode)) {
	case ns_r_noerror:
		break;
	case ns_r_nxdomain:
		reading->answer->status = DNS_NO_NAME;
		return 0;
	default:
		return -1;
	}
	/* Names of packets are printed with escapes: print ours in the same way. */
	if (ns_name_pton(name, wire, sizeof(wire)) == -1 ||
	    ns_name_ntop(wire, reading->owner, sizeof(reading->owner)) == -1 ||
	    follow(reading) == -1 || collect(reading) == -1)
		return -1;
	reading->answer->status =
	    reading->answer->count > 0 || reading->answer->cut ? DNS_FOUND : DNS_NO_DATA;
	return 0;
}

void
dns_answer_parse(struct str packet, enum dns_type type, const char *name,
    struct arena *arena, struct dns_answer *answer_r, uint32_t *ttl_sec_r)
{
	struct reading reading = { .type = type, .ttl_sec = UINT32_MAX, .arena = arena,
		.answer = answer_r };

	*answer_r = (struct dns_answer){ 0 };
	if (read_packet(&reading, packet, name) == -1)
		*answer_r = (struct dns_answer){ .status = DNS_FAILED };
	*ttl_sec_r = reading.ttl_sec;
}
