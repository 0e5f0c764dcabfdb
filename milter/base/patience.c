#include "base/patience.h"

void
patience_init(struct patience *patience)
{
	*patience = (struct patience){ .left_msec = PATIENCE_MOST_MSEC };
	pthread_mutex_init(&patience->lock, NULL);
}

void
patience_destroy(struct patience *patience)
{
	pthread_mutex_destroy(&patience->lock);
}

static void
add(struct patience *patience, int64_t msec)
{
	patience->left_msec += msec;
	if (patience->left_msec > PATIENCE_MOST_MSEC)
		patience->left_msec = PATIENCE_MOST_MSEC;
}

int64_t
patience_take(struct patience *patience, int64_t wanted_msec, int64_t now_msec)
{
	int64_t grown, taken;

	pthread_mutex_lock(&patience->lock);
	grown = (now_msec - patience->at_msec) * PATIENCE_PERCENT / 100;
	/* Of less than a millisecond the rest would be lost each time. */
	if (grown > 0) {
		add(patience, grown);
		patience->at_msec = now_msec;
	}
	taken = wanted_msec < patience->left_msec ? wanted_msec : patience->left_msec;
	patience->left_msec -= taken;
	pthread_mutex_unlock(&patience->lock);
	return taken;
}

void
patience_give_back(struct patience *patience, int64_t msec)
{
	pthread_mutex_lock(&patience->lock);
	add(patience, msec);
	pthread_mutex_unlock(&patience->lock);
}
