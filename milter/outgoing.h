/*
 * outgoing: one message of our own on its way out, as a milter session sees it:
 * for the ledger, where no log feeds it, and for our token, where there is a
 * key. Of the message only its recipients and its Message-ID are looked at.
 *
 * Guarantee: mail never waits for it, and nothing that fails here is told to
 * anybody but our own log.
 */
#ifndef OUTGOING_H
#define OUTGOING_H

#include "pipeline.h"

struct outgoing;

/* Is there anything to be done with outgoing mail? Without it, a session need not
   see any of it. */
bool outgoing_is_wanted(const struct config *config);

/* A message begins. `sender` is the path of MAIL FROM, without brackets. */
struct outgoing *outgoing_new(const char *sender);
/* NULL is allowed. */
void outgoing_free(struct outgoing *outgoing);

/* RCPT TO, argument as it came. */
void outgoing_add_recipient(struct outgoing *outgoing, const char *argument);

void outgoing_add_header(struct outgoing *outgoing, const char *name, const char *value);

/* The message is whole: put it into the ledger, and make its token if there is a
   key. Returns the token, which is the outgoing's; NULL for none. *has_r says
   that the message has it in its header already: it comes for the second time,
   from a content filter. */
const char *outgoing_end(struct outgoing *outgoing, struct pipeline *pipeline,
    const struct config *config, const char *queue_id, bool *has_r);

#endif
