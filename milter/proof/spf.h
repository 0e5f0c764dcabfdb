/*
 * spf: the Sender Policy Framework (RFC 7208), evaluated by libspf2 behind a
 * guard (spf_guard.h).
 *
 * The guard stands between the library and dns.h, because the library of Debian
 * 12 ends the process on some records and follows as many includes as there
 * are. Per check it allows SPF_LOOKUPS_MOST questions (RFC 7208 section 4.6.4
 * has 10 for terms, each of which may take some), SPF_VOID_LOOKUPS_MOST without
 * an answer, and a deadline; a policy record over SPF_RECORD_BYTES, or one that
 * libspf2 has no room for (some 63 times "ip4:", 25 times "ip6:"), is invalid;
 * "exp=" is not asked for. Too many questions, or an invalid record, are
 * SPF_ANSWER_PERMERROR; after the deadline it is SPF_ANSWER_TEMPERROR.
 */
#ifndef PROOF_SPF_H
#define PROOF_SPF_H

#include "proof/dns.h"

#define SPF_LOOKUPS_MOST 30
#define SPF_VOID_LOOKUPS_MOST 4
#define SPF_RECORD_BYTES 2048

/* RFC 7208 section 2.6. */
enum spf_answer {
	SPF_ANSWER_NONE,
	SPF_ANSWER_NEUTRAL,
	SPF_ANSWER_PASS,
	SPF_ANSWER_FAIL,
	SPF_ANSWER_SOFTFAIL,
	SPF_ANSWER_TEMPERROR,
	SPF_ANSWER_PERMERROR,
};

struct spf_result {
	enum spf_answer answer;
	const char *domain;  /* whose policy it was: of the sender, else the HELO name */
	const char *record;  /* the policy record that was seen there, "" if none; at most
	                        SPF_RECORD_BYTES, without control characters */
	const char *why;     /* of an error: what was wrong, in a few words, else "" */
	unsigned lookups;
};

const char *spf_answer_name(enum spf_answer answer);

struct spf;

/* `dns` must outlive it. Any thread may check. Ends the process if libspf2
   cannot be set up. */
struct spf *spf_new(struct dns *dns);
void spf_free(struct spf *spf);

/*
 * May a client at this address, with this HELO name, send for `sender`? A null
 * sender ("") asks for the HELO identity, postmaster@HELO (RFC 7208 section
 * 2.4). A loopback address proves nothing and is SPF_ANSWER_NONE; so is a HELO
 * name that is no domain. Results are in the arena.
 */
void spf_check(struct spf *spf, const char *address, const char *helo, const char *sender,
    int64_t deadline_msec, struct arena *arena, struct spf_result *result_r);

#endif
