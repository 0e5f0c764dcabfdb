/* A packet of a DNS server: what is read of it keeps the bounds of dns.h. The
   first byte chooses the type, and whether the rest is a packet or what stands
   behind a header and a question. */
#include "support.h"

#include "proof/dns_answer.h"

#define NAME "a.test"
#define RECORDS_MOST 10 /* in the answer section, where the header is ours */

static const char header[] = "\0\1\x81\x80\0\1\0\1\0\0\0\0" "\1a\4test\0\0\x10\0\1";

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
	struct arena *arena = arena_new();
	struct dns_answer answer;
	enum dns_type type;
	uint32_t ttl_sec;
	size_t len = 0;
	char *packet;

	if (size == 0) {
		arena_free(arena);
		return 0;
	}
	type = data[0] % (DNS_TXT + 1);
	if (data[0] < 0x80)
		len = sizeof(header) - 1;
	/* Not a byte more, so that one byte too far is seen. */
	packet = malloc(len + size - 1);
	if (len > 0) {
		memcpy(packet, header, len);
		packet[7] = (char)(data[0] % RECORDS_MOST + 1);
	}
	memcpy(packet + len, data + 1, size - 1);
	dns_answer_parse((struct str){ packet, len + size - 1 }, type, NAME, arena, &answer,
	    &ttl_sec);
	promise_answer(type, &answer);
	free(packet);
	arena_free(arena);
	return 0;
}
