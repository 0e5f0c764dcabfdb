/*
 * ratios: what bouncemilter-dump --rates shows: how much of the mail of each
 * sending domain bounces at each provider, and with which replies.
 */
#ifndef TOOL_RATIOS_H
#define TOOL_RATIOS_H

#include "store/rates.h"
#include "tool/print.h"

/* Sum up the hours from `since` to `until` (0: until now), of one sending domain
   or of all ("" ), and print them: by domain and provider, the busiest first.
   Text or JSON. Returns how many rows were printed, or -1 with a sentence. */
int ratios_print(struct store *store, enum print_format format, int64_t since, int64_t until,
    const char *domain, const char **error_r);

#endif
