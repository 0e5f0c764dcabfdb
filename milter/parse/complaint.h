/*
 * complaint: feedback reports (RFC 5965, RFC 6650): a recipient, or somebody in
 * his name, says that the message is spam. Three forms are known: the report
 * with a message/feedback-report part, whoever sends it; the one of Microsoft
 * (JMRP), which names the recipient in a field that it puts on top of the
 * returned message; and the notification of Amazon SES (snsnote.h).
 *
 * What a feedback type means:
 *
 *   not-spam         no complaint but its opposite: nothing is reported
 *   auth-failure,    somebody's mail failed an authentication (RFC 6591): it
 *   dmarc, dkim      may be a forger's, and nobody has complained. The
 *                    recipients are told, with OUTCOME_NONE
 *   anything else,   a complaint: abuse, fraud, virus, miscategorized, opt-out,
 *   or nothing       opt-out-list, other, and types that are not known
 *
 * Whose complaint it is: a Removal-Recipient names who wants no more mail.
 * Original-Rcpt-To names all recipients of the transaction; if it names one it
 * was that one, if it names several nobody knows which. Where neither is given
 * and the returned message is to one person, that person is guessed. An address
 * that was made unreadable (redacted.h) is nobody's: its bounce has no
 * recipient.
 *
 * Source-IP, the address that the message had come from, is not kept: it is our
 * own, while the relay of a bounce is the remote host's.
 */
#ifndef PARSE_COMPLAINT_H
#define PARSE_COMPLAINT_H

#include "parse/reading.h"

/* Read a feedback report into bounces of the report, one each recipient that is
   known, and set its kind. reading->headers, mime, notice and returned are set.
   Returns 1, or 0 if it is none: then nothing has changed. */
int complaint_read(struct reading *reading);

/* Does this header field say that the message may be a complaint? */
bool complaint_is_candidate(struct str name, struct str value);

#endif
