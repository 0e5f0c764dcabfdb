/*
 * The time at the front of a log line: RFC 3339 as rsyslog writes it, or the
 * traditional "Nov 20 15:02:18", which has no year and no zone.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "parse/logline.h"

#define MINUTE_BYTES 16 /* "2026-11-20T15:02" */
#define TRADITIONAL_MINUTE_BYTES 12

/* Two digits, the first of which may be a blank. Returns -1 if they are not. */
static int
two_digits(const char *text)
{
	int tens = text[0] == ' ' ? 0 : str_is_digit(text[0]) ? text[0] - '0' : -1;

	return tens == -1 || !str_is_digit(text[1]) ? -1 : tens * 10 + text[1] - '0';
}

/* "+01:00", "Z" or "+0100" at `text`. Returns its length, 0 if it is none. */
static size_t
zone(struct str text, int64_t *offset_r)
{
	size_t minutes = text.len > 3 && text.data[3] == ':' ? 4 : 3;

	*offset_r = 0;
	if (text.len > 0 && text.data[0] == 'Z')
		return 1;
	if (text.len < minutes + 2 || (text.data[0] != '+' && text.data[0] != '-') ||
	    two_digits(text.data + 1) == -1 || two_digits(text.data + minutes) == -1)
		return 0;
	*offset_r = two_digits(text.data + 1) * 3600 + two_digits(text.data + minutes) * 60;
	if (text.data[0] == '-')
		*offset_r = -*offset_r;
	return minutes + 2;
}

static void
remember(struct logline_reader *reader, struct str line, size_t bytes, int64_t time)
{
	memcpy(reader->minute, line.data, bytes);
	reader->minute[bytes] = '\0';
	reader->minute_time = time;
}

static bool
is_remembered(const struct logline_reader *reader, struct str line, size_t bytes)
{
	return strlen(reader->minute) == bytes && memcmp(reader->minute, line.data, bytes) == 0;
}

static size_t
stamp_rfc3339(struct str line, struct logline_reader *reader, int64_t *time_r)
{
	char copy[MINUTE_BYTES + 1];
	size_t at = MINUTE_BYTES + 3, len;
	struct tm tm = { 0 };
	int64_t offset;

	if (line.data[MINUTE_BYTES] != ':' || two_digits(line.data + MINUTE_BYTES + 1) == -1)
		return 0;
	while (at < line.len && (str_is_digit(line.data[at]) || line.data[at] == '.'))
		at++;
	len = zone(str_sub(line, at, line.len), &offset);
	if (len == 0)
		return 0;
	if (!is_remembered(reader, line, MINUTE_BYTES)) {
		memcpy(copy, line.data, MINUTE_BYTES);
		copy[MINUTE_BYTES] = '\0';
		if (strptime(copy, "%Y-%m-%dT%H:%M", &tm) != copy + MINUTE_BYTES)
			return 0;
		remember(reader, line, MINUTE_BYTES, (int64_t)timegm(&tm));
	}
	*time_r = reader->minute_time + two_digits(line.data + MINUTE_BYTES + 1) - offset;
	return at + len;
}

/* The year is the last one that makes it the past; a clock may be a day ahead,
   also of New Year. */
static int64_t
guess_year(const struct tm *tm, int64_t now)
{
	struct tm today;
	time_t seconds = (time_t)now;
	int64_t time = 0;

	localtime_r(&seconds, &today);
	for (int year = today.tm_year + 1; year >= today.tm_year - 1; year--) {
		struct tm copy = *tm;

		copy.tm_year = year;
		copy.tm_isdst = -1;
		time = (int64_t)mktime(&copy);
		if (time <= now + CLOCK_DAY_SEC)
			break;
	}
	return time;
}

static size_t
stamp_traditional(struct str line, struct logline_reader *reader, int64_t *time_r)
{
	char copy[TRADITIONAL_MINUTE_BYTES + 1];
	struct tm tm = { 0 };

	if (line.data[TRADITIONAL_MINUTE_BYTES] != ':' ||
	    two_digits(line.data + TRADITIONAL_MINUTE_BYTES + 1) == -1)
		return 0;
	if (!is_remembered(reader, line, TRADITIONAL_MINUTE_BYTES)) {
		memcpy(copy, line.data, TRADITIONAL_MINUTE_BYTES);
		copy[TRADITIONAL_MINUTE_BYTES] = '\0';
		if (strptime(copy, "%b %e %H:%M", &tm) != copy + TRADITIONAL_MINUTE_BYTES)
			return 0;
		remember(reader, line, TRADITIONAL_MINUTE_BYTES, guess_year(&tm, reader->now));
	}
	*time_r = reader->minute_time + two_digits(line.data + TRADITIONAL_MINUTE_BYTES + 1);
	return TRADITIONAL_MINUTE_BYTES + 3;
}

size_t
logline_stamp(struct str line, struct logline_reader *reader, int64_t *time_r)
{
	*time_r = 0;
	if (line.len < MINUTE_BYTES + 4)
		return 0;
	return str_is_digit(line.data[0]) ? stamp_rfc3339(line, reader, time_r) :
	    stamp_traditional(line, reader, time_r);
}
