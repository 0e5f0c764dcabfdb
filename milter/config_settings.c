#include "config_settings.h"

#include <string.h>

#include "base/clock.h"
#include "parse/address.h"

#ifndef RULES_DIR
#error "RULES_DIR is set by the Makefile: where packaged rules are installed"
#endif

static const char *const mode_names[] = { [MODE_ENFORCE] = "enforce", [MODE_OBSERVE] = "observe" };
static const char *const enforce_names[] = {
	[ENFORCE_TABLE] = "table", [ENFORCE_MILTER] = "milter", [ENFORCE_BOTH] = "both",
};
static const char *const table_type_names[] = {
	[TABLE_LMDB] = "lmdb", [TABLE_CDB] = "cdb", [TABLE_BOTH] = "both",
};
static const char *const trust_local_names[] = {
	[TRUST_SEPARATE_PICKUP] = "separate-pickup", [TRUST_ALL] = "all",
};
static const char *const keep_names[] = { [KEEP_TEXT] = "text", [KEEP_REPORT] = "report" };

static const char *const ledger_names[] = {
	[LEDGER_AUTO] = "auto", [LEDGER_LOG] = "log", [LEDGER_MILTER] = "milter",
	[LEDGER_NONE] = "none",
};
static const char *const mark_names[] = { [MARK_TAG] = "tag", [MARK_ENVID] = "envid" };

static const char *const yes_names[] = { "no", "yes" };

static const struct words mode_words = WORDS(mode_names);
static const struct words enforce_words = WORDS(enforce_names);
static const struct words table_type_words = WORDS(table_type_names);
static const struct words trust_local_words = WORDS(trust_local_names);
static const struct words keep_words = WORDS(keep_names);
static const struct words ledger_words = WORDS(ledger_names);
static const struct words mark_words = WORDS(mark_names);
const struct words yes_words = WORDS(yes_names);

#define C(member) offsetof(struct config, member)
#define P(member) offsetof(struct policy_category, member)

const struct setting settings[SETTING_COUNT] = {
	{ "socket", TYPE_SOCKET, C(socket), "unix:/var/spool/postfix/bouncemilter/milter.sock", NULL,
		0, 0 },
	{ "user", TYPE_TEXT, C(user), "bouncemilter", NULL, 0, 0 },
	{ "state-dir", TYPE_TEXT, C(state_dir), "/var/lib/bouncemilter", NULL, 0, 0 },
	{ "table-dir", TYPE_TEXT, C(table_dir), "", NULL, 0, 0 },
	{ "table-type", TYPE_WORD, C(table_type), "lmdb", &table_type_words, 0, 0 },
	{ "postfix-config", TYPE_TEXT, C(postfix_config), "/etc/postfix", NULL, 0, 0 },
	{ "rules-dir", TYPE_TEXT, C(rules_dir), RULES_DIR, NULL, 0, 0 },
	{ "local-rules-dir", TYPE_TEXT, C(local_rules_dir), LOCAL_RULES_DIR, NULL, 0, 0 },
	{ "mode", TYPE_WORD, C(mode), "enforce", &mode_words, 0, 0 },
	{ "enforce", TYPE_WORD, C(enforce), "table", &enforce_words, 0, 0 },
	{ "trust-local", TYPE_WORD, C(trust_local), "separate-pickup", &trust_local_words, 0, 0 },
	{ "trusted-reporters", TYPE_NETS, C(trusted_reporters), "", NULL, 0, 0 },
	{ "accept", TYPE_WORDS, C(accept), "local relay ledger dkim", &accept_words, 0, 0 },
	{ "reject-unverified", TYPE_WORD, C(reject_unverified), "no", &yes_words, 0, 0 },
	{ "ledger", TYPE_WORD, C(ledger), "auto", &ledger_words, 0, 0 },
	{ "ledger-size", TYPE_SIZE, C(ledger_size_bytes), "16G", NULL, 0, 0 },
	{ "retention-sent", TYPE_SPAN, C(retention_sent_sec), "10d", NULL, 1, 0 },
	{ "key-file", TYPE_TEXT, C(key_file), "", NULL, 0, 0 },
	{ "mark", TYPE_WORDS, C(mark), "tag envid", &mark_words, 0, 0 },
	{ "signing-domains", TYPE_LIST, C(signing_domains), "", NULL, 0, 0 },
	{ "feedback-loops", TYPE_LIST, C(feedback_loops), "", NULL, 0, 0 },
	{ "dns-servers", TYPE_TEXT, C(dns_servers), "", NULL, 0, 0 },
	{ "dns-zone", TYPE_TEXT, C(dns_zone), "", NULL, 0, 0 },
	{ "relays", TYPE_NETS, C(relays), "127.0.0.0/8 ::1", NULL, 0, 0 },
	{ "own-clients", TYPE_NETS, C(own_clients), NULL, NULL, 0, 0 },
	{ "own-domains", TYPE_LIST, C(own_domains), NULL, NULL, 0, 0 },
	{ "never-suppress", TYPE_LIST, C(never_suppress), "", NULL, 0, 0 },
	{ "max-suppressions", TYPE_RATE, C(max_suppressions), "200/10m", NULL, 0, 0 },
	{ "keep", TYPE_WORD, C(keep), "text", &keep_words, 0, 0 },
	{ "retention", TYPE_SPAN, C(retention_sec), "400d", NULL, 0, 0 },
	{ "retention-unverified", TYPE_SPAN, C(retention_unverified_sec), "14d", NULL, 1, 0 },
	{ "commit-timeout", TYPE_SPAN, C(commit_timeout_sec), "10s", NULL, 1, 0 },
	{ "commit-timeout-local", TYPE_SPAN, C(commit_timeout_local_sec), "2s", NULL, 1, 0 },
	{ "store-size", TYPE_SIZE, C(store_size_bytes), "16G", NULL, 0, 0 },
	{ "alert-command", TYPE_COMMAND, C(alert_command), "", NULL, 0, 0 },
	{ "alert-command-timeout", TYPE_SPAN, C(alert_command_limit_sec), "30s", NULL, 1, 300 },
	{ "alert-mail", TYPE_MAIL, C(alert_mail), "", NULL, 0, 0 },
	{ "sendmail-path", TYPE_PATH, C(sendmail_path), "/usr/sbin/sendmail", NULL, 1, 0 },
	{ "alert-textfile", TYPE_PATH, C(alert_textfile), "", NULL, 0, 0 },
	{ "alerts-per-hour", TYPE_NUMBER, C(alerts.alerts_per_hour), "20", NULL, 1, 1000000 },
	{ "outbound-address", TYPE_ADDRESS, C(outbound_address), "", NULL, 0, 0 },
};

const struct setting category_settings[CATEGORY_SETTING_COUNT] = {
	{ "action", TYPE_WORD, P(action), NULL, &action_words, 0, 0 },
	{ "table", TYPE_WORD, P(table), NULL, &table_set_words, 0, 0 },
	{ "unit", TYPE_WORD, P(unit), NULL, &unit_words, 0, 0 },
	{ "count", TYPE_NUMBER, P(count), NULL, NULL, 1, POLICY_HISTORY_MOST },
	{ "days", TYPE_NUMBER, P(days), NULL, NULL, 1, POLICY_HISTORY_MOST },
	{ "within", TYPE_SPAN, P(within_sec), NULL, NULL, 0, 0 },
	{ "consecutive", TYPE_WORD, P(consecutive), NULL, &yes_words, 0, 0 },
	{ "term", TYPE_SPAN, P(term_sec), NULL, NULL, 0, 0 },
};

const struct setting log_settings[LOG_SETTING_COUNT] = {
	{ "file", TYPE_TEXT, C(log_file), "", NULL, 0, 0 },
	{ "journal", TYPE_WORD, C(log_journal), "no", &yes_words, 0, 0 },
	{ "journal-dir", TYPE_TEXT, C(log_journal_dir), "", NULL, 0, 0 },
	{ "none", TYPE_WORD, C(log_none), "no", &yes_words, 0, 0 },
};

static int
parse_size(struct str text, uint64_t *size_r)
{
	static const struct { char unit; uint64_t bytes; } units[] = {
		{ 'K', 1 << 10 }, { 'M', 1 << 20 }, { 'G', 1 << 30 },
	};

	for (size_t i = 0; text.len > 1 && i < sizeof(units) / sizeof(units[0]); i++) {
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

static bool
is_socket(struct str text)
{
	return str_istarts(text, STR("unix:/")) || str_istarts(text, STR("local:/")) ||
	    ((str_istarts(text, STR("inet:")) || str_istarts(text, STR("inet6:"))) &&
		memchr(text.data, '@', text.len) != NULL);
}

const char *
setting_list_words(const struct words *words, struct arena *arena)
{
	const char *list = words->names[0];

	for (unsigned i = 1; i < words->count; i++)
		list = arena_printf(arena, "%s%s%s", list, i + 1 == words->count ? " or " : ", ",
		    words->names[i]);
	return list;
}

/* "2%", "0.25%" in millionths. */
static int
parse_ratio(struct str text, unsigned *ratio_r)
{
	struct str rest, whole;
	uint64_t number, fraction = 0;

	if (!str_iends(text, STR("%")))
		return -1;
	rest = str_sub(text, 0, text.len - 1);
	if (!str_next_piece(&rest, '.', &whole) || str_number(whole, &number) == -1 ||
	    number > 100 || rest.len > 4)
		return -1;
	if (whole.len < text.len - 1 && str_number(rest, &fraction) == -1)
		return -1;
	for (size_t i = rest.len; i < 4; i++)
		fraction *= 10;
	*ratio_r = (unsigned)(number * (RATIO_ONE / 100) + fraction);
	return *ratio_r > 0 && *ratio_r <= RATIO_ONE ? 0 : -1;
}

/* An IP address by itself, as it is printed. */
static int
parse_address(struct str text, struct arena *arena, const char **address_r)
{
	char printed[NET_TEXT_BYTES];
	struct net net;

	if (memchr(text.data, '/', text.len) != NULL || net_parse(text, &net) == -1)
		return -1;
	*address_r = arena_strdup(arena, str_of(net_print(&net, printed)));
	return 0;
}

/* The types that end as a text. Returns as setting_parse() does. */
static const char *
parse_text(const struct setting *setting, struct arena *arena, const char **at,
    struct str text)
{
	*at = arena_strdup(arena, text);
	switch (setting->type) {
	case TYPE_SOCKET:
		return is_socket(text) ? NULL : "unix:/path, inet:port@host or inet6:port@host";
	case TYPE_PATH:
		if (text.len == 0 ? setting->least == 0 : text.data[0] == '/')
			return NULL;
		return setting->least == 0 ? "a full path, or \"\" for none" : "a full path";
	case TYPE_MAIL:
		return text.len == 0 || address_parse(text, arena, at) == 1 ? NULL :
		    "a mail address, such as postmaster@example.com, or \"\" for none";
	case TYPE_ADDRESS:
		return text.len == 0 || parse_address(text, arena, at) == 0 ? NULL :
		    "an IP address, such as 192.0.2.1, or \"\" for none";
	default:
		return NULL;
	}
}

static const char *
parse_span(const struct setting *setting, struct arena *arena, int64_t *at, struct str text)
{
	if (clock_scan_span(text, at) == 0 && *at >= setting->least &&
	    (setting->most == 0 || *at <= setting->most))
		return NULL;
	if (setting->most > 0)
		return arena_printf(arena, "a time with its unit, from %llds to %lldm",
		    (long long)setting->least, (long long)setting->most / 60);
	return setting->least > 0 ?
	    "a time above 0 with its unit, such as 30s, 15m, 12h or 365d" :
	    "a time with its unit, such as 30s, 15m, 12h or 365d";
}

static const char *
parse_number(const struct setting *setting, struct arena *arena, unsigned *at, struct str text)
{
	uint64_t number;

	if (str_number(text, &number) == -1 || number < (uint64_t)setting->least ||
	    number > (uint64_t)setting->most)
		return arena_printf(arena, "a number from %lld to %lld", (long long)setting->least,
		    (long long)setting->most);
	*at = (unsigned)number;
	return NULL;
}

const char *
setting_parse(const struct setting *setting, struct arena *arena, void *base, const char *value)
{
	void *at = (char *)base + setting->offset;
	struct str text = str_of(value);
	struct rate *rate = at;
	unsigned bit;

	switch (setting->type) {
	case TYPE_TEXT:
	case TYPE_PATH:
	case TYPE_SOCKET:
	case TYPE_MAIL:
	case TYPE_ADDRESS:
		return parse_text(setting, arena, at, text);
	case TYPE_WORD:
		return words_find(setting->words, text, at) == 1 ? NULL :
		    setting_list_words(setting->words, arena);
	case TYPE_SPAN:
		return parse_span(setting, arena, at, text);
	case TYPE_SIZE:
		return parse_size(text, at) == 0 ? NULL :
		    "a size with its unit, such as 512M or 16G";
	case TYPE_RATE:
		return parse_rate(text, &rate->count, &rate->span_sec) == 0 ? NULL :
		    "a number and a time, such as 200/10m, or 0";
	case TYPE_RATIO:
		return parse_ratio(text, at) == 0 ? NULL :
		    "a share above 0% and up to 100%, such as 2% or 0.25%";
	case TYPE_NUMBER:
		return parse_number(setting, arena, at, text);
	case TYPE_WORDS:
		if (words_find(setting->words, text, &bit) == 0)
			return setting_list_words(setting->words, arena);
		*(unsigned *)at |= 1u << bit;
		return NULL;
	case TYPE_LIST:
	case TYPE_NETS:
	case TYPE_COMMAND:
		break;
	}
	return NULL;
}

bool
setting_is_list(const struct setting *setting)
{
	return setting->type == TYPE_LIST || setting->type == TYPE_NETS ||
	    setting->type == TYPE_WORDS || setting->type == TYPE_COMMAND;
}

const char *
setting_check_item(const struct setting *setting, unsigned number, struct str item)
{
	struct arena *arena = arena_new();
	const char *wrong = NULL, *name;
	struct net net;

	if (setting->type == TYPE_NETS && net_parse(item, &net) == -1)
		wrong = "no address or network";
	if (setting->type == TYPE_LIST && setting_name(item, arena, &name) == 0)
		wrong = "neither an address nor a domain";
	if (setting->type == TYPE_COMMAND && number == 0 && (item.len == 0 || item.data[0] != '/'))
		wrong = "no full path of a program: its arguments are further texts, "
		    "{ \"/path\", \"argument\" }";
	arena_free(arena);
	return wrong;
}

int
setting_name(struct str item, struct arena *arena, const char **name_r)
{
	bool below = item.len > 0 && item.data[0] == '.';
	const char *domain;

	if (memchr(item.data, '@', item.len) != NULL)
		return address_parse(item, arena, name_r);
	if (below)
		item = str_sub(item, 1, item.len);
	if (address_parse_domain(item, arena, &domain) == 0) {
		/* A name of one label, such as localhost, is no mail domain, but
		   it may be listed as one's own. */
		if (item.len == 0 || memchr(item.data, '.', item.len) != NULL)
			return 0;
		domain = arena_strdup(arena, item);
	}
	*name_r = arena_printf(arena, "%s%s", below ? "." : "", domain);
	return 1;
}

static void
print_span(int64_t span, struct buf *out)
{
	if (span % CLOCK_DAY_SEC == 0 && span > 0)
		buf_printf(out, "%lldd", (long long)(span / CLOCK_DAY_SEC));
	else if (span % 3600 == 0 && span > 0)
		buf_printf(out, "%lldh", (long long)(span / 3600));
	else if (span % 60 == 0 && span > 0)
		buf_printf(out, "%lldm", (long long)(span / 60));
	else
		buf_printf(out, "%llds", (long long)span);
}

/* In double quotes, as the file has to have it. */
static void
print_text(const char *text, struct buf *out)
{
	buf_add_byte(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\' || *text == '$')
			buf_add_byte(out, '\\');
		buf_add_byte(out, *text);
	}
	buf_add_byte(out, '"');
}

/* The items are texts, the way the file has them: { "a", "b" }. */
static void
print_item(const char *item, bool first, struct buf *out)
{
	buf_add(out, first ? STR(" ") : STR(", "));
	print_text(item, out);
}

static void
print_nets(const struct net_list *list, struct buf *out)
{
	char text[NET_TEXT_BYTES];

	buf_add_byte(out, '{');
	for (unsigned i = 0; i < list->count; i++)
		print_item(net_print(&list->nets[i], text), i == 0, out);
	buf_add(out, list->count > 0 ? STR(" }") : STR("}"));
}

static void
print_list(const char *const *list, struct buf *out)
{
	buf_add_byte(out, '{');
	for (unsigned i = 0; list[i] != NULL; i++)
		print_item(list[i], i == 0, out);
	buf_add(out, list[0] != NULL ? STR(" }") : STR("}"));
}

static void
print_words(const struct words *words, unsigned bits, struct buf *out)
{
	bool first = true;

	buf_add_byte(out, '{');
	for (unsigned i = 0; i < words->count; i++) {
		if ((bits & 1u << i) == 0)
			continue;
		print_item(words->names[i], first, out);
		first = false;
	}
	buf_add(out, first ? STR("}") : STR(" }"));
}

/* Without the zeros at the end. */
static void
print_ratio(unsigned ratio, struct buf *out)
{
	unsigned fraction = ratio % (RATIO_ONE / 100);
	int digits = 4;

	buf_printf(out, "%u", ratio / (RATIO_ONE / 100));
	for (; digits > 0 && fraction % 10 == 0; digits--)
		fraction /= 10;
	if (digits > 0)
		buf_printf(out, ".%0*u", digits, fraction);
	buf_add_byte(out, '%');
}

static void
print_rate(const struct rate *rate, struct buf *out)
{
	buf_printf(out, "%u", rate->count);
	if (rate->count > 0) {
		buf_add_byte(out, '/');
		print_span(rate->span_sec, out);
	}
}

void
setting_print(const struct setting *setting, const void *base, struct buf *out)
{
	const void *at = (const char *)base + setting->offset;

	buf_printf(out, "%s = ", setting->name);
	switch (setting->type) {
	case TYPE_TEXT:
	case TYPE_PATH:
	case TYPE_SOCKET:
	case TYPE_MAIL:
	case TYPE_ADDRESS:
		print_text(*(const char *const *)at, out);
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
		print_rate(at, out);
		break;
	case TYPE_RATIO:
		print_ratio(*(const unsigned *)at, out);
		break;
	case TYPE_NUMBER:
		buf_printf(out, "%u", *(const unsigned *)at);
		break;
	case TYPE_LIST:
	case TYPE_COMMAND:
		print_list(*(const char *const *const *)at, out);
		break;
	case TYPE_NETS:
		print_nets(at, out);
		break;
	case TYPE_WORDS:
		print_words(setting->words, *(const unsigned *)at, out);
		break;
	}
	buf_add_byte(out, '\n');
}
