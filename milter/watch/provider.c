#include "watch/provider.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/msg.h"
#include "parse/address.h"
#include "parse/domain.h"
#include "parse/returnpath.h"

#define FILE_BYTES (1024 * 1024)

/* A domain, and whose it is. */
struct entry {
	const char *domain;
	const struct provider *provider;
	unsigned line;
};

/* Of one file, or of both: sorted by domain once it is read. */
struct entries {
	struct entry *entries;
	unsigned count;
};

struct providers {
	struct arena *arena;
	struct entries all;
};

/* Where a file is read. */
struct place {
	const char *path;
	unsigned line;
};

static int
compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->domain, ((const struct entry *)b)->domain);
}

static const struct entry *
find_entry(const struct entries *list, const char *domain)
{
	const struct entry key = { .domain = domain };

	return list->count == 0 ? NULL :
	    bsearch(&key, list->entries, list->count, sizeof(key), compare_entries);
}

/* It stands in subjects of mail and in labels. */
static bool
is_name(struct str word)
{
	if (word.len == 0 || word.len > PROVIDERS_NAME_BYTES)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (!str_is_alnum(word.data[i]) && memchr(".-_+&", word.data[i], 5) == NULL)
			return false;
	}
	return true;
}

static int
add_domain(struct str word, const struct provider *provider, const struct place *place,
    struct arena *arena, struct entries *list, const char **error_r)
{
	const char *domain, *organisation;

	if (address_parse_domain(word, arena, &domain) == 0)
		return msg_failure(error_r, "%s:%u: \"%.*s\" is no domain", place->path, place->line,
		    STR_ARGS(word));
	organisation = domain_organisational(domain, arena);
	if (strcmp(organisation, domain) != 0)
		return msg_failure(error_r, "%s:%u: %s can never be found: write its organisational "
		    "domain, %s", place->path, place->line, domain, organisation);
	list->entries[list->count++] = (struct entry){ domain, provider, place->line };
	return 0;
}

/* "name major domain...": the domains into the list. */
static int
read_line(struct str rest, const struct place *place, struct arena *arena,
    struct entries *list, const char **error_r)
{
	struct provider *provider = arena_alloc(arena, sizeof(*provider));
	unsigned first = list->count;
	struct str name, major, word;

	str_next_word(&rest, &name);
	str_next_word(&rest, &major);
	if (!is_name(name))
		return msg_failure(error_r, "%s:%u: \"%.*s\" is no name: write at most %d letters, "
		    "digits and \".-_+&\"", place->path, place->line, STR_ARGS(name),
		    PROVIDERS_NAME_BYTES);
	provider->name = arena_strdup(arena, name);
	provider->major = str_equal(major, STR("major"));
	if (!provider->major && !str_equal(major, STR("-")))
		return msg_failure(error_r, "%s:%u: behind the name stands major or \"-\", not "
		    "\"%.*s\"", place->path, place->line, STR_ARGS(major));
	while (str_next_word(&rest, &word)) {
		if (add_domain(word, provider, place, arena, list, error_r) == -1)
			return -1;
	}
	if (list->count == first)
		return msg_failure(error_r, "%s:%u: %s has no domain", place->path, place->line,
		    provider->name);
	provider->domain = list->entries[first].domain;
	return 0;
}

static int
read_lines(struct str text, struct place *place, struct arena *arena, struct entries *list,
    const char **error_r)
{
	struct str line;

	while (str_next_piece(&text, '\n', &line)) {
		line = str_trim(line);
		if (++place->line > PROVIDERS_LINES_MOST)
			return msg_failure(error_r, "%s:%u: more than %d lines", place->path,
			    place->line, PROVIDERS_LINES_MOST);
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (read_line(line, place, arena, list, error_r) == -1)
			return -1;
	}
	return 0;
}

/* Sort, and see that no domain has two providers. */
static int
sort_entries(struct entries *list, const char *path, const char **error_r)
{
	if (list->count > 0)
		qsort(list->entries, list->count, sizeof(list->entries[0]), compare_entries);
	for (unsigned i = 1; i < list->count; i++) {
		const struct entry *a = &list->entries[i - 1], *b = &list->entries[i];

		if (strcmp(a->domain, b->domain) != 0)
			continue;
		return msg_failure(error_r, "%s:%u: the domain %s is already in line %u", path,
		    a->line > b->line ? a->line : b->line, a->domain,
		    a->line > b->line ? b->line : a->line);
	}
	return 0;
}

static int
read_list(const char *directory, struct arena *arena, struct entries *list_r,
    const char **error_r)
{
	struct place place = { arena_printf(arena, "%s/%s", directory, PROVIDERS_FILE), 0 };
	struct buf content = { 0 };
	struct str rest, word;
	unsigned words = 0;
	int ret;

	*list_r = (struct entries){ 0 };
	if (directory[0] == '\0')
		return 0;
	ret = file_read(place.path, FILE_BYTES, &content, error_r);
	if (ret == 1) {
		for (rest = buf_str(&content); str_next_word(&rest, &word);)
			words++;
		list_r->entries = arena_alloc(arena, (words + 1) * sizeof(list_r->entries[0]));
		ret = read_lines(buf_str(&content), &place, arena, list_r, error_r);
	}
	if (ret == 0)
		ret = sort_entries(list_r, place.path, error_r);
	buf_free(&content);
	return ret;
}

/* Both lists as one, without what the local one says otherwise. */
static void
merge(const struct entries *packaged, const struct entries *local, struct providers *providers)
{
	struct entries *all = &providers->all;

	all->entries = arena_alloc(providers->arena,
	    (packaged->count + local->count + 1) * sizeof(all->entries[0]));
	for (unsigned i = 0; i < local->count; i++)
		all->entries[all->count++] = local->entries[i];
	for (unsigned i = 0; i < packaged->count; i++) {
		struct entry entry = packaged->entries[i];
		const struct entry *taken = find_entry(local, entry.provider->domain);

		if (find_entry(local, entry.domain) != NULL)
			continue;
		if (taken != NULL)
			entry.provider = taken->provider;
		all->entries[all->count++] = entry;
	}
	if (all->count > 0)
		qsort(all->entries, all->count, sizeof(all->entries[0]), compare_entries);
}

int
providers_load(const char *directory, const char *local_directory,
    struct providers **providers_r, const char **error_r)
{
	struct arena *arena = arena_new();
	struct providers *providers = arena_alloc(arena, sizeof(*providers));
	struct entries packaged, local;

	providers->arena = arena;
	if (read_list(directory, arena, &packaged, error_r) == -1 ||
	    read_list(local_directory, arena, &local, error_r) == -1) {
		arena_free(arena);
		return -1;
	}
	merge(&packaged, &local, providers);
	*providers_r = providers;
	return 0;
}

void
providers_free(struct providers *providers)
{
	if (providers != NULL)
		arena_free(providers->arena);
}

struct provider
providers_find(const struct providers *providers, const char *domain)
{
	const struct entry *entry = providers == NULL ? NULL :
	    find_entry(&providers->all, domain);

	return entry != NULL ? *entry->provider :
	    (struct provider){ domain, domain, false };
}

const char *
provider_host(const struct bounce *bounce)
{
	if (bounce->server[0] != '\0')
		return bounce->server;
	return bounce->remote_mta[0] != '\0' ? bounce->remote_mta :
	    address_domain(bounce->recipient);
}

const char *
provider_of_bounce(const struct bounce *bounce, struct arena *arena)
{
	return domain_organisational(provider_host(bounce), arena);
}

const char *
provider_of_sender(const char *sender, struct arena *arena)
{
	const char *domain = address_domain(returnpath_sender(sender, arena));

	return domain[0] == '\0' ? "<>" : domain_organisational(domain, arena);
}
