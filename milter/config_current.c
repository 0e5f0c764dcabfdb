#include <pthread.h>

#include "config.h"

/* The one configuration that is in force; replaced as a whole. */
static struct config *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

/* Drop a reference; the lock is held. */
static void
put_locked(struct config *config)
{
	if (--config->references > 0)
		return;
	rule_set_free(config->rules);
	providers_free(config->providers);
	tag_keys_free(config->tag_keys);
	arena_free(config->arena);
}

void
config_set_current(struct config *config)
{
	pthread_mutex_lock(&current_lock);
	if (current != NULL)
		put_locked(current);
	current = config;
	pthread_mutex_unlock(&current_lock);
}

struct config *
config_get(void)
{
	struct config *config;

	pthread_mutex_lock(&current_lock);
	config = current;
	config->references++;
	pthread_mutex_unlock(&current_lock);
	return config;
}

void
config_put(struct config *config)
{
	if (config == NULL)
		return;
	pthread_mutex_lock(&current_lock);
	put_locked(config);
	pthread_mutex_unlock(&current_lock);
}

bool
config_is_own_client(const struct config *config, const char *address, const char *login)
{
	return login[0] != '\0' ||
	    net_contains(config->own_clients.nets, config->own_clients.count, address);
}
