#include "store/brake.h"

#include "base/buf.h"

#define SLOTS 10

static const struct str brake_key = { "brake", 5 };

struct slot {
	uint64_t slot; /* time / length of a slot */
	uint64_t count;
};

static int64_t
slot_of(int64_t now, int64_t window_sec)
{
	int64_t length = window_sec / SLOTS;

	return now / (length > 0 ? length : 1);
}

/* The slots that are still in the window. Returns how many, or -1. */
static int
read_slots(struct store_txn *txn, int64_t newest, struct slot slots[SLOTS + 1],
    const char **error_r)
{
	struct str value, word;
	int count = 0, ret = store_get(txn, STORE_META, brake_key, &value, error_r);

	if (ret != 1)
		return ret;
	while (count < SLOTS && str_next_word(&value, &word)) {
		struct slot *slot = &slots[count];

		if (str_number(word, &slot->slot) == -1 || !str_next_word(&value, &word) ||
		    str_number(word, &slot->count) == -1)
			break;
		/* A window that was changed, or a clock that was set back,
		   leaves numbers of no meaning. */
		if ((int64_t)slot->slot > newest - SLOTS && (int64_t)slot->slot <= newest)
			count++;
	}
	return count;
}

int
brake_count(struct store_txn *txn, int64_t now, int64_t window_sec, unsigned *count_r,
    const char **error_r)
{
	struct slot slots[SLOTS + 1];
	int count = read_slots(txn, slot_of(now, window_sec), slots, error_r);

	*count_r = 0;
	for (int i = 0; i < count; i++)
		*count_r += (unsigned)slots[i].count;
	return count == -1 ? -1 : 0;
}

int
brake_add(struct store_txn *txn, int64_t now, int64_t window_sec, const char **error_r)
{
	int64_t newest = slot_of(now, window_sec);
	struct slot slots[SLOTS + 1];
	int count = read_slots(txn, newest, slots, error_r), i = 0, ret;
	struct buf text = { 0 };

	if (count == -1)
		return -1;
	while (i < count && slots[i].slot != (uint64_t)newest)
		i++;
	if (i == count)
		slots[count++] = (struct slot){ .slot = (uint64_t)newest };
	slots[i].count++;
	for (i = 0; i < count; i++)
		buf_printf(&text, "%llu %llu ", (unsigned long long)slots[i].slot,
		    (unsigned long long)slots[i].count);
	ret = store_put(txn, STORE_META, brake_key, buf_str(&text), error_r);
	buf_free(&text);
	return ret;
}
