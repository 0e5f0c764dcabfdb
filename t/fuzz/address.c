/* An address: what is accepted is a key, and its own normal form. */
#include "support.h"

#include "parse/address.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct str text = { (const char *)data, size };
	const char *address, *again, *domain;

	if (address_parse(text, arena, &address) == 1) {
		promise_clean(address);
		promise(address[0] != '@');
		promise(address_parse_domain(str_of(address_domain(address)), arena, &domain) == 1);
		promise(strcmp(domain, address_domain(address)) == 0);
		promise(strchr(domain, '.') != NULL);
		promise(address_parse(str_of(address), arena, &again) == 1);
		promise(strcmp(address, again) == 0);
		again = address_to_unicode(address, arena);
		promise(again == NULL || charset_is_utf8(str_of(again)));
	}
	address_of_field(text, arena);
	address_parse_domain(text, arena, &domain);
	arena_free(arena);
	return 0;
}
