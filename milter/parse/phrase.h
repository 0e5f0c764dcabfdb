/*
 * phrase: the words by which notices are known: their subjects, what they say
 * of a failure or a delay, how they announce the returned message. One pass
 * over a text finds all of them, without regard to ASCII case.
 */
#ifndef PARSE_PHRASE_H
#define PARSE_PHRASE_H

#include "bounce.h"

enum phrase_set {
	PHRASE_SUBJECT,    /* subjects of reports */
	PHRASE_FAILURE,    /* a delivery failed */
	PHRASE_MISHAP,     /* something failed: enough only among other signs */
	PHRASE_DELAY,      /* the MTA has not given up */
	PHRASE_FINAL,      /* ... and yet it has */
	PHRASE_AUTO_REPLY, /* subjects of answering machines */
	PHRASE_CHALLENGE,  /* prove that you are a person */
	PHRASE_CONTACT,    /* a sentence that names somebody who could help */
	PHRASE_COPY,       /* the returned message begins */
	PHRASE_DETAILS,    /* what follows is for administrators */
	PHRASE_SUCCESS,    /* it has arrived */
	PHRASE_REASON,     /* a label: behind it stands why */
	PHRASE_OTHER,      /* subjects of what a mail system says of other things */
	PHRASE_STAGE,      /* the command that was refused */
	PHRASE_FORMAT,     /* one format; its row is the row of the table of formats */
	PHRASE_SET_COUNT,
};

#define PHRASE_FORMAT_ROWS 128

struct phrase_hits {
	unsigned sets;        /* bits 1 << enum phrase_set */
	uint64_t formats[PHRASE_FORMAT_ROWS / 64]; /* bits: rows of PHRASE_FORMAT */
	uint64_t stages;      /* bits: 1 << number in the order of phrase_stage() */
};

/* Which sets have a phrase in the text. */
void phrase_search(struct str text, struct phrase_hits *hits_r);

/* Has the set a phrase in the text? */
bool phrase_holds(struct str text, enum phrase_set set);

/* Find the first phrase of the set in the text.
   Returns 1 and the phrase as a slice of the text, or 0. */
int phrase_find(struct str text, enum phrase_set set, struct str *phrase_r);

/* The command that was refused, by the words of a server or an MTA. */
enum stage phrase_stage(struct str text);

/* How a format shows itself: `field` holds `needle`, or is there at all if the
   needle is ""; the notice holds `phrase`. All that is not NULL must be so. */
struct phrase_format {
	const char *name;
	const char *field, *needle;
	const char *phrase;
};

extern const struct phrase_format phrase_formats[];
extern const unsigned phrase_format_count;

#endif
