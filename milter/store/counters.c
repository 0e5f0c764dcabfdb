#include "store/counters.h"

#include <stdio.h>
#include <string.h>

int
counters_add(struct store_txn *txn, const char *name, const char *label, const char *value,
    uint64_t add, const char **error_r)
{
	char key[256], bytes[STORE_NUMBER_BYTES];
	uint64_t number = 0;
	struct str have;
	int ret;

	if (label[0] == '\0')
		snprintf(key, sizeof(key), "%s", name);
	else
		snprintf(key, sizeof(key), "%s{%s=\"%s\"}", name, label, value);
	ret = store_get(txn, STORE_COUNTERS, str_of(key), &have, error_r);
	if (ret == -1)
		return -1;
	if (ret == 1)
		number = store_scan_number(have);
	return store_put(txn, STORE_COUNTERS, str_of(key), store_number(number + add, bytes),
	    error_r);
}
