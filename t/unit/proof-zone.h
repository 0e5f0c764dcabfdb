/* A zone file that a test writes, and the DNS that reads it. */
#ifndef T_UNIT_PROOF_ZONE_H
#define T_UNIT_PROOF_ZONE_H

#include "support.h"

#include <unistd.h>

#include "base/clock.h"
#include "proof/dns.h"

struct zone {
	char path[32];
	FILE *file;
};

static inline void
zone_begin(struct zone *zone)
{
	int fd;

	strcpy(zone->path, "/tmp/bm-zone-XXXXXX");
	fd = mkstemp(zone->path);
	zone->file = fd == -1 ? NULL : fdopen(fd, "w");
	assert_non_null(zone->file);
}

/* A TXT record, in strings of 255 bytes. */
static inline void
zone_txt(const struct zone *zone, const char *name, const char *text)
{
	fprintf(zone->file, "%s. TXT \"", name);
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (i > 0 && i % 255 == 0)
			fputs("\" \"", zone->file);
		if (text[i] == '"' || text[i] == '\\')
			fputc('\\', zone->file);
		fputc(text[i], zone->file);
	}
	fputs("\"\n", zone->file);
}

static inline struct dns *
zone_end(const struct zone *zone)
{
	const char *error = "";
	struct dns *dns;

	fclose(zone->file);
	check(dns_new(zone->path, "", &dns, &error) == 0, "%s", error);
	unlink(zone->path);
	return dns;
}

/* A deadline that no test comes near. */
static inline int64_t
soon(void)
{
	return clock_monotonic_msec() + 60000;
}

#endif
