/*
 * clock-preload.so: loaded into programs with LD_PRELOAD, it puts their clocks
 * forward or back, so that days pass in a test.
 *
 * BM_CLOCK names a file of FIELD_COUNT 64-bit numbers of seconds in the byte
 * order of the machine, which is mapped: the test changes it while they run,
 * and those in a chroot see it too. File times stay what they are.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { FIELD_REALTIME, FIELD_MONOTONIC, FIELD_COUNT };

static _Atomic int64_t *fields;

__attribute__((constructor)) static void
map_fields(void)
{
	const char *path = getenv("BM_CLOCK");
	int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd != -1)
		map = mmap(NULL, FIELD_COUNT * 8, PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		fields = map;
	if (fd != -1)
		close(fd);
}

static time_t
shift_of(clockid_t clock)
{
	if (fields == NULL)
		return 0;
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? fields[FIELD_REALTIME] :
	    clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ? fields[FIELD_MONOTONIC] : 0;
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int ret = (int)syscall(SYS_clock_gettime, clock, now);

	if (ret == 0)
		now->tv_sec += shift_of(clock);
	return ret;
}

time_t
time(time_t *now_r)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now_r != NULL)
		*now_r = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *now_r, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*now_r = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

/* The kernel waits by its own clocks. */
int
clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left_r)
{
	static __typeof__(&clock_nanosleep) real;
	struct timespec shifted = *until;

	if (flags == TIMER_ABSTIME)
		shifted.tv_sec -= shift_of(clock);
	/* A time that has passed is no error, one before the first second is. */
	if (shifted.tv_sec < 0)
		shifted.tv_sec = 0;
	if (real == NULL)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "clock_nanosleep");
	return real(clock, flags, &shifted, left_r);
}

/* The same. Which one is meant is not to be seen: a
   machine that ran for half of the time since 1970 is none. */
int
pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
    const struct timespec *until)
{
	static __typeof__(&pthread_cond_timedwait) real;
	struct timespec now, shifted = *until;
	clockid_t clock;

	clock_gettime(CLOCK_REALTIME, &now);
	clock = until->tv_sec > now.tv_sec / 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	shifted.tv_sec -= shift_of(clock);
	/* Without a version it would be an older one, of another layout. */
	if (real == NULL)
		real = (__typeof__(real))dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (real == NULL)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	return real(condition, mutex, &shifted);
}
