#include "parse/redacted.h"

#include <string.h>

#include "base/str.h"
#include "parse/address.h"

#define HASH_LEAST 20 /* a shorter run of base64 may be somebody's name */

/* What stands in place of a name. */
static const char *const names[] = {
	"hidden", "removed", "deleted", "anonymous", "anonymized", "anonymised", "obfuscated",
	"suppressed", "private",
};

/* ... and what no name has in it. */
static const char *const marks[] = { "redacted", "undisclosed", "**", "[", "xxxxx" };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The digest of MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal digits. */
static bool
is_digest(struct str local)
{
	if (local.len != 32 && local.len != 40 && local.len != 64 && local.len != 128)
		return false;
	for (size_t i = 0; i < local.len; i++) {
		if (!str_is_digit(local.data[i]) && (local.data[i] < 'a' || local.data[i] > 'f'))
			return false;
	}
	return true;
}

/* "xxx", "user-xxx": what people write for a name. */
static bool
is_crossed_out(struct str local)
{
	size_t kept = local.len;

	while (kept > 0 && local.data[kept - 1] == 'x')
		kept--;
	return local.len - kept >= 3 && (kept == 0 || local.data[kept - 1] == '-' ||
	    local.data[kept - 1] == '_');
}

bool
redacted_is(const char *address)
{
	struct str domain = str_of(address_domain(address)), local = str_of(address);
	size_t at;

	if (domain.len == 0)
		return true;
	local.len -= domain.len + 1;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (str_iequal(local, str_of(names[i])))
			return true;
	}
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		if (str_ifind(local, str_of(marks[i]), 0, &at) == 1)
			return true;
	}
	/* RFC 2606: a name that never is a host. */
	if (str_iends(domain, STR(".invalid")))
		return true;
	return is_digest(local) || is_crossed_out(local) ||
	    (local.len >= HASH_LEAST && local.data[local.len - 1] == '=');
}
