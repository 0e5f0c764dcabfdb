/*
 * template: a text without what differs from one message to the next, so that
 * texts which say the same can be counted as one:
 *
 *   <address> <ip> <host> <date> <time>   what they are
 *   <id>    ids of messages, queues and sessions: letters and digits mixed
 *   <n>     numbers, but for the codes that a server begins with
 *   <tail>  what stands behind the host of a URL
 *
 * What providers use as codes of their own, such as S3150, SC-001 or OFR_416,
 * stays.
 */
#ifndef JUDGE_TEMPLATE_H
#define JUDGE_TEMPLATE_H

#include "base/buf.h"

#define TEMPLATE_BYTES 400 /* what is longer ends in "..." */

/* Append the template of a text, which is one line of UTF-8. */
void template_make(struct str text, struct buf *out);

/* The longest run of words between what was masked and URLs, at most `limit`
   bytes of it; empty if there is none. It is a part of the template. */
struct str template_longest_words(struct str template, size_t limit);

#endif
