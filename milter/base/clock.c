#include "base/clock.h"

#include <string.h>
#include <strings.h>
#include <time.h>

/* The last second of the year 9999: more would not print as RFC 3339. */
#define TIME_LAST INT64_C(253402300799)

int64_t
clock_now(void)
{
	return (int64_t)time(NULL);
}

static int64_t
msec_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_now_msec(void)
{
	return msec_of(CLOCK_REALTIME);
}

int64_t
clock_monotonic_msec(void)
{
	return msec_of(CLOCK_MONOTONIC);
}

int64_t
clock_left_msec(int64_t monotonic_msec)
{
	int64_t left = monotonic_msec - clock_monotonic_msec();

	return left > 0 ? left : 0;
}

struct timespec
clock_timespec(int64_t monotonic_msec)
{
	return (struct timespec){ .tv_sec = monotonic_msec / 1000,
		.tv_nsec = monotonic_msec % 1000 * 1000000 };
}

void
clock_condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

const char *
clock_print(int64_t time, char text[CLOCK_TEXT_BYTES])
{
	time_t seconds = (time_t)time;
	struct tm tm;

	text[0] = '\0';
	if (time > 0 && time <= TIME_LAST && gmtime_r(&seconds, &tm) != NULL)
		strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

/* Copy a slice that is short enough to be a date. */
static int
copy_text(struct str s, char *text, size_t size)
{
	if (s.len == 0 || s.len >= size || memchr(s.data, '\0', s.len) != NULL)
		return -1;
	memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	return 0;
}

/* Two digits, or -1. */
static int
two_digits(const char *text)
{
	if (!str_is_digit(text[0]) || !str_is_digit(text[1]))
		return -1;
	return (text[0] - '0') * 10 + (text[1] - '0');
}

/* "Z", or "+hhmm" / "-hh:mm"; what follows is the caller's. */
static int
scan_zone(const char **rest, int64_t *offset_r)
{
	static const char *const names[] = { "Z", "GMT", "UTC", "UT" };
	const char *text = *rest;
	int hours, minutes;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncasecmp(text, names[i], strlen(names[i])) == 0) {
			*rest = text + strlen(names[i]);
			*offset_r = 0;
			return 0;
		}
	}
	if ((text[0] != '+' && text[0] != '-') || (hours = two_digits(text + 1)) == -1)
		return -1;
	*rest = text + (text[3] == ':' ? 4 : 3);
	minutes = two_digits(*rest);
	if (hours > 23 || minutes == -1 || minutes > 59)
		return -1;
	*rest += 2;
	*offset_r = (int64_t)(hours * 60 + minutes) * 60;
	if (text[0] == '-')
		*offset_r = -*offset_r;
	return 0;
}

/* The point in time of a date in UTC. Returns 0, or -1 if the month has no
   such day. */
static int
time_of(struct tm *tm, int64_t *time_r)
{
	int day = tm->tm_mday;

	/* A leap second would move on to the next day. */
	if (tm->tm_sec > 59)
		tm->tm_sec = 59;
	*time_r = (int64_t)timegm(tm);
	return tm->tm_mday == day ? 0 : -1;
}

static int
scan_rfc3339(const char *text, int64_t *time_r)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%d", &tm);
	int64_t offset = 0;

	if (rest == NULL)
		return -1;
	if (*rest != '\0') {
		if (*rest != 'T' && *rest != 't' && *rest != ' ')
			return -1;
		rest = strptime(rest + 1, "%H:%M:%S", &tm);
		if (rest == NULL)
			return -1;
		if (*rest == '.')
			rest += 1 + strspn(rest + 1, "0123456789");
		if (scan_zone(&rest, &offset) == -1 || *rest != '\0')
			return -1;
	}
	if (time_of(&tm, time_r) == -1)
		return -1;
	*time_r -= offset;
	return 0;
}

int
clock_scan(struct str text, int64_t now, int64_t *time_r)
{
	char copy[64];
	int64_t span;

	if (clock_scan_span(text, &span) == 0) {
		*time_r = now - span;
		return 0;
	}
	if (copy_text(text, copy, sizeof(copy)) == -1)
		return -1;
	return scan_rfc3339(copy, time_r);
}

int
clock_scan_header(struct str text, int64_t *time_r)
{
	struct tm tm = { 0 };
	const char *rest, *comma;
	int64_t offset;
	char copy[128];

	if (copy_text(str_trim(text), copy, sizeof(copy)) == -1)
		return -1;
	comma = strchr(copy, ',');
	rest = strptime(comma == NULL ? copy : comma + 1, " %d %b %Y %H:%M", &tm);
	if (rest == NULL)
		return -1;
	if (*rest == ':') {
		rest = strptime(rest + 1, "%S", &tm);
		if (rest == NULL)
			return -1;
	}
	rest += strspn(rest, " \t");
	if (scan_zone(&rest, &offset) == -1 || time_of(&tm, time_r) == -1)
		return -1;
	*time_r -= offset;
	return 0;
}

int
clock_scan_span(struct str text, int64_t *span_r)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', CLOCK_DAY_SEC } };
	uint64_t number;

	if (text.len == 1 && text.data[0] == '0') {
		*span_r = 0;
		return 0;
	}
	/* Nine digits of days still fit; ten would be a typing mistake. */
	if (text.len < 2 || text.len > 10 ||
	    str_number(str_sub(text, 0, text.len - 1), &number) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit == text.data[text.len - 1]) {
			*span_r = (int64_t)number * units[i].seconds;
			return 0;
		}
	}
	return -1;
}
