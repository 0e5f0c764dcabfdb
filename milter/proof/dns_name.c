#include "proof/dns_name.h"

#define LABEL_MOST 63

bool
dns_name_fold(struct str name, char folded_r[DNS_NAME_BYTES])
{
	size_t label = 0;

	folded_r[0] = '\0';
	if (name.len > 0 && name.data[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len >= DNS_NAME_BYTES || name.data[name.len - 1] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char byte = name.data[i];

		if (byte <= ' ' || byte > '~' || byte == '\\')
			return false;
		if (byte == '.' ? label == 0 : label == LABEL_MOST)
			return false;
		label = byte == '.' ? 0 : label + 1;
		folded_r[i] = str_lower(byte);
	}
	folded_r[name.len] = '\0';
	return true;
}
