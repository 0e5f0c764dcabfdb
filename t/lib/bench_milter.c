/*
 * bench_milter: the smallest milters there can be, to compare ours with.
 *
 *   bench_milter nothing|headers SOCKET
 *
 * "nothing" asks for no step at all; "headers" sees the sender and the headers
 * and accepts at their end.
 */
#include <libmilter/mfapi.h>

#include <err.h>
#include <string.h>
#include <sys/stat.h>

static sfsistat
want(unsigned long *steps_r, unsigned long steps, unsigned long unwanted)
{
	*steps_r = steps & unwanted;
	return SMFIS_CONTINUE;
}

static sfsistat
negotiate_nothing(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused1, unsigned long unused2, unsigned long *actions_r,
    unsigned long *steps_r, unsigned long *unused1_r, unsigned long *unused2_r)
{
	(void)ctx, (void)actions, (void)unused1, (void)unused2;
	*actions_r = *unused1_r = *unused2_r = 0;
	return want(steps_r, steps, SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT |
	    SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN);
}

static sfsistat
negotiate_headers(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long unused1, unsigned long unused2, unsigned long *actions_r,
    unsigned long *steps_r, unsigned long *unused1_r, unsigned long *unused2_r)
{
	(void)ctx, (void)actions, (void)unused1, (void)unused2;
	*actions_r = *unused1_r = *unused2_r = 0;
	return want(steps_r, steps, SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOBODY |
	    SMFIP_NOUNKNOWN);
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	(void)ctx, (void)host, (void)address;
	return SMFIS_CONTINUE;
}

static sfsistat
on_mail(SMFICTX *ctx, char **arguments)
{
	(void)ctx, (void)arguments;
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return SMFIS_CONTINUE;
}

static sfsistat
on_end_of_headers(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_ACCEPT;
}

int
main(int argc, char **argv)
{
	struct smfiDesc description = {
		.xxfi_name = "bench", .xxfi_version = SMFI_VERSION,
		.xxfi_negotiate = negotiate_nothing,
	};

	if (argc != 3)
		errx(2, "usage: bench_milter nothing|headers SOCKET");
	if (strcmp(argv[1], "headers") == 0) {
		description.xxfi_negotiate = negotiate_headers;
		description.xxfi_connect = on_connect;
		description.xxfi_envfrom = on_mail;
		description.xxfi_header = on_header;
		description.xxfi_eoh = on_end_of_headers;
	}
	umask(0);
	if (smfi_setconn(argv[2]) == MI_FAILURE || smfi_register(description) == MI_FAILURE ||
	    smfi_opensocket(1) == MI_FAILURE)
		errx(1, "%s: cannot listen", argv[2]);
	return smfi_main() == MI_SUCCESS ? 0 : 1;
}
