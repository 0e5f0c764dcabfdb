/*
 * diagnosis: bouncemilter-classify --diagnose: what is wrong with the
 * authentication of a domain (proof/diagnose.h), asked by hand.
 */
#ifndef TOOL_DIAGNOSIS_H
#define TOOL_DIAGNOSIS_H

#include <stdbool.h>

/* The command line; NULL for what is not there. */
struct diagnosis_request {
	const char *program;
	const char *domain;      /* of MAIL FROM; NULL: no diagnosis is wanted */
	const char *address;     /* --ip */
	const char *selector;
	const char *zone_path;
	const char *config_path; /* NULL: CONFIG_FILE if it is there and no zone is given */
	const char *path;        /* of a message or a report, "-" for standard input */
	bool json;
};

/* Look, and print what was found. Returns the exit status: TOOL_NO if something is
   bad, EX_TEMPFAIL if all is unknown, else 0. Ends the program with a sentence if
   the request cannot be. */
int diagnosis_run(const struct diagnosis_request *request);

#endif
