#include "tool/tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/msg.h"
#include "startup.h"

struct config *
tool_config(const char *config_path)
{
	struct config *config;
	const char *error;

	if (config_load(config_path, &config, &error) == -1) {
		msg_error("%s", error);
		exit(EX_CONFIG);
	}
	return config;
}

void
tool_open(const char *config_path, bool read_only, struct config **config_r,
    struct store **store_r)
{
	enum store_error kind;
	const char *error;

	*config_r = tool_config(config_path);
	if (startup_become_owner(*config_r, &error) == -1) {
		msg_error("%s", error);
		exit(EX_OSERR);
	}
	if (store_open((*config_r)->state_dir, (*config_r)->store_size_bytes, read_only, store_r,
		&kind, &error) == -1) {
		msg_error("%s", error);
		if (kind != STORE_ERROR_CONFIG)
			msg_info("bouncemilter makes the store when it is started for the first "
			    "time");
		exit(kind == STORE_ERROR_CONFIG ? EX_CONFIG : EX_TEMPFAIL);
	}
}

void
tool_usage(const char *program, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry '%s --help'.\n", program);
	exit(TOOL_USAGE);
}

void
tool_last_option(const char *program, const char *usage, int option)
{
	if (option == 'h')
		fputs(usage, stdout);
	else if (option == 'V')
		printf("%s %s\n", program, VERSION);
	else
		fprintf(stderr, "Try '%s --help'.\n", program);
	exit(option == 'h' || option == 'V' ? EXIT_SUCCESS : TOOL_USAGE);
}

void
tool_fail(const char *error)
{
	msg_error("%s", error);
	exit(EX_TEMPFAIL);
}

int64_t
tool_time(const char *program, const char *argument)
{
	int64_t time;

	if (clock_scan(str_of(argument), clock_now(), &time) == -1)
		tool_usage(program, "\"%s\" is no time: write 2026-11-20T14:02:00Z, 2026-11-20, or "
		    "2h for two hours ago", argument);
	return time;
}

enum category
tool_category(const char *program, const char *argument)
{
	enum category category;

	if (category_find(str_of(argument), &category) == 0)
		tool_usage(program, "unknown category \"%s\"", argument);
	return category;
}
