/*
 * marks: the places of a notice that name an address whose mail failed. Only
 * entries.h asks for them.
 */
#ifndef PARSE_MARKS_H
#define PARSE_MARKS_H

#include "base/arena.h"

/* How a line names an address; what comes first counts more. */
enum mark_kind {
	MARK_LINE,     /* the line begins with it */
	MARK_CODE,     /* "550 5.1.1 <user@example.com>... User unknown" */
	MARK_SESSION,  /* ">>> RCPT TO:<user@example.com>", and it was refused */
	MARK_SENTENCE, /* "We could not deliver your mail to user@example.com." */
	MARK_LABEL,    /* "To: user@example.com" among details of the message */
	MARK_KIND_COUNT,
};

struct mark {
	const char *address;       /* normal form */
	struct str shown;          /* as it stands there */
	unsigned line;
	bool quoted;               /* the line begins with a double quote */
	struct str before, behind; /* of its line */
};

struct marks {
	struct arena *arena;
	const char *const *others; /* see entries_find() */
	struct str *lines;         /* of the notice, trimmed */
	unsigned *indents;         /* what was trimmed in front, in bytes */
	unsigned *sets;            /* which sets of phrases each line has, as bits */
	unsigned line_count;
	struct mark *list;         /* all of one kind, in the order of the lines */
	unsigned count, room;
	enum mark_kind kind;
	bool delivered;            /* the list at hand is of those who have the message */
	bool details;              /* what follows is for administrators */
	unsigned limits;           /* LIMIT_RECIPIENTS, LIMIT_TEXT */
};

/* Find the marks of the strongest kind that the notice has. arena and others are
   set; the result is in the arena. */
void marks_find(struct str notice, struct marks *marks);

/* "-----", "====": a rule, with or without a title in it. */
bool marks_is_rule(struct str line);

/* Does the sentence tell of a failure? */
bool marks_tells_failure(struct str line);

#endif
