/*
 * sign_message DOMAIN SELECTOR KEY <MESSAGE >SIGNED: sign as a mail server does
 * today, rsa-sha256 and relaxed/relaxed. opendkim-testmsg(8) knows rsa-sha1
 * alone, which nobody shall accept any more (RFC 8301).
 */
#include <sys/types.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opendkim/dkim.h>

static char message[1024 * 1024], key[16384];

static size_t
read_all(FILE *file, char *to, size_t size)
{
	size_t len = fread(to, 1, size - 1, file);

	if (ferror(file) || len == size - 1)
		errx(1, "cannot read it whole");
	to[len] = '\0';
	return len;
}

/* The next line, whatever ends it. */
static char *
next_line(char **rest)
{
	char *line = *rest, *end;

	if (*line == '\0')
		return NULL;
	end = line + strcspn(line, "\n");
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	return line;
}

static void
must(DKIM_STAT status, const char *what)
{
	if (status != DKIM_STAT_OK)
		errx(1, "%s: %s", what, dkim_getresultstr(status));
}

static void
add_header(DKIM *dkim, const char *field)
{
	if (field[0] != '\0')
		must(dkim_header(dkim, (u_char *)field, strlen(field)), field);
}

int
main(int argc, char **argv)
{
	static char copy[sizeof(message)], field[65536];
	char *rest = copy, *line;
	size_t len = 0, size;
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	DKIM_STAT status;
	u_char *value;
	FILE *file;
	DKIM *dkim;

	if (argc != 4)
		errx(2, "usage: sign_message DOMAIN SELECTOR KEY");
	file = fopen(argv[3], "r");
	if (file == NULL)
		err(1, "%s", argv[3]);
	read_all(file, key, sizeof(key));
	fclose(file);
	read_all(stdin, message, sizeof(message));
	memcpy(copy, message, sizeof(message));
	dkim = dkim_sign(lib, (const u_char *)"test", NULL, (dkim_sigkey_t)key,
	    (const u_char *)argv[2], (const u_char *)argv[1], DKIM_CANON_RELAXED,
	    DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
	if (dkim == NULL)
		errx(1, "%s", dkim_getresultstr(status));
	while ((line = next_line(&rest)) != NULL && line[0] != '\0') {
		bool fold = line[0] == ' ' || line[0] == '\t';

		if (!fold)
			add_header(dkim, field);
		len = fold ? len : 0;
		len += (size_t)snprintf(field + len, sizeof(field) - len, "%s%s", fold ? "\r\n" : "", line);
	}
	add_header(dkim, field);
	must(dkim_eoh(dkim), "end of headers");
	while ((line = next_line(&rest)) != NULL) {
		must(dkim_body(dkim, (u_char *)line, strlen(line)), "body");
		must(dkim_body(dkim, (u_char *)"\r\n", 2), "body");
	}
	must(dkim_eom(dkim, NULL), "end of message");
	must(dkim_getsighdr_d(dkim, strlen("DKIM-Signature: "), &value, &size), "signature");
	printf("DKIM-Signature: ");
	for (size_t i = 0; i < size; i++) {
		if (value[i] != '\r')
			putchar(value[i]);
	}
	printf("\n%s", message);
	dkim_free(dkim);
	dkim_close(lib);
	return 0;
}
