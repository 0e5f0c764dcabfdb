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

#ifndef RULES_DIR
#error "RULES_DIR is set by the Makefile: where packaged rules are installed"
#endif

#define FILE_BYTES (1024 * 1024)

static const char *const mode_names[] = { [MODE_ENFORCE] = "enforce", [MODE_OBSERVE] = "observe" };
static const char *const enforce_names[] = {
	[ENFORCE_TABLE] = "table", [ENFORCE_MILTER] = "milter", [ENFORCE_BOTH] = "both",
};
static const char *const trust_local_names[] = {
	[TRUST_SEPARATE_PICKUP] = "separate-pickup", [TRUST_ALL] = "all",
};
static const char *const keep_names[] = { [KEEP_TEXT] = "text", [KEEP_REPORT] = "report" };

static const struct words mode_words = WORDS(mode_names);
static const struct words enforce_words = WORDS(enforce_names);
static const struct words trust_local_words = WORDS(trust_local_names);
static const struct words keep_words = WORDS(keep_names);

enum type { TYPE_TEXT, TYPE_WORD, TYPE_SPAN, TYPE_SIZE, TYPE_RATE, TYPE_NUMBER, TYPE_LIST,
	TYPE_NETS };

/*
 * One table says which settings there are, what they look like, and what holds
 * without them. NULL as default of a list: Postfix is asked.
 */
struct setting {
	const char *name;
	enum type type;
	size_t offset;
	const char *fallback;
	const struct words *words;
};

#define C(member) offsetof(struct config, member)
#define P(member) offsetof(struct policy_category, member)

static const struct setting settings[] = {
	{ "socket", TYPE_TEXT, C(socket), "unix:/var/spool/postfix/bouncemilter/milter.sock", NULL },
	{ "user", TYPE_TEXT, C(user), "bouncemilter", NULL },
	{ "state-dir", TYPE_TEXT, C(state_dir), "/var/lib/bouncemilter", NULL },
	{ "table-dir", TYPE_TEXT, C(table_dir), "", NULL },
	{ "postfix-config", TYPE_TEXT, C(postfix_config), "/etc/postfix", NULL },
	{ "rules-dir", TYPE_TEXT, C(rules_dir), RULES_DIR, NULL },
	{ "local-rules-dir", TYPE_TEXT, C(local_rules_dir), "/etc/bouncemilter/rules.d", NULL },
	{ "mode", TYPE_WORD, C(mode), "enforce", &mode_words },
	{ "enforce", TYPE_WORD, C(enforce), "table", &enforce_words },
	{ "trust-local", TYPE_WORD, C(trust_local), "separate-pickup", &trust_local_words },
	{ "trusted-reporters", TYPE_NETS, C(trusted_reporters), "", NULL },
	{ "own-clients", TYPE_NETS, C(own_clients), NULL, NULL },
	{ "own-domains", TYPE_LIST, C(own_domains), NULL, NULL },
	{ "never-suppress", TYPE_LIST, C(never_suppress), "", NULL },
	{ "max-suppressions", TYPE_RATE, C(max_suppressions), "200/10m", NULL },
	{ "keep", TYPE_WORD, C(keep), "text", &keep_words },
	{ "retention", TYPE_SPAN, C(retention_sec), "400d", NULL },
	{ "retention-unverified", TYPE_SPAN, C(retention_unverified_sec), "14d", NULL },
	{ "commit-timeout", TYPE_SPAN, C(commit_timeout_sec), "10s", NULL },
	{ "commit-timeout-local", TYPE_SPAN, C(commit_timeout_local_sec), "2s", NULL },
	{ "store-size", TYPE_SIZE, C(store_size_bytes), "16G", NULL },
};

static const struct setting category_settings[] = {
	{ "action", TYPE_WORD, P(action), NULL, &action_words },
	{ "table", TYPE_WORD, P(table), NULL, &table_set_words },
	{ "count", TYPE_NUMBER, P(count), NULL, NULL },
	{ "days", TYPE_NUMBER, P(days), NULL, NULL },
	{ "within", TYPE_SPAN, P(within_sec), NULL, NULL },
	{ "term", TYPE_SPAN, P(term_sec), NULL, NULL },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

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

static int
parse_size(struct str text, uint64_t *size_r)
{
	static const struct { char unit; uint64_t bytes; } units[] = {
		{ 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 },
	};

	for (size_t i = 0; text.len > 1 && i < COUNT_OF(units); i++) {
		if (text.data[text.len - 1] == units[i].unit &&
		    str_number(str_sub(text, 0, text.len - 1), size_r) == 0 &&
		    *size_r < UINT64_C(1) << 30) {
			*size_r *= units[i].bytes;
			return 0;
		}
	}
	return -1;
}

/* "200/10m", or 0 for no limit. */
static int
parse_rate(struct str text, unsigned *count_r, int64_t *span_r)
{
	struct str rest = text, count;
	uint64_t number;

	if (!str_next_piece(&rest, '/', &count) || str_number(str_trim(count), &number) == -1 ||
	    number > UINT32_MAX)
		return -1;
	*count_r = (unsigned)number;
	*span_r = 0;
	if (number == 0 && rest.len == 0)
		return 0;
	return clock_scan_span(str_trim(rest), span_r) == 0 && *span_r > 0 ? 0 : -1;
}

/* Put a single value into its place. Returns NULL, or what a value of this
   type looks like. */
static const char *
set_value(const struct setting *setting, struct arena *arena, void *base, const char *value)
{
	char *at = (char *)base + setting->offset;
	struct str text = str_of(value);
	struct rate *rate;
	uint64_t number;

	switch (setting->type) {
	case TYPE_TEXT:
		*(const char **)at = arena_strdup(arena, text);
		return NULL;
	case TYPE_WORD:
		if (words_find(setting->words, text, (unsigned *)at) == 1)
			return NULL;
		return "one of the words that bouncemilter.conf(5) lists";
	case TYPE_SPAN:
		return clock_scan_span(text, (int64_t *)at) == 0 ? NULL :
		    "a time with its unit, such as 30s, 15m, 12h or 365d";
	case TYPE_SIZE:
		return parse_size(text, (uint64_t *)at) == 0 ? NULL :
		    "a size with its unit, such as 512M or 16G";
	case TYPE_RATE:
		rate = (void *)at;
		return parse_rate(text, &rate->count, &rate->span_sec) == 0 ? NULL :
		    "a number and a time, such as 200/10m, or 0";
	case TYPE_NUMBER:
		if (str_number(text, &number) == 0 && number >= 1 && number <= POLICY_HISTORY_MOST) {
			*(unsigned *)at = (unsigned)number;
			return NULL;
		}
		return "a number from 1 to 32";
	case TYPE_LIST:
	case TYPE_NETS:
		break;
	}
	return NULL;
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
	const struct setting *setting = find_setting(settings, COUNT_OF(settings), opt->name);
	const char *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1), *wanted;
	union { struct config config; struct policy_category category; } scratch;
	struct arena *arena;
	struct net net;

	if (setting == NULL)
		setting = find_setting(category_settings, COUNT_OF(category_settings), opt->name);
	if (setting->type == TYPE_NETS && net_parse(str_of(value), &net) == -1) {
		cfg_error(cfg, "\"%s\" in %s is no address or network", value, opt->name);
		return -1;
	}
	arena = arena_new();
	wanted = set_value(setting, arena, &scratch, value);
	arena_free(arena);
	if (wanted != NULL) {
		cfg_error(cfg, "\"%s\" is no value for %s: write %s", value, opt->name, wanted);
		return -1;
	}
	return 0;
}

static int
validate_category(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	enum category category;

	if (category_find(str_of(cfg_title(section)), &category) == 1 &&
	    category != CATEGORY_LOCAL && category != CATEGORY_UNKNOWN)
		return 0;
	cfg_error(cfg, "\"%s\" is no category that can be set", cfg_title(section));
	return -1;
}

/*
 * libconfuse accepts a file that ends inside a section. Count braces outside
 * of comments and strings, so that the user hears of it.
 */
static int
check_braces(struct str text, const char *path, const char **error_r)
{
	unsigned line = 1, open_line = 0;
	int depth = 0;
	char quote = '\0';

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (byte == '\n')
			line++;
		if (quote != '\0') {
			if (byte == '\\')
				i++;
			else if (byte == quote)
				quote = '\0';
		} else if (byte == '"' || byte == '\'') {
			quote = byte;
		} else if (byte == '#') {
			while (i + 1 < text.len && text.data[i + 1] != '\n')
				i++;
		} else if (byte == '{') {
			if (depth++ == 0)
				open_line = line;
		} else if (byte == '}') {
			depth--;
		}
	}
	if (quote != '\0')
		return msg_failure(error_r, "%s:%u: a quoted text is not closed", path, line);
	if (depth > 0)
		return msg_failure(error_r, "%s:%u: the { has no closing }", path, open_line);
	return 0;
}

static void
load_list(const struct setting *setting, cfg_t *cfg, struct config *config)
{
	unsigned count = cfg_size(cfg, setting->name);
	const char **list = arena_alloc(config->arena, (count + 1) * sizeof(*list));
	struct net_list *nets = (void *)((char *)config + setting->offset);

	for (unsigned i = 0; i < count; i++) {
		struct str value = str_of(cfg_getnstr(cfg, setting->name, i));

		list[i] = arena_strdup(config->arena, value);
		for (char *p = (char *)list[i]; *p != '\0'; p++)
			*p = str_lower(*p);
	}
	if (setting->type == TYPE_LIST) {
		*(const char *const **)((char *)config + setting->offset) = list;
		return;
	}
	nets->nets = arena_alloc(config->arena, (count + 1) * sizeof(nets->nets[0]));
	for (; nets->count < count; nets->count++)
		net_parse(str_of(list[nets->count]), &nets->nets[nets->count]);
}

static void
load_settings(cfg_t *cfg, struct config *config)
{
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		const struct setting *setting = &settings[i];

		if (setting->type == TYPE_LIST || setting->type == TYPE_NETS)
			load_list(setting, cfg, config);
		else
			set_value(setting, config->arena, config, cfg_size(cfg, setting->name) > 0 ?
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
	for (size_t i = 0; i < COUNT_OF(category_settings); i++) {
		if (cfg_size(section, category_settings[i].name) > 0)
			set_value(&category_settings[i], config->arena, target,
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
	config->policy.max_suppressions = config->max_suppressions.count;
	config->policy.max_suppressions_sec = config->max_suppressions.span_sec;
}

/* The tables of settings in the form that libconfuse wants. */
static cfg_t *
make_parser(cfg_opt_t *category_options, cfg_opt_t *options)
{
	const cfg_opt_t end = CFG_END();
	size_t n = 0;
	cfg_t *cfg;

	for (n = 0; n < COUNT_OF(category_settings); n++)
		category_options[n] = (cfg_opt_t)CFG_STR((char *)category_settings[n].name, NULL,
		    CFGF_NODEFAULT);
	category_options[n] = end;
	for (n = 0; n < COUNT_OF(settings); n++) {
		bool list = settings[n].type == TYPE_LIST || settings[n].type == TYPE_NETS;

		options[n] = list ?
		    (cfg_opt_t)CFG_STR_LIST((char *)settings[n].name, NULL, CFGF_NODEFAULT) :
		    (cfg_opt_t)CFG_STR((char *)settings[n].name, NULL, CFGF_NODEFAULT);
	}
	options[n++] = (cfg_opt_t)CFG_SEC("category", category_options,
	    CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	options[n++] = (cfg_opt_t)CFG_FUNC("include", cfg_include);
	options[n] = end;
	cfg = cfg_init(options, CFGF_NONE);
	if (cfg == NULL)
		msg_out_of_memory();
	cfg_set_error_function(cfg, note_error);
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		cfg_set_validate_func(cfg, settings[i].name, validate_value);
	for (size_t i = 0; i < COUNT_OF(category_settings); i++) {
		char name[64];

		snprintf(name, sizeof(name), "category|%s", category_settings[i].name);
		cfg_set_validate_func(cfg, name, validate_value);
	}
	cfg_set_validate_func(cfg, "category", validate_category);
	return cfg;
}

static int
parse_file(const char *path, cfg_t *cfg, const char **error_r)
{
	struct buf text = { 0 };
	int ret = file_read(path, FILE_BYTES, &text, error_r);

	if (ret == 0)
		ret = msg_failure(error_r, "%s: %s", path, strerror(ENOENT));
	if (ret == 1)
		ret = check_braces(buf_str(&text), path, error_r);
	buf_free(&text);
	if (ret == -1)
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
	cfg_opt_t category_options[COUNT_OF(category_settings) + 1];
	cfg_opt_t options[COUNT_OF(settings) + 3];
	cfg_t *cfg = make_parser(category_options, options);
	struct arena *arena = arena_new();
	struct config *config = arena_alloc(arena, sizeof(*config));
	int ret;

	config->arena = arena;
	config->path = arena_strdup(arena, str_of(path));
	ret = parse_file(path, cfg, error_r);
	if (ret == 0) {
		load_settings(cfg, config);
		ret = config_ask_postfix(config, cfg_size(cfg, "own-clients") == 0,
		    cfg_size(cfg, "own-domains") == 0, error_r);
	}
	if (ret == 0) {
		load_policy(cfg, config);
		ret = rule_set_load(config->rules_dir, config->local_rules_dir, &config->rules,
		    error_r);
	}
	cfg_free(cfg);
	if (ret == -1) {
		arena_free(arena);
		return -1;
	}
	config->references = 1;
	*config_r = config;
	return 0;
}

static void
print_span(int64_t span, struct buf *out)
{
	if (span % CLOCK_DAY_SEC == 0 && span > 0)
		buf_printf(out, "%lldd", (long long)(span / CLOCK_DAY_SEC));
	else if (span % 60 == 0 && span > 0)
		buf_printf(out, "%lldm", (long long)(span / 60));
	else
		buf_printf(out, "%llds", (long long)span);
}

static void
print_nets(const struct net_list *list, struct buf *out)
{
	char text[NET_TEXT_BYTES];

	buf_add_byte(out, '{');
	for (unsigned i = 0; i < list->count; i++)
		buf_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", net_print(&list->nets[i], text));
	buf_add_byte(out, '}');
}

static void
print_list(const char *const *list, struct buf *out)
{
	buf_add_byte(out, '{');
	for (unsigned i = 0; list[i] != NULL; i++)
		buf_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", list[i]);
	buf_add_byte(out, '}');
}

static void
print_setting(const struct setting *setting, const void *base, struct buf *out)
{
	const char *at = (const char *)base + setting->offset;
	const struct rate *rate;

	buf_printf(out, "%s = ", setting->name);
	switch (setting->type) {
	case TYPE_TEXT:
		buf_printf(out, "\"%s\"", *(const char *const *)at);
		break;
	case TYPE_WORD:
		buf_printf(out, "%s", words_name(setting->words, *(const unsigned *)at));
		break;
	case TYPE_SPAN:
		print_span(*(const int64_t *)at, out);
		break;
	case TYPE_SIZE:
		buf_printf(out, "%lluK", (unsigned long long)(*(const uint64_t *)at >> 10));
		break;
	case TYPE_RATE:
		rate = (const void *)at;
		buf_printf(out, "%u/", rate->count);
		print_span(rate->span_sec, out);
		break;
	case TYPE_NUMBER:
		buf_printf(out, "%u", *(const unsigned *)at);
		break;
	case TYPE_LIST:
		print_list(*(const char *const *const *)at, out);
		break;
	case TYPE_NETS:
		print_nets((const void *)at, out);
		break;
	}
	buf_add_byte(out, '\n');
}

void
config_print(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		print_setting(&settings[i], config, out);
	for (size_t c = 0; c < CATEGORY_COUNT; c++) {
		if (c == CATEGORY_LOCAL || c == CATEGORY_UNKNOWN)
			continue;
		buf_printf(out, "category %s {\n", category_name((enum category)c));
		for (size_t i = 0; i < COUNT_OF(category_settings); i++) {
			buf_add_byte(out, '\t');
			print_setting(&category_settings[i], &config->policy.categories[c], out);
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
