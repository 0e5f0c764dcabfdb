/* What the fuzz targets share. */
#ifndef T_FUZZ_SUPPORT_H
#define T_FUZZ_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "parse/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of a header; a broken one is a crash. */
#define promise(condition) do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* One line of valid UTF-8 without control characters. */
static inline void
promise_clean(const char *text)
{
	promise(charset_is_utf8(str_of(text)));
	for (const char *p = text; *p != '\0'; p++)
		promise((unsigned char)*p >= ' ' && *p != 0x7f);
}

#endif
