#include "config.h"

#include <confuse.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/msg.h"
#include "config_alert.h"
#include "config_braces.h"
#include "config_postfix.h"
#include "config_proof.h"
#include "config_settings.h"

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

/* What may be set in one place: in the file itself, or in a section of it. */
struct part {
	const char *name;
	const struct setting *settings;
	size_t count;
	cfg_flag_t flags;
	cfg_validate_callback_t validate; /* of a section that is read */
};

static int validate_category(cfg_t *cfg, cfg_opt_t *opt);
static int validate_log(cfg_t *cfg, cfg_opt_t *opt);
static int validate_alert(cfg_t *cfg, cfg_opt_t *opt);

#define TITLED (CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

enum { PART_FILE, PART_CATEGORY, PART_LOG, PART_ALERT, PARTS };

/* Of the largest part, with its sections, "include", and an end. */
#define PART_OPTIONS (SETTING_COUNT + PARTS + 1)

static const struct part parts[PARTS] = {
	[PART_FILE] = { "root", settings, SETTING_COUNT, CFGF_NONE, NULL },
	[PART_CATEGORY] = { "category", category_settings, CATEGORY_SETTING_COUNT, TITLED,
		validate_category },
	[PART_LOG] = { "log", log_settings, LOG_SETTING_COUNT, CFGF_NONE, validate_log },
	[PART_ALERT] = { "alert", alert_settings, ALERT_SETTING_COUNT, TITLED, validate_alert },
};

static const struct setting *
find_setting(const char *part, const char *name)
{
	for (size_t p = 0; p < PARTS; p++) {
		for (size_t i = 0; strcmp(parts[p].name, part) == 0 && i < parts[p].count; i++) {
			if (strcmp(parts[p].settings[i].name, name) == 0)
				return &parts[p].settings[i];
		}
	}
	return NULL;
}

/* What is wrong with a value? Returns NULL, or a sentence in the arena. */
static const char *
check_value(cfg_t *cfg, cfg_opt_t *opt, struct arena *arena)
{
	const struct setting *setting = find_setting(cfg_name(cfg), opt->name);
	unsigned last = cfg_opt_size(opt) - 1;
	const char *value = cfg_opt_getnstr(opt, last), *wrong = NULL;
	union {
		struct config config;
		struct policy_category category;
		struct watch_rule rule;
	} scratch = { 0 };

	if (strcmp(cfg_name(cfg), parts[PART_ALERT].name) == 0)
		wrong = alert_check_name(cfg_title(cfg), setting, arena);
	if (wrong != NULL)
		return wrong;
	wrong = setting_check_item(setting, last, str_of(value));
	if (wrong != NULL)
		return arena_printf(arena, "\"%s\" in %s is %s", value, opt->name, wrong);
	wrong = setting_parse(setting, arena, &scratch, value);
	return wrong == NULL ? NULL :
	    arena_printf(arena, "\"%s\" is no value for %s: write %s", value, opt->name, wrong);
}

/* Called by libconfuse for every value while its line is known: a value that
   does not parse is reported where it stands. */
static int
validate_value(cfg_t *cfg, cfg_opt_t *opt)
{
	struct arena *arena = arena_new();
	const char *wrong = check_value(cfg, opt, arena);

	if (wrong != NULL)
		cfg_error(cfg, "%s", wrong);
	arena_free(arena);
	return wrong == NULL ? 0 : -1;
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

/* The values of a section; what it does not set stays, or gets its fallback. */
static void
load_section(cfg_t *section, const struct part *part, struct arena *arena, void *base)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct setting *setting = &part->settings[i];

		if (cfg_size(section, setting->name) > 0)
			setting_parse(setting, arena, base, cfg_getstr(section, setting->name));
		else if (setting->fallback != NULL)
			setting_parse(setting, arena, base, setting->fallback);
	}
}

static int
validate_alert(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	struct arena *arena = arena_new();
	const char *wrong = alert_check_name(cfg_title(section), NULL, arena);
	struct watch_rules rules;
	unsigned rule;

	watch_rules_init(&rules);
	if (words_find(&watch_rule_words, str_of(cfg_title(section)), &rule) == 1) {
		load_section(section, &parts[PART_ALERT], arena, &rules.rules[rule]);
		wrong = alert_check(rule, &rules.rules[rule], arena);
	}
	if (wrong != NULL)
		cfg_error(cfg, "%s", wrong);
	arena_free(arena);
	return wrong == NULL ? 0 : -1;
}

/* include("file"): checked as the first file is. */
static int
include_file(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	const char *error;

	if (argc == 1 && config_check_file(argv[0], &error) == -1) {
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

	for (unsigned i = 0; i < count; i++) {
		struct str item = str_of(cfg_getnstr(cfg, setting->name, i));

		if (setting->type == TYPE_COMMAND)
			list[i] = arena_strdup(config->arena, item);
		else
			setting_name(item, config->arena, &list[i]);
	}
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

		if (setting->type == TYPE_LIST || setting->type == TYPE_COMMAND)
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
load_category(cfg_t *section, struct config *config)
{
	enum category category = CATEGORY_UNKNOWN;
	struct policy_category *target;
	enum action was;

	category_find(str_of(cfg_title(section)), &category);
	target = &config->policy.categories[category];
	was = target->action;
	load_section(section, &parts[PART_CATEGORY], config->arena, target);
	target->opted_in = (was == ACTION_COUNT || was == ACTION_ALERT) &&
	    (target->action == ACTION_SUPPRESS || target->action == ACTION_THRESHOLD);
}

static void
load_alerts(cfg_t *cfg, struct config *config)
{
	unsigned rule = 0;

	for (unsigned i = 0; i < cfg_size(cfg, "alert"); i++) {
		cfg_t *section = cfg_getnsec(cfg, "alert", i);

		words_find(&watch_rule_words, str_of(cfg_title(section)), &rule);
		load_section(section, &parts[PART_ALERT], config->arena, &config->alerts.rules[rule]);
	}
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

/* The settings of a part in the form that libconfuse wants. Returns how many. */
static size_t
make_options(const struct part *part, cfg_opt_t *options)
{
	const cfg_opt_t end = CFG_END();

	for (size_t n = 0; n < part->count; n++) {
		char *name = (char *)part->settings[n].name;

		options[n] = setting_is_list(&part->settings[n]) ?
		    (cfg_opt_t)CFG_STR_LIST(name, NULL, CFGF_NODEFAULT) :
		    (cfg_opt_t)CFG_STR(name, NULL, CFGF_NODEFAULT);
	}
	options[part->count] = end;
	return part->count;
}

static void
set_callbacks(cfg_t *cfg)
{
	char name[64];

	cfg_set_error_function(cfg, note_error);
	for (size_t p = 0; p < PARTS; p++) {
		for (size_t i = 0; i < parts[p].count; i++) {
			snprintf(name, sizeof(name), "%s%s%s", p == PART_FILE ? "" : parts[p].name,
			    p == PART_FILE ? "" : "|", parts[p].settings[i].name);
			cfg_set_validate_func(cfg, name, validate_value);
		}
		if (p != PART_FILE)
			cfg_set_validate_func(cfg, parts[p].name, parts[p].validate);
	}
}

/* It points into the options, which are the caller's. */
static cfg_t *
make_parser(cfg_opt_t options[PARTS][PART_OPTIONS])
{
	const cfg_opt_t end = CFG_END();
	cfg_opt_t *file = options[PART_FILE];
	size_t n = make_options(&parts[PART_FILE], file);
	cfg_t *cfg;

	for (size_t p = PART_FILE + 1; p < PARTS; p++) {
		make_options(&parts[p], options[p]);
		file[n++] = (cfg_opt_t)CFG_SEC((char *)parts[p].name, options[p], parts[p].flags);
	}
	file[n++] = (cfg_opt_t)CFG_FUNC("include", include_file);
	file[n] = end;
	cfg = cfg_init(file, CFGF_NONE);
	if (cfg == NULL)
		msg_out_of_memory();
	set_callbacks(cfg);
	return cfg;
}

static int
parse_file(const char *path, cfg_t *cfg, const char **error_r)
{
	if (config_check_file(path, error_r) == -1)
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
	cfg_opt_t options[PARTS][PART_OPTIONS];
	cfg_t *cfg = make_parser(options);
	struct arena *arena = arena_new();
	struct config *config = arena_alloc(arena, sizeof(*config));
	int ret;

	config->arena = arena;
	config->path = arena_strdup(arena, str_of(path));
	ret = parse_file(path, cfg, error_r);
	if (ret == 0) {
		watch_rules_init(&config->alerts);
		load_settings(cfg, config);
		load_section(cfg_getsec(cfg, "log"), &parts[PART_LOG], config->arena, config);
		load_alerts(cfg, config);
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
		ret = providers_load(config->rules_dir, config->local_rules_dir, &config->providers,
		    error_r);
	if (ret == 0)
		ret = rule_set_load(config->rules_dir, config->local_rules_dir, &config->rules,
		    error_r);
	if (ret == -1) {
		providers_free(config->providers);
		tag_keys_free(config->tag_keys);
		arena_free(arena);
		return -1;
	}
	config->references = 1;
	*config_r = config;
	return 0;
}

/* A section as the file has it; of an alert, what the rule has. */
static void
print_section(const struct part *part, const char *title, unsigned rule, const void *base,
    struct buf *out)
{
	buf_printf(out, "%s%s%s {\n", part->name, title[0] == '\0' ? "" : " ", title);
	for (size_t i = 0; i < part->count; i++) {
		if (part == &parts[PART_ALERT] && !alert_has(rule, &part->settings[i]))
			continue;
		buf_add_byte(out, '\t');
		setting_print(&part->settings[i], base, out);
	}
	buf_add(out, STR("}\n"));
}

void
config_print(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		setting_print(&settings[i], config, out);
	for (unsigned i = 0; i < config->relay_host_count; i++)
		buf_printf(out, "# relays, while they are not set: %s, port %u (0: any), of Postfix\n",
		    config->relay_hosts[i].host, config->relay_hosts[i].port);
	print_section(&parts[PART_LOG], "", 0, config, out);
	for (unsigned c = 0; c < CATEGORY_COUNT; c++) {
		if (c != CATEGORY_LOCAL && c != CATEGORY_UNKNOWN)
			print_section(&parts[PART_CATEGORY], category_name((enum category)c), 0,
			    &config->policy.categories[c], out);
	}
	for (unsigned r = 0; r < WATCH_RULES; r++)
		print_section(&parts[PART_ALERT], words_name(&watch_rule_words, r), r,
		    &config->alerts.rules[r], out);
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
