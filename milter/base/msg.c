#include "base/msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *msg_program = "bouncemilter";
static bool msg_to_syslog;
static bool msg_journal; /* standard error is read by the journal */
static bool msg_debug_on;
static _Thread_local char msg_failure_text[LINE_BYTES];

static const struct {
	int priority;
	const char *word;
	const char *prefix; /* the same priority for the journal, sd-daemon(3) */
} levels[] = {
	[MSG_DEBUG] = { LOG_DEBUG, "debug: ", "<7>" },
	[MSG_INFO] = { LOG_INFO, "", "<6>" },
	[MSG_WARNING] = { LOG_WARNING, "warning: ", "<4>" },
	[MSG_ERROR] = { LOG_ERR, "error: ", "<3>" },
	[MSG_ALERT] = { LOG_ALERT, "alert: ", "<1>" },
};

/* Is standard error the stream that the journal reads (systemd.exec(5))? */
static bool
is_journal_stream(const char *stream)
{
	unsigned long long device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void
msg_open(const char *program, bool to_syslog)
{
	msg_program = program;
	msg_to_syslog = to_syslog;
	msg_journal = is_journal_stream(getenv("JOURNAL_STREAM"));
	if (to_syslog)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
msg_set_debug(bool on)
{
	msg_debug_on = on;
}

static void
msg_line(enum msg_level level, const char *format, va_list args)
{
	char line[LINE_BYTES];

	vsnprintf(line, sizeof(line), format, args);
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	}
	if (msg_to_syslog)
		syslog(levels[level].priority, "%s%s", levels[level].word, line);
	else
		fprintf(stderr, "%s%s: %s%s\n", msg_journal ? levels[level].prefix : "",
		    msg_program, levels[level].word, line);
}

void
msg_debug(const char *format, ...)
{
	va_list args;

	if (!msg_debug_on)
		return;
	va_start(args, format);
	msg_line(MSG_DEBUG, format, args);
	va_end(args);
}

void
msg_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	msg_line(MSG_INFO, format, args);
	va_end(args);
}

void
msg_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	msg_line(MSG_WARNING, format, args);
	va_end(args);
}

void
msg_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	msg_line(MSG_ERROR, format, args);
	va_end(args);
}

void
msg_alert(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	msg_line(MSG_ALERT, format, args);
	va_end(args);
}

void
msg_out_of_memory(void)
{
	msg_error("out of memory");
	exit(EX_OSERR);
}

int
msg_failure(const char **error_r, const char *format, ...)
{
	/* An argument may be the text of the failure being wrapped, which
	   stands in the same buffer: format aside, then copy. */
	char text[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(msg_failure_text, text, strlen(text) + 1);
	*error_r = msg_failure_text;
	return -1;
}
