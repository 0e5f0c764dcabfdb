#include "advice.h"

#include <string.h>
#include <unistd.h>

#include "base/msg.h"
#include "postfix.h"
#include "proof/trust.h"

enum parameter {
	SMTPD_MILTERS, NON_SMTPD_MILTERS, FILTER_CLASSES, RECIPIENT_RESTRICTIONS, TRANSPORT_MAPS,
	DELIMITER, QUEUE_DIRECTORY, DEFAULT_ACTION, PARAMETER_COUNT,
};

static const char *const parameters[PARAMETER_COUNT] = {
	[SMTPD_MILTERS] = "smtpd_milters",
	[NON_SMTPD_MILTERS] = "non_smtpd_milters",
	[FILTER_CLASSES] = "internal_mail_filter_classes",
	[RECIPIENT_RESTRICTIONS] = "smtpd_recipient_restrictions",
	[TRANSPORT_MAPS] = "transport_maps",
	[DELIMITER] = "recipient_delimiter",
	[QUEUE_DIRECTORY] = "queue_directory",
	[DEFAULT_ACTION] = "milter_default_action",
};

/* What this Postfix has. */
struct findings {
	const struct config *config;
	struct arena *arena;
	const char *values[PARAMETER_COUNT];
	struct str services; /* of master.cf */
	struct buf *out;
};

static bool
contains(const char *value, const char *part)
{
	return strstr(value, part) != NULL;
}

/* The socket as Postfix has to name it: relative to the queue directory where
   it is below it, so that it is found inside the chroot and outside. */
static const char *
socket_name(const struct findings *findings)
{
	const char *path = config_socket_path(findings->config);
	const char *queue = findings->values[QUEUE_DIRECTORY];
	size_t len = strlen(queue);

	if (path == NULL)
		return findings->config->socket;
	if (strncmp(path, queue, len) == 0 && path[len] == '/')
		return arena_printf(findings->arena, "unix:%s", path + len + 1);
	return arena_printf(findings->arena, "unix:%s", path);
}

/* Inside of single quotes of a shell. */
static void
add_quoted(const char *value, struct buf *out)
{
	for (; *value != '\0'; value++) {
		if (*value == '\'')
			buf_add(out, STR("'\\''"));
		else
			buf_add_byte(out, *value);
	}
}

static void
command(struct findings *findings, enum parameter parameter, const char *first,
    const char *second)
{
	buf_printf(findings->out, "postconf -c %s -e \\\n  '%s = ",
	    findings->config->postfix_config, parameters[parameter]);
	add_quoted(first, findings->out);
	if (second[0] != '\0')
		buf_add(findings->out, STR(", "));
	add_quoted(second, findings->out);
	buf_add(findings->out, STR("'\n"));
}

static void
advise_milters(struct findings *findings)
{
	const char *milter = arena_printf(findings->arena, "{ %s, default_action=accept, "
	    "connect_timeout=2s, command_timeout=5s, content_timeout=30s }",
	    socket_name(findings));

	for (enum parameter p = SMTPD_MILTERS; p <= NON_SMTPD_MILTERS; p++) {
		const char *value = findings->values[p];

		if (!contains(value, "bouncemilter") && !contains(value, socket_name(findings)))
			command(findings, p, value[0] == '\0' ? milter : value,
			    value[0] == '\0' ? "" : milter);
		else if (!contains(value, "default_action") &&
		    strcmp(findings->values[DEFAULT_ACTION], "accept") != 0)
			buf_printf(findings->out, "# %s has no default_action=accept: while "
			    "bouncemilter is stopped,\n# mail is answered 4xx. The longer form "
			    "is: %s\n", parameters[p], milter);
	}
	if (!contains(findings->values[FILTER_CLASSES], "bounce"))
		command(findings, FILTER_CLASSES, findings->values[FILTER_CLASSES][0] == '\0' ?
		    "bounce" : findings->values[FILTER_CLASSES],
		    findings->values[FILTER_CLASSES][0] == '\0' ? "" : "bounce");
}

/* The type of the tables that are shown; of both, the one that Postfix reads
   with fewer restarts, if it can. */
static const char *
table_word(const struct findings *findings)
{
	const char *error;

	if (findings->config->table_type == TABLE_BOTH)
		return postfix_has_type(findings->config->postfix_config, STR("lmdb"), &error) == 0 ?
		    "cdb" : "lmdb";
	return findings->config->table_type == TABLE_CDB ? "cdb" : "lmdb";
}

/* A main.cf that names a table which cannot be opened stops all mail: smtpd
   answers 451 to everybody. So the lines are shown only when they work. */
static bool
lacks_tables(struct findings *findings, const char *type)
{
	const char *path = arena_printf(findings->arena, "%s/access.%s",
	    findings->config->table_dir, type), *error;

	if (postfix_has_type(findings->config->postfix_config, str_of(type), &error) == 0) {
		buf_printf(findings->out, "# this Postfix knows no %s tables: install "
		    "postfix-%s,\n# then run bouncemilter -t again for the lines that name "
		    "the tables\n", type, type);
		return true;
	}
	if (access(path, F_OK) == 0)
		return false;
	buf_printf(findings->out, "# %s is not there yet: start bouncemilter,\n"
	    "# then run bouncemilter -t again for the lines that name the tables\n", path);
	return true;
}

/* Is a table of ours in this value, of a type that is kept? One of another type
   would go on refusing whom it had when that was changed. */
static bool
names_table(struct findings *findings, enum parameter parameter, const char *name)
{
	static const char *const types[TABLE_BOTH] = { [TABLE_LMDB] = "lmdb", [TABLE_CDB] = "cdb" };
	enum table_type kept = findings->config->table_type;
	bool found = false;

	for (unsigned type = 0; type < TABLE_BOTH; type++) {
		const char *table = arena_printf(findings->arena, "%s:%s/%s", types[type],
		    findings->config->table_dir, name);

		if (!contains(findings->values[parameter], table))
			continue;
		if (kept == TABLE_BOTH || kept == type)
			found = true;
		else
			buf_printf(findings->out, "# %s in %s is not kept up to date any more: take "
			    "it out,\n# see table-type in %s\n", table, parameters[parameter],
			    findings->config->path);
	}
	return found;
}

static void
advise_tables(struct findings *findings)
{
	const char *type, *access, *transport;

	if (findings->config->enforce == ENFORCE_MILTER)
		return;
	type = table_word(findings);
	if (lacks_tables(findings, type))
		return;
	access = arena_printf(findings->arena, "%s:%s/access", type, findings->config->table_dir);
	transport = arena_printf(findings->arena, "%s:%s/transport", type,
	    findings->config->table_dir);
	/* Before the permits: our own clients are those who send. */
	if (!names_table(findings, RECIPIENT_RESTRICTIONS, "access"))
		command(findings, RECIPIENT_RESTRICTIONS,
		    arena_printf(findings->arena, "check_recipient_access %s", access),
		    findings->values[RECIPIENT_RESTRICTIONS]);
	if (!names_table(findings, TRANSPORT_MAPS, "transport"))
		command(findings, TRANSPORT_MAPS, transport, findings->values[TRANSPORT_MAPS]);
}

/* The chroot column of the cleanup service: "y" on Debian, "n" elsewhere. */
static char
cleanup_chroot(struct str services)
{
	struct str line, word;

	while (str_next_piece(&services, '\n', &line)) {
		if (!str_next_word(&line, &word) || !str_equal(word, STR("cleanup")))
			continue;
		for (int column = 2; column <= 5; column++)
			str_next_word(&line, &word);
		if (word.len == 1)
			return word.data[0];
	}
	return 'y';
}

static void
advise_pickup(struct findings *findings)
{
	const char *directory = findings->config->postfix_config;

	if (findings->config->trust_local == TRUST_ALL || findings->config->separate_pickup)
		return;
	buf_printf(findings->out, "postconf -c %s -M \\\n"
	    "  pcleanup/unix='pcleanup unix n - %c - 0 cleanup'\n", directory,
	    cleanup_chroot(findings->services));
	buf_printf(findings->out, "postconf -c %s -P \\\n  pcleanup/unix/syslog_name=postfix/pickup \\\n"
	    "  pcleanup/unix/milter_macro_daemon_name=PICKUP \\\n"
	    "  pickup/unix/cleanup_service_name=pcleanup\n", directory);
}

/* With another delimiter than "+", Postfix looks for john@ when the mail is for
   john-smith@: a table would refuse the wrong person. */
static bool
delimiter_is_safe(const char *delimiter)
{
	return delimiter[0] == '\0' || strcmp(delimiter, "+") == 0;
}

static void
advise_delimiter(struct findings *findings)
{
	if (findings->config->enforce == ENFORCE_MILTER ||
	    delimiter_is_safe(findings->values[DELIMITER]))
		return;
	buf_printf(findings->out,
	    "# recipient_delimiter = %s makes Postfix look for john@ when mail is for\n"
	    "# john%csmith@: with a table, suppressing one refuses the other. Set\n"
	    "# enforce = milter in %s, which matches exactly.\n",
	    findings->values[DELIMITER], findings->values[DELIMITER][strlen(
	    findings->values[DELIMITER]) - 1], findings->config->path);
}

static void
advise_lists(struct findings *findings)
{
	if (findings->config->unread_lists[0] != '\0')
		buf_printf(findings->out, "# not read, because they are tables: %s.\n"
		    "# List what is in them as own-clients or own-domains in %s.\n",
		    findings->config->unread_lists, findings->config->path);
}

static int
look(const struct config *config, struct arena *arena, struct findings *findings,
    const char **error_r)
{
	int ret;

	*findings = (struct findings){ .config = config, .arena = arena };
	/* As they stand in main.cf: that is what the commands change. */
	ret = postfix_parameters(config->postfix_config, false, parameters, PARAMETER_COUNT,
	    arena, findings->values, error_r);
	if (ret == 1)
		ret = postfix_services(config->postfix_config, arena, &findings->services, error_r);
	return ret;
}

int
advice_print(const struct config *config, struct buf *out, const char **error_r)
{
	struct arena *arena = arena_new();
	struct findings findings;
	int ret = look(config, arena, &findings, error_r);

	findings.out = out;
	if (ret == 1) {
		advise_milters(&findings);
		advise_tables(&findings);
		advise_pickup(&findings);
		advise_delimiter(&findings);
		advise_lists(&findings);
	}
	arena_free(arena);
	return ret;
}

void
advice_warn(const struct config *config)
{
	struct arena *arena = arena_new();
	struct findings findings;
	const char *error;
	int ret = look(config, arena, &findings, &error);

	if (ret == -1)
		msg_warning("%s", error);
	if (ret == 1 && config->enforce != ENFORCE_MILTER &&
	    !delimiter_is_safe(findings.values[DELIMITER]))
		msg_warning("recipient_delimiter = %s: the tables would refuse other people than "
		    "those who are suppressed; run bouncemilter -t", findings.values[DELIMITER]);
	if (ret == 1 && config->trust_local == TRUST_SEPARATE_PICKUP &&
	    !config->separate_pickup)
		msg_warning("sendmail(1) mail cannot be told from Postfix's own reports: who has a "
		    "shell can forge one. They act %s; run bouncemilter -t for the lines that "
		    "separate them", config->log_from == LOG_FROM_NOWHERE ?
		    "all the same (trust-local = all)" : "where the mail log confirms them");
	if (config->unread_lists[0] != '\0')
		msg_warning("not read, because they are tables: %s; run bouncemilter -t",
		    config->unread_lists);
	arena_free(arena);
}
