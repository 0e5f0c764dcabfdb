#include "tool/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/msg.h"

void
names_init(struct names *names, size_t bytes_most)
{
	*names = (struct names){ .bytes_most = bytes_most };
}

void
names_free(struct names *names)
{
	buf_free(&names->text);
	free(names->list);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Make the sorted list out of the text. */
static void
sort(struct names *names)
{
	const char *name = buf_cstr(&names->text), *end = name + names->text.len;

	if (names->count > names->size) {
		names->size = names->count;
		free(names->list);
		names->list = calloc(names->size, sizeof(names->list[0]));
		if (names->list == NULL)
			msg_out_of_memory();
	}
	for (size_t i = 0; name < end; name += strlen(name) + 1)
		names->list[i++] = name;
	if (names->count > 0)
		qsort(names->list, names->count, sizeof(names->list[0]), compare);
}

/* Drop the half that comes last. */
static void
drop_half(struct names *names)
{
	struct buf kept = { 0 };

	sort(names);
	names->count /= 2;
	for (size_t i = 0; i < names->count; i++)
		buf_add(&kept, (struct str){ names->list[i], strlen(names->list[i]) + 1 });
	buf_free(&names->text);
	names->text = kept;
	names->more = true;
	sort(names);
}

static void
add(struct names *names, const char *name, const char *after, char *before)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, after) <= 0)
		return;
	/* What was dropped has set a bound. */
	if (before[0] != '\0' && strcmp(name, before) > 0)
		return;
	buf_add(&names->text, (struct str){ name, strlen(name) + 1 });
	names->count++;
	if (names->text.len + names->count * sizeof(names->list[0]) <= names->bytes_most ||
	    names->count < 2)
		return;
	drop_half(names);
	memcpy(before, names->list[names->count - 1],
	    strlen(names->list[names->count - 1]) + 1);
}

int
names_read(struct names *names, int dir_fd, const char *after)
{
	char before[NAME_MAX + 1] = "";
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	names->count = 0;
	names->more = false;
	buf_clear(&names->text);
	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL)
		add(names, entry->d_name, after, before);
	if (errno != 0) {
		int saved = errno;

		closedir(dir);
		errno = saved;
		return -1;
	}
	closedir(dir);
	sort(names);
	return 0;
}
