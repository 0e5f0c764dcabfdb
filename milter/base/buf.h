/*
 * buf: a growing run of bytes, kept NUL-terminated. The owner frees it; a
 * zeroed struct is an empty buffer.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *data; /* NULL until something was added */
	size_t len;
	size_t size;
};

void buf_free(struct buf *buf);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *buf);

void buf_add(struct buf *buf, struct str s);
void buf_add_byte(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The content; valid until the next change. */
struct str buf_str(const struct buf *buf);

/* The content as a C string, "" when empty; valid until the next change. */
const char *buf_cstr(const struct buf *buf);

#endif
