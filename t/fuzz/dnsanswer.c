/* A packet of a DNS server: what is read of it keeps the bounds of dns.h. The
   first byte chooses the type, and whether the rest is the packet or what its
   records are made of: glibc, which takes packets apart, is not instrumented,
   and nothing would be found behind the first broken record. */
#include "support.h"

#include <stdbool.h>

#include "proof/dns_answer.h"

#define NAME "a.test"
#define RECORDS_MOST 70
#define PACKET_MOST 65536

struct packet {
	unsigned char bytes[PACKET_MOST];
	size_t len;
	size_t target; /* where the data of the last CNAME begins, or the question */
};

static void
add(struct packet *packet, const void *bytes, size_t len)
{
	if (len > PACKET_MOST - packet->len)
		len = PACKET_MOST - packet->len;
	memcpy(packet->bytes + packet->len, bytes, len);
	packet->len += len;
}

static void
add_number(struct packet *packet, size_t number)
{
	unsigned char bytes[2] = { (unsigned char)(number >> 8), (unsigned char)number };

	add(packet, bytes, sizeof(bytes));
}

/* A record: a byte of choices, a time to live, a length, and so much
   data, once or many times. */
static void
add_record(struct packet *packet, int type, const uint8_t **data, size_t *left)
{
	uint8_t choices = (*data)[0], ttl = (*data)[1];
	size_t len = (*data)[2], times = choices & 2 ? 32 : 1;
	bool alias = choices & 1;

	*data += 3;
	*left -= 3;
	if (len > *left)
		len = *left;
	add_number(packet, 0xc000 | (choices & 4 ? packet->target & 0x3fff : 12));
	add_number(packet, alias ? 5 : (size_t)type);
	add_number(packet, choices & 8 ? ttl : 1);
	add_number(packet, choices & 16 ? 0xffff : 0);
	add_number(packet, ttl);
	add_number(packet, times * len + (choices & 32 ? 1 : 0));
	if (alias)
		packet->target = packet->len;
	for (size_t i = 0; i < times; i++)
		add(packet, *data, len);
	*data += len;
	*left -= len;
}

static void
add_records(struct packet *packet, int type, const uint8_t *data, size_t left)
{
	static const char header[] = "\0\1\x81\x80\0\1\0\0\0\0\0\0" "\1a\4test\0\0\x10\0\1";
	unsigned count = 0;

	add(packet, header, sizeof(header) - 1);
	packet->target = 12;
	while (left >= 3 && count < RECORDS_MOST) {
		add_record(packet, type, &data, &left);
		count++;
	}
	packet->bytes[7] = (unsigned char)count;
}

static void
promise_text(enum dns_type type, const char *text)
{
	promise(strlen(text) <= DNS_RECORD_BYTES);
	if (type == DNS_TXT)
		return;
	promise_clean(text);
	for (const char *p = text; *p != '\0'; p++)
		promise(str_lower(*p) == *p);
	/* An escaped dot is not the last dot. */
	if (strlen(text) > 1 && text[strlen(text) - 1] == '.')
		promise(text[strlen(text) - 2] == '\\');
}

static void
promise_answer(enum dns_type type, const struct dns_answer *answer)
{
	promise(answer->count <= DNS_RECORDS_MOST);
	promise(answer->status == DNS_FOUND || (answer->count == 0 && !answer->cut));
	promise(answer->status != DNS_FOUND || answer->count > 0 || answer->cut);
	for (unsigned i = 0; i < answer->count; i++) {
		promise_text(type, answer->records[i].text);
		promise(answer->records[i].preference <= UINT16_MAX);
		promise(i == 0 ||
		    answer->records[i - 1].preference <= answer->records[i].preference);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet packet;
	struct arena *arena;
	struct dns_answer answer;
	enum dns_type type;
	uint32_t ttl_sec;
	char *exact;

	if (size == 0)
		return 0;
	type = data[0] % (DNS_TXT + 1);
	packet.len = 0;
	if (data[0] < 0xf0)
		add_records(&packet, dns_answer_type_number(type), data + 1, size - 1);
	else
		add(&packet, data + 1, size - 1);
	/* Not a byte more, so that one byte too far is seen. */
	exact = malloc(packet.len);
	memcpy(exact, packet.bytes, packet.len);
	arena = arena_new();
	dns_answer_parse((struct str){ exact, packet.len }, type, NAME, arena, &answer, &ttl_sec);
	promise_answer(type, &answer);
	free(exact);
	arena_free(arena);
	return 0;
}
