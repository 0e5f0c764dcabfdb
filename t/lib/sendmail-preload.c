/*
 * sendmail-preload.so: loaded into a private Sendmail with LD_PRELOAD, it gives
 * the host a name, keeps the name server out of it, and writes what would go to
 * the system's log to a file, in the form of a traditional syslog daemon.
 *
 * BM_HOSTNAME is the name, which must have a dot, lest Sendmail wait a minute
 * for a better one. BM_SYSLOG is the file. Both are read before main(), because
 * Sendmail clears its environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nss.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 16384

/* What the C library calls with _FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

static char host_name[256];
static char file_name[PATH_MAX];
static char ident[64] = "sendmail";

__attribute__((constructor)) static void
read_settings(void)
{
	const char *host = getenv("BM_HOSTNAME"), *file = getenv("BM_SYSLOG");

	if (host != NULL)
		snprintf(host_name, sizeof(host_name), "%s", host);
	if (file != NULL)
		snprintf(file_name, sizeof(file_name), "%s", file);
	__nss_configure_lookup("hosts", "files");
}

int
gethostname(char *name, size_t size)
{
	if (strlen(host_name) >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(name, host_name);
	return 0;
}

void
openlog(const char *name, int options, int facility)
{
	(void)options, (void)facility;
	if (name != NULL)
		snprintf(ident, sizeof(ident), "%s", name);
}

/* One line with one write, so that processes do not mix theirs. */
static void
write_line(const char *format, va_list arguments)
{
	char text[LINE_BYTES / 4], line[LINE_BYTES];
	int saved = errno, fd;
	time_t now = time(NULL);
	struct tm tm;
	size_t len;

	vsnprintf(text, sizeof(text), format, arguments); /* knows %m */
	len = strftime(line, sizeof(line), "%b %e %H:%M:%S ", localtime_r(&now, &tm));
	len += (size_t)snprintf(line + len, sizeof(line) - len, "%.*s %s[%d]: ",
	    (int)strcspn(host_name, "."), host_name, ident, (int)getpid());
	for (const char *p = text; *p != '\0' && len < sizeof(line) - 8; p++) {
		/* As rsyslog writes control characters. */
		if (*(const unsigned char *)p < 0x20 || *p == 0x7f)
			len += (size_t)sprintf(line + len, "#%03o", *p);
		else
			line[len++] = *p;
	}
	line[len++] = '\n';
	fd = open(file_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd != -1) {
		if (write(fd, line, len) == -1)
			_exit(1);
		close(fd);
	}
	errno = saved;
}

void
vsyslog(int priority, const char *format, va_list arguments)
{
	(void)priority;
	write_line(format, arguments);
}

void
syslog(int priority, const char *format, ...)
{
	va_list arguments;

	(void)priority;
	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}

void
__vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
	(void)priority, (void)flag;
	write_line(format, arguments);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list arguments;

	(void)priority, (void)flag;
	va_start(arguments, format);
	write_line(format, arguments);
	va_end(arguments);
}
