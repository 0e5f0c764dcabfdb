#include "foreign.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"
#include "base/msg.h"

#define SLOTS 65536 /* strangers' messages between coming and leaving */

struct foreign {
	struct hmac *hmac;
	_Atomic uint64_t slots[SLOTS]; /* 0 is free */
};

struct foreign *
foreign_new(void)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));
	uint8_t key[HMAC_KEY_BYTES];

	if (foreign == NULL || hmac_new_key(key) == -1)
		msg_out_of_memory();
	foreign->hmac = hmac_new(key);
	return foreign;
}

void
foreign_free(struct foreign *foreign)
{
	hmac_free(foreign->hmac);
	free(foreign);
}

/* Never 0. */
static uint64_t
digest(const struct foreign *foreign, const char *message_id)
{
	uint8_t bytes[HMAC_DIGEST_BYTES] = { 0 };
	uint64_t number;

	hmac_digest(foreign->hmac, str_of(message_id), bytes);
	memcpy(&number, bytes, sizeof(number));
	return number | 1;
}

void
foreign_note(struct foreign *foreign, const char *message_id)
{
	uint64_t number = digest(foreign, message_id);

	if (message_id[0] != '\0')
		foreign->slots[number / 2 % SLOTS] = number;
}

bool
foreign_has(const struct foreign *foreign, const char *message_id)
{
	uint64_t number = digest(foreign, message_id);

	return foreign->slots[number / 2 % SLOTS] == number;
}
