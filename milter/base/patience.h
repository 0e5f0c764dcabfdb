/*
 * patience: how long threads that others depend on may wait, all of them together.
 * It is used up by waiting, and grows again slowly.
 *
 * libmilter runs callbacks in a handful of threads: in a burst, mail stands behind
 * callbacks that wait. However many strangers make us wait, and for how long, they
 * never take more than this.
 */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H

#include <pthread.h>
#include <stdint.h>

#define PATIENCE_MOST_MSEC 1000 /* in one go */
#define PATIENCE_PERCENT 5      /* of the time that passes */

struct patience {
	pthread_mutex_t lock;
	int64_t left_msec, at_msec;
};

void patience_init(struct patience *patience);
void patience_destroy(struct patience *patience);

/* Take what is left of it, at most this much. `now_msec` is monotonic. */
int64_t patience_take(struct patience *patience, int64_t wanted_msec, int64_t now_msec);

/* What was taken and not used. */
void patience_give_back(struct patience *patience, int64_t msec);

#endif
