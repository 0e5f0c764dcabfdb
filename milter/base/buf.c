#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/msg.h"

void
buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){ 0 };
}

void
buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

/* Make room for `more` bytes and the final NUL. */
static void
reserve(struct buf *buf, size_t more)
{
	size_t size = buf->size == 0 ? 256 : buf->size;
	char *data;

	while (size - buf->len <= more)
		size *= 2;
	if (size == buf->size)
		return;
	data = realloc(buf->data, size);
	if (data == NULL)
		msg_out_of_memory();
	buf->data = data;
	buf->size = size;
}

void
buf_add(struct buf *buf, struct str s)
{
	reserve(buf, s.len);
	if (s.len > 0)
		memcpy(buf->data + buf->len, s.data, s.len);
	buf->len += s.len;
	buf->data[buf->len] = '\0';
}

void
buf_add_byte(struct buf *buf, char byte)
{
	buf_add(buf, (struct str){ &byte, 1 });
}

void
buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len > 0) {
		reserve(buf, (size_t)len);
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

struct str
buf_str(const struct buf *buf)
{
	return (struct str){ buf_cstr(buf), buf->len };
}

const char *
buf_cstr(const struct buf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}
