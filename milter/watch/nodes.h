/*
 * nodes: what is counted for, found by its names: a hash table in which what
 * was quiet for longest makes room when there is no more memory.
 *
 * There are three kinds. A group is touched after each of its cells, so that it
 * never goes before them.
 */
#ifndef WATCH_NODES_H
#define WATCH_NODES_H

#include "watch/distinct.h"
#include "watch/evidence.h"
#include "watch/series.h"

enum node_kind {
	NODE_FLOW,  /* what was sent, of a domain to a provider; either may be "", all */
	NODE_CELL,  /* what failed there, for one family of reasons */
	NODE_GROUP, /* all cells of that family and domain */
};

/* A family of reasons: what the rules have in common. */
enum topic {
	TOPIC_NONE,       /* of a flow; "part" is a provider */
	TOPIC_SENT,       /* of a flow; "part" is a campaign */
	TOPIC_AUTH,
	TOPIC_BLOCKLIST,  /* domain "": our address */
	TOPIC_THROTTLE,   /* a group for each part, as of the next two */
	TOPIC_CAMPAIGN,   /* part: campaign */
	TOPIC_BREAKER,    /* domain "": suppressed, or held */
	TOPIC_POLICY,
	TOPIC_DEAD,       /* addresses that do not exist */
	TOPIC_COMPLAINT,
	TOPIC_FAILED,     /* anything: a send that gets worse */
	TOPIC_UNKNOWN,    /* domain "": words that no rule knows */
	TOPIC_FORGED,     /* domain "" */
};

struct node {
	enum node_kind kind;
	enum topic topic;
	const char *domain, *part; /* in the same memory */
	uint64_t hash;
	struct node *next;         /* of the same hash */
	struct node *newer, *older;
	int64_t touched;           /* minute */
	size_t bytes_least, bytes; /* that are counted for it: empty, and now */
};

struct flow {
	struct node node;
	uint64_t attempts_ever;
	struct series attempts, failed;
	struct hours attempts_of, delivered, dead, complaints; /* hour by hour */
};

struct cell {
	struct node node;
	struct group *group;
	struct cell *next;   /* of the group */
	const char *name;    /* of the provider, for people; a copy, NULL if not known */
	bool major;
	struct series failed;
	struct distinct recipients;
	/* What is usual in an hour (watch_usuals()), and of the hour at hand. */
	double usual;
	int64_t hour;        /* that is at hand; 0 for none yet */
	unsigned hour_failed;
};

struct live;

struct group {
	struct node node;
	struct cell *cells;
	struct live *lives;      /* open incidents */
	struct group *next_dirty;
	bool dirty, unopened;
	bool failed;             /* since it was last decided about */
	int64_t first_in_a_day;  /* auth: the time of a failure without another one in
	                            the day before; 0 once it is told */
	int64_t last_failed;
	int64_t frozen;          /* breaker: when it last held something ... */
	int64_t freed;           /* ... and when it was last over */
	/* The newest failures, while no incident is open: of this half hour, and of
	   the one before. NULL for none */
	struct evidence *evidence[2];
	int64_t half_hour;
	struct distinct messages;
	char *headers;           /* watch_returned(), the newest */
	size_t headers_len;
};

struct nodes;

/* Give up at most `bytes_most`; what is freed because of that is counted. */
struct nodes *nodes_new(size_t bytes_most);
void nodes_free(struct nodes *nodes);

/* Between these two the names that are asked for do not change as long as their
   pointers do not: one event asks for the same few again and again. */
void nodes_begin(struct nodes *nodes);
void nodes_end(struct nodes *nodes);

/* The node of these names, made if need be and touched; valid until the next
   call. NULL only if `make` is false and there is none; then it is not touched. */
struct flow *nodes_flow(struct nodes *nodes, enum topic topic, const char *domain,
    const char *part, int64_t minute, bool make);
struct cell *nodes_cell(struct nodes *nodes, enum topic topic, const char *domain,
    const char *part, int64_t minute, bool make);
struct group *nodes_group(struct nodes *nodes, enum topic topic, const char *domain,
    const char *part, int64_t minute, bool make);

/* Something happened there: it is the newest. */
void nodes_touch(struct nodes *nodes, struct node *node, int64_t minute);

/* A cell belongs to a group from now on. */
void nodes_join(struct cell *cell, struct group *group);

/* What a node holds besides itself has changed. */
void nodes_account(struct nodes *nodes, struct node *node);

/* Something else holds so much of the memory. */
void nodes_reserve(struct nodes *nodes, size_t bytes);

/* Free what was quiet for a day, and what there is no room for. */
void nodes_sweep(struct nodes *nodes, int64_t minute);

/* Call for each node. */
void nodes_each(struct nodes *nodes, void (*each)(struct node *node, void *context),
    void *context);

size_t nodes_bytes(const struct nodes *nodes);
uint64_t nodes_count(const struct nodes *nodes);
uint64_t nodes_forgotten(const struct nodes *nodes);

#endif
