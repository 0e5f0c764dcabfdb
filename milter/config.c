#include "config.h"

#include <confuse.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/msg.h"
#include "config_postfix.h"
#include "config_proof.h"
#include "config_settings.h"

#define FILE_BYTES (1024 * 1024)

/* libconfuse reports through callbacks that carry no context of ours. */
static _Thread_local struct {
	const char *path;
	char error[512];
} loading;

static void
note_error(cfg_t *cfg, const char *format, va_list args)
{
	char text[400];

	/* The first error is the cause, what follows is its echo. */
	if (loading.error[0] != '\0')
		return;
	vsnprintf(text, sizeof(text), format, args);
	snprintf(loading.error, sizeof(loading.error), "%s:%d: %s",
	    cfg != NULL && cfg->filename != NULL ? cfg->filename : loading.path,
	    cfg != NULL ? cfg->line : 0, text);
}

static const struct setting *
find_setting(const struct setting *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

/* Called by libconfuse for every value while its line is known: a value that
   does not parse is reported where it stands. */
static int
validate_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct setting *setting = find_setting(settings, SETTING_COUNT, opt->name);
	const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1), *wanted, *name;
	union { struct config config; struct policy_category category; } scratch = { 0 };
	struct arena *arena;
	struct net net;

	if (setting == NULL)
		setting = find_setting(category_settings, CATEGORY_SETTING_COUNT, opt->name);
	if (setting == NULL)
		setting = find_setting(log_settings, LOG_SETTING_COUNT, opt->name);
	if (setting->type == TYPE_NETS && net_parse(str_of(value), &net) == -1) {
		cfg_error(cfg, "\"%s\" in %s is no address or network", value, opt->name);
		return -1;
	}
	arena = arena_new();
	if (setting->type == TYPE_LIST && setting_name(str_of(value), arena, &name) == 0) {
		cfg_error(cfg, "\"%s\" in %s is neither an address nor a domain", value, opt->name);
		arena_free(arena);
		return -1;
	}
	wanted = setting_parse(setting, arena, &scratch, value);
	if (wanted != NULL)
		cfg_error(cfg, "\"%s\" is no value for %s: write %s", value, opt->name, wanted);
	arena_free(arena);
	return wanted == NULL ? 0 : -1;
}

/* Does the section set this option to this value? */
static bool
is_value(cfg_t *section, const char *name, const char *value)
{
	return cfg_size(section, name) > 0 && strcmp(cfg_getstr(section, name), value) == 0;
}

static int
validate_category(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	enum category category;
	int64_t within = 1;

	if (cfg_size(section, "within") > 0)
		clock_scan_span(str_of(cfg_getstr(section, "within")), &within);
	if (category_find(str_of(cfg_title(section)), &category) == 0 ||
	    category == CATEGORY_LOCAL || category == CATEGORY_UNKNOWN) {
		cfg_error(cfg, "\"%s\" is no category that can be set", cfg_title(section));
		return -1;
	}
	if (within == 0 && !is_value(section, "consecutive", "yes")) {
		cfg_error(cfg, "within = 0 in category %s sets no bound in time: that needs "
		    "consecutive = yes", cfg_title(section));
		return -1;
	}
	return 0;
}

/* There is one log. */
static int
validate_log(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	int count = (cfg_size(section, "file") > 0 && !is_value(section, "file", "")) +
	    is_value(section, "journal", "yes") + is_value(section, "none", "yes");

	if (count > 1) {
		cfg_error(cfg, "log is one of file, journal = yes and none = yes");
		return -1;
	}
	if (cfg_size(section, "file") > 0 && cfg_getstr(section, "file")[0] != '/' &&
	    !is_value(section, "file", "")) {
		cfg_error(cfg, "\"%s\" is no full path of a log file",
		    cfg_getstr(section, "file"));
		return -1;
	}
	return 0;
}

/* Behind a comment that begins at `at`, or `at` itself if none does. */
static size_t
skip_comment(struct str text, size_t at)
{
	struct str rest = str_sub(text, at, text.len);
	bool line = str_istarts(rest, STR("#")) || str_istarts(rest, STR("//"));
	size_t end;

	if (!line && !str_istarts(rest, STR("/*")))
		return at;
	if (line)
		return str_find_byte(text, '\n', at, &end) ? end : text.len;
	return str_find(text, STR("*/"), at + 2, &end) ? end + 2 : text.len;
}

/* The line of a byte, from 1. */
static unsigned
line_of(struct str text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text.data[i] == '\n';
	return line;
}

/*
 * libconfuse accepts a file that ends inside a section. Count braces outside
 * of comments and quoted texts, so that the user hears of it.
 */
static int
check_braces(struct str text, const char *path, const char **error_r)
{
	size_t brace = 0, quote = 0;
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (quoted) {
			i += byte == '\\';
			quoted = byte != text.data[quote];
			continue;
		}
		i = skip_comment(text, i);
		if (i == text.len)
			break;
		byte = text.data[i];
		quoted = byte == '"' || byte == '\'';
		if (quoted)
			quote = i;
		if (byte == '{' && depth++ == 0)
			brace = i;
		depth -= byte == '}';
	}
	if (quoted)
		return msg_failure(error_r, "%s:%u: a quoted text is not closed", path,
		    line_of(text, quote));
	if (depth > 0)
		return msg_failure(error_r, "%s:%u: the { has no closing }", path,
		    line_of(text, brace));
	return 0;
}

static int
check_file(const char *path, const char **error_r)
{
	struct buf text = { 0 };
	int ret = file_read(path, FILE_BYTES, &text, error_r);

	if (ret == 0)
		ret = msg_failure(error_r, "%s: %s", path, strerror(ENOENT));
	if (ret == 1)
		ret = check_braces(buf_str(&text), path, error_r);
	buf_free(&text);
	return ret == -1 ? -1 : 0;
}

/* include("file"): checked as the first file is. */
static int
include_file(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	const char *error;

	if (argc == 1 && check_file(argv[0], &error) == -1) {
		cfg_error(cfg, "%s", error);
		return 1;
	}
	return cfg_include(cfg, opt, argc, argv);
}

/* Does the file set it, be it to an empty list? */
static bool
is_set(cfg_t *cfg, const char *name)
{
	cfg_opt_t *opt = cfg_getopt(cfg, name);

	return cfg_opt_size(opt) > 0 || (opt->flags & CFGF_MODIFIED) != 0;
}

static void
load_list(const struct setting *setting, cfg_t *cfg, struct config *config)
{
	unsigned count = cfg_size(cfg, setting->name);
	const char **list = arena_alloc(config->arena, (count + 1) * sizeof(*list));

	for (unsigned i = 0; i < count; i++)
		setting_name(str_of(cfg_getnstr(cfg, setting->name, i)), config->arena, &list[i]);
	*(const char *const **)((char *)config + setting->offset) = list;
}

/* The networks of the file, or else of the fallback. */
static void
load_nets(const struct setting *setting, cfg_t *cfg, struct config *config)
{
	struct str rest = str_of(setting->fallback == NULL ? "" : setting->fallback), word;
	unsigned count = cfg_size(cfg, setting->name);
	struct net_list *list = (void *)((char *)config + setting->offset);

	list->nets = arena_alloc(config->arena, (count + rest.len + 1) * sizeof(list->nets[0]));
	for (; list->count < count; list->count++)
		net_parse(str_of(cfg_getnstr(cfg, setting->name, list->count)),
		    &list->nets[list->count]);
	if (is_set(cfg, setting->name))
		return;
	while (str_next_word(&rest, &word))
		net_parse(word, &list->nets[list->count++]);
}

/* The words of the file, or else of the fallback. */
static void
load_words(const struct setting *setting, cfg_t *cfg, struct config *config)
{
	struct str rest = str_of(setting->fallback), word;

	for (unsigned i = 0; i < cfg_size(cfg, setting->name); i++)
		setting_parse(setting, config->arena, config, cfg_getnstr(cfg, setting->name, i));
	while (!is_set(cfg, setting->name) && str_next_word(&rest, &word))
		setting_parse(setting, config->arena, config, arena_strdup(config->arena, word));
}

static void
load_settings(cfg_t *cfg, struct config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *setting = &settings[i];

		if (setting->type == TYPE_LIST)
			load_list(setting, cfg, config);
		else if (setting->type == TYPE_NETS)
			load_nets(setting, cfg, config);
		else if (setting->type == TYPE_WORDS)
			load_words(setting, cfg, config);
		else
			setting_parse(setting, config->arena, config, cfg_size(cfg, setting->name) > 0 ?
			    cfg_getstr(cfg, setting->name) : setting->fallback);
	}
	if (config->table_dir[0] == '\0')
		config->table_dir = config->state_dir;
}

static void
load_log(cfg_t *section, struct config *config)
{
	for (size_t i = 0; i < LOG_SETTING_COUNT; i++) {
		const struct setting *setting = &log_settings[i];

		setting_parse(setting, config->arena, config, cfg_size(section, setting->name) > 0 ?
		    cfg_getstr(section, setting->name) : setting->fallback);
	}
}

static void
load_category(cfg_t *section, struct config *config)
{
	enum category category = CATEGORY_UNKNOWN;
	struct policy_category *target;
	enum action was;

	category_find(str_of(cfg_title(section)), &category);
	target = &config->policy.categories[category];
	was = target->action;
	for (size_t i = 0; i < CATEGORY_SETTING_COUNT; i++) {
		if (cfg_size(section, category_settings[i].name) > 0)
			setting_parse(&category_settings[i], config->arena, target,
			    cfg_getstr(section, category_settings[i].name));
	}
	target->opted_in = (was == ACTION_COUNT || was == ACTION_ALERT) &&
	    (target->action == ACTION_SUPPRESS || target->action == ACTION_THRESHOLD);
}

static void
load_policy(cfg_t *cfg, struct config *config)
{
	policy_init(&config->policy);
	for (unsigned i = 0; i < cfg_size(cfg, "category"); i++)
		load_category(cfg_getnsec(cfg, "category", i), config);
	config->policy.own_domains = config->own_domains;
	config->policy.never_suppress = config->never_suppress;
	config->policy.relays = config->relays.nets;
	config->policy.relay_count = config->relays.count;
	config->policy.relay_hosts = config->relay_hosts;
	config->policy.relay_host_count = config->relay_host_count;
	config->policy.max_suppressions = config->max_suppressions.count;
	config->policy.max_suppressions_sec = config->max_suppressions.span_sec;
}

/* The settings of a section in the form that libconfuse wants. */
static void
section_options(const struct setting *table, size_t count, cfg_opt_t *options)
{
	const cfg_opt_t end = CFG_END();

	for (size_t n = 0; n < count; n++)
		options[n] = (cfg_opt_t)CFG_STR((char *)table[n].name, NULL, CFGF_NODEFAULT);
	options[count] = end;
}

static void
validate_section(cfg_t *cfg, const char *section, const struct setting *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s|%s", section, table[i].name);
		cfg_set_validate_func(cfg, name, validate_value);
	}
}

/* The same for all of them. */
static cfg_t *
make_parser(cfg_opt_t *category_options, cfg_opt_t *log_options, cfg_opt_t *options)
{
	const cfg_opt_t end = CFG_END();
	size_t n = 0;
	cfg_t *cfg;

	section_options(category_settings, CATEGORY_SETTING_COUNT, category_options);
	section_options(log_settings, LOG_SETTING_COUNT, log_options);
	for (n = 0; n < SETTING_COUNT; n++) {
		options[n] = setting_is_list(&settings[n]) ?
		    (cfg_opt_t)CFG_STR_LIST((char *)settings[n].name, NULL, CFGF_NODEFAULT) :
		    (cfg_opt_t)CFG_STR((char *)settings[n].name, NULL, CFGF_NODEFAULT);
	}
	options[n++] = (cfg_opt_t)CFG_SEC("category", category_options,
	    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	options[n++] = (cfg_opt_t)CFG_SEC("log", log_options, CFGF_NONE);
	options[n++] = (cfg_opt_t)CFG_FUNC("include", include_file);
	options[n] = end;
	cfg = cfg_init(options, CFGF_NONE);
	if (cfg == NULL)
		msg_out_of_memory();
	cfg_set_error_function(cfg, note_error);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		cfg_set_validate_func(cfg, settings[i].name, validate_value);
	validate_section(cfg, "category", category_settings, CATEGORY_SETTING_COUNT);
	validate_section(cfg, "log", log_settings, LOG_SETTING_COUNT);
	cfg_set_validate_func(cfg, "category", validate_category);
	cfg_set_validate_func(cfg, "log", validate_log);
	return cfg;
}

static int
parse_file(const char *path, cfg_t *cfg, const char **error_r)
{
	if (check_file(path, error_r) == -1)
		return -1;
	loading.path = path;
	loading.error[0] = '\0';
	if (cfg_parse(cfg, path) == CFG_SUCCESS)
		return 0;
	return msg_failure(error_r, "%s", loading.error[0] != '\0' ? loading.error : path);
}

int
config_load(const char *path, struct config **config_r, const char **error_r)
{
	cfg_opt_t category_options[CATEGORY_SETTING_COUNT + 1];
	cfg_opt_t log_options[LOG_SETTING_COUNT + 1];
	cfg_opt_t options[SETTING_COUNT + 4];
	cfg_t *cfg = make_parser(category_options, log_options, options);
	struct arena *arena = arena_new();
	struct config *config = arena_alloc(arena, sizeof(*config));
	int ret;

	config->arena = arena;
	config->path = arena_strdup(arena, str_of(path));
	ret = parse_file(path, cfg, error_r);
	if (ret == 0) {
		load_settings(cfg, config);
		load_log(cfg_getsec(cfg, "log"), config);
		ret = config_ask_postfix(config, (is_set(cfg, "own-clients") ? 0 : ASK_CLIENTS) |
		    (is_set(cfg, "own-domains") ? 0 : ASK_DOMAINS) |
		    (is_set(cfg, "relays") ? 0 : ASK_RELAYS), error_r);
	}
	if (ret == 0) {
		load_policy(cfg, config);
		ret = config_complete_proofs(config, (is_set(cfg, "accept") ? SET_ACCEPT : 0) |
		    (is_set(cfg, "signing-domains") ? SET_SIGNING_DOMAINS : 0), error_r);
	}
	cfg_free(cfg);
	if (ret == 0)
		ret = rule_set_load(config->rules_dir, config->local_rules_dir, &config->rules,
		    error_r);
	if (ret == -1) {
		tag_keys_free(config->tag_keys);
		arena_free(arena);
		return -1;
	}
	config->references = 1;
	*config_r = config;
	return 0;
}

void
config_print(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		setting_print(&settings[i], config, out);
	for (unsigned i = 0; i < config->relay_host_count; i++)
		buf_printf(out, "# relays, while they are not set: %s, port %u (0: any), of Postfix\n",
		    config->relay_hosts[i].host, config->relay_hosts[i].port);
	buf_add(out, STR("log {\n"));
	for (size_t i = 0; i < LOG_SETTING_COUNT; i++) {
		buf_add_byte(out, '\t');
		setting_print(&log_settings[i], config, out);
	}
	buf_add(out, STR("}\n"));
	for (size_t c = 0; c < CATEGORY_COUNT; c++) {
		if (c == CATEGORY_LOCAL || c == CATEGORY_UNKNOWN)
			continue;
		buf_printf(out, "category %s {\n", category_name((enum category)c));
		for (size_t i = 0; i < CATEGORY_SETTING_COUNT; i++) {
			buf_add_byte(out, '\t');
			setting_print(&category_settings[i], &config->policy.categories[c], out);
		}
		buf_add(out, STR("}\n"));
	}
}

const char *
config_socket_path(const struct config *config)
{
	if (str_istarts(str_of(config->socket), STR("unix:")))
		return config->socket + 5;
	if (str_istarts(str_of(config->socket), STR("local:")))
		return config->socket + 6;
	return NULL;
}
