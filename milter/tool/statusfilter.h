/*
 * statusfilter: the rules in force as a table of pcre_table(5), for Postfix's
 * smtp_delivery_status_filter, which corrects the status of a failure whose
 * code says the contrary of its words. It needs rules and nothing else.
 *
 * A rule becomes a line only if the hosts of its scope are named, whether it
 * is packaged or the site's own; the host is read where Postfix wrote it. A
 * text that is a provider's signature, and a rule for anybody, change nothing.
 *
 *   5.x.x becomes 4.x.x  for a rule that a 5xx reply can match, if its category
 *                        is temporary by nature: throttled, recipient-rate,
 *                        greylisted, mailbox-full, system-error, system-full,
 *                        network-error
 *   4.x.x becomes 5.x.x  for a rule that demands a 4xx itself, if its category
 *                        is of class hard; and only where RCPT TO was refused,
 *                        because all other replies are about more than one
 *                        recipient
 *
 * Every other category leaves the code as it is. Another try does not cure
 * what is about the message, the sender or the sending host, though the class
 * of most of these is soft: auth-failure, reputation, lists, content and
 * policy would only stay in the queue till the end of its lifetime.
 * message-too-big and too-many-recipients are the same at the next try. The
 * soft twins, such as mailbox-disabled-temp, stand for a doubt, and a doubt
 * does not prove that a code is wrong.
 *
 * The order of decision stays what it is: whatever would decide before one of
 * these rules has a line above it, which answers with the code that it has.
 */
#ifndef TOOL_STATUSFILTER_H
#define TOOL_STATUSFILTER_H

#include "base/buf.h"
#include "judge/rule.h"

/* Append the table. Returns how many rules in it change a code. */
unsigned statusfilter_print(const struct rule_set *set, struct buf *out);

#endif
