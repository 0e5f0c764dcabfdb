/*
 * foreign: Message-IDs of mail that strangers have sent through us: to an alias
 * that forwards, to a mailing list. Their authors know them, and may know whom
 * they went to, so that they prove nothing; they never go into the ledger, also
 * when the message comes back from a content filter as if it were our own.
 *
 * A table of fixed size; what is new takes the place of something old. Digests
 * are keyed: nobody can choose a Message-ID that hits the place of another. Any
 * thread may use it.
 */
#ifndef FOREIGN_H
#define FOREIGN_H

#include <stdbool.h>

struct foreign;

/* Ends the process if the kernel gives no random bytes. */
struct foreign *foreign_new(void);
void foreign_free(struct foreign *foreign);

/* `message_id` with its brackets; "" is passed over. */
void foreign_note(struct foreign *foreign, const char *message_id);
bool foreign_has(const struct foreign *foreign, const char *message_id);

#endif
