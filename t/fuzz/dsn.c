/* The fields of a delivery-status part. */
#include "support.h"

#include "parse/dsn.h"
#include "parse/limits.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *type;
	struct dsn dsn;

	dsn_parse((struct str){ (const char *)data, size }, arena, &dsn);
	promise(dsn.count <= LIMITS_RECIPIENTS);
	for (unsigned i = 0; i < dsn.count; i++) {
		promise(dsn.recipients[i].diagnostic_code.len <= LIMITS_FIELD_BYTES);
		dsn_untyped(dsn.recipients[i].diagnostic_code, arena, &type);
	}
	arena_free(arena);
	return 0;
}
