#include "tool/batch.h"

#define KEPT_BYTES (256 * 1024)

void
batch_init(struct batch *batch)
{
	*batch = (struct batch){ .arena = arena_new() };
}

void
batch_free(struct batch *batch)
{
	arena_free(batch->arena);
	buf_free(&batch->content);
	buf_free(&batch->output);
	buf_free(&batch->troubles);
}

static void
clear(struct buf *buf)
{
	if (buf->size > KEPT_BYTES)
		buf_free(buf);
	else
		buf_clear(buf);
}

void
batch_clear(struct batch *batch)
{
	arena_reset(batch->arena);
	clear(&batch->content);
	clear(&batch->output);
	clear(&batch->troubles);
	batch->piece_count = 0;
	batch->bytes = 0;
	batch->totals = (struct totals){ 0 };
}

bool
batch_is_empty(const struct batch *batch)
{
	return batch->content.len == 0 && batch->piece_count == 0 && batch->troubles.len == 0;
}

void
batch_trouble(struct batch *batch, const char *name, const char *what)
{
	buf_printf(&batch->troubles, "%s: %s", name, what);
	buf_add_byte(&batch->troubles, '\0');
}
