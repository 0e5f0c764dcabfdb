/*
 * rule_pcre: a rule as an expression over the one line that Postfix asks a
 * delivery status filter with:
 *
 *     5.2.2 host mx.example.com[192.0.2.1] said: 552-5.2.2 The mailbox is over
 *     552 5.2.2 quota (in reply to RCPT TO command)
 *
 * for a table of pcre_table(5): between slashes, without case, "." for any
 * character. Its first group is the status without the class, ".2.2"; when the
 * code is to be kept, the whole status.
 *
 * The expression begins with "^" and what Postfix itself writes, so the host is
 * the one that Postfix spoke to, whatever the text quotes. The words of the
 * rule must stand between the codes and "(in reply to": there rule_set_match()
 * would see them. A blank of the rule also matches where a line of the reply
 * ended.
 *
 * Not everything can be carried over: an expression with options, named
 * groups, back references or anything else that depends on where it stands.
 * What is uncertain goes to the side that changes nothing: an expression for a
 * line that changes a code asks for no less than the rule does, one that keeps
 * a code for no more.
 */
#ifndef JUDGE_RULE_PCRE_H
#define JUDGE_RULE_PCRE_H

#include "base/buf.h"
#include "judge/rule.h"

/* What the line is for. */
enum rule_pcre_use {
	RULE_PCRE_KEEP,        /* to leave the code alone, whoever spoke */
	RULE_PCRE_CHANGE,      /* to change it, for the hosts of the scope */
	RULE_PCRE_CHANGE_RCPT, /* the same, and only where RCPT TO was refused */
};

/* Append the condition that the scope holds: by host, or by a text. */
void rule_pcre_scope(const struct rule_scope_line *scope, struct buf *out);

/* Append a rule's expression. Returns 1, or 0 if its own expression cannot be
   carried over: nothing is appended then, except that a line which keeps the
   code is made without it. */
int rule_pcre(const struct rule_view *rule, enum rule_pcre_use use, struct buf *out);

#endif
