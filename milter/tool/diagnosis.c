#include "tool/diagnosis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jsonline.h"
#include "base/msg.h"
#include "parse/address.h"
#include "parse/header.h"
#include "parse/limits.h"
#include "parse/report.h"
#include "proof/diagnose.h"
#include "tool/print.h"
#include "tool/tool.h"

#define MESSAGE_BYTES ((size_t)64 * 1024 * 1024)
#define DIAGNOSIS_MSEC 10000

/* All that a diagnosis by hand stands on. */
struct setting {
	struct config *config; /* NULL if there is none */
	struct dns *dns;
	struct spf *spf;
	struct dkim_verifier *dkim;
	struct buf text; /* the file */
	struct arena *arena;
	struct diagnose_subject subject;
};

/* --- the request ---------------------------------------------------------- */

static const char *
domain_of(const struct diagnosis_request *request, struct arena *arena)
{
	const char *domain;

	if (address_parse_domain(str_of(request->domain), arena, &domain) == 0)
		tool_usage(request->program, "--diagnose: \"%s\" is no domain name",
		    request->domain);
	return domain;
}

static const char *
address_of(const struct diagnosis_request *request, const struct config *config,
    struct arena *arena)
{
	if (request->address == NULL)
		return config == NULL ? "" : config->outbound_address;
	if (dns_reverse_name(request->address, arena)[0] == '\0')
		tool_usage(request->program, "--ip: \"%s\" is no IP address", request->address);
	return request->address;
}

static const char *
selector_of(const struct diagnosis_request *request)
{
	struct str rest = str_of(request->selector == NULL ? "" : request->selector), label;

	if (request->selector == NULL)
		return "";
	do {
		if (!str_next_piece(&rest, '.', &label) || !str_is_label(label))
			tool_usage(request->program, "--selector: \"%s\" is no selector",
			    request->selector);
	} while (rest.len > 0);
	return request->selector;
}

static void
open_dns(const struct diagnosis_request *request, struct setting *setting)
{
	const char *path = request->config_path, *error;

	if (path == NULL && request->zone_path == NULL && access(CONFIG_FILE, F_OK) == 0)
		path = CONFIG_FILE;
	if (path != NULL)
		setting->config = tool_config(path);
	if (request->zone_path != NULL) {
		if (dns_new(request->zone_path, "", &setting->dns, &error) == -1)
			tool_usage(request->program, "--zone: %s", error);
	} else if (dns_new(path == NULL ? "" : setting->config->dns_zone,
	    path == NULL ? "" : setting->config->dns_servers, &setting->dns, &error) == -1) {
		msg_error("%s", error);
		exit(EX_CONFIG);
	}
	setting->spf = spf_new(setting->dns);
	setting->dkim = dkim_verifier_new(setting->dns);
}

/* --- the file ------------------------------------------------------------- */

static _Noreturn void
unusable(const char *path, const char *why)
{
	msg_error("%s: %s", path, why);
	exit(TOOL_USAGE);
}

static void
read_file(const char *path, struct buf *text)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char piece[65536];
	size_t len;

	if (file == NULL)
		unusable(path, strerror(errno));
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0) {
		buf_add(text, (struct str){ piece, len });
		if (text->len > MESSAGE_BYTES)
			unusable(path, "larger than 64 MiB");
	}
	if (ferror(file))
		unusable(path, strerror(errno));
	if (!is_stdin)
		fclose(file);
}

/* Of a report, the headers that it returns, and when it was written; else the
   message as it is. */
static void
read_message(const char *path, struct setting *setting)
{
	struct diagnose_subject *subject = &setting->subject;
	struct str message, headers, body, rest;
	struct report report;
	struct header field;

	read_file(path, &setting->text);
	message = buf_str(&setting->text);
	header_split(message, &headers, &body);
	rest = headers;
	if (!header_next(&rest, &field))
		unusable(path, message.len == 0 ? "empty; there should be a message or a report"
		    : "no message: it does not begin with a header field");
	report_parse(str_sub(message, 0, LIMITS_REPORT_BYTES), 0, setting->arena, &report);
	if (report.kind != REPORT_DSN && report.kind != REPORT_DELIVERED &&
	    report.kind != REPORT_COMPLAINT) {
		subject->message = message;
		return;
	}
	subject->headers = report.returned;
	if (clock_scan_header(str_of(header_text(headers, STR("Date"), LIMITS_ID_BYTES,
		setting->arena)), &subject->time) == -1)
		subject->time = 0;
	if (report.returned.len == 0)
		msg_warning("%s: a report that returns no headers, so there is no signature to "
		    "look at", path);
}

/* --- the answer ----------------------------------------------------------- */

static void
print_json(const struct diagnose_subject *subject, const struct diagnosis *diagnosis,
    struct buf *out)
{
	struct jsonline json;

	jsonline_begin(&json, out);
	jsonline_text(&json, "domain", subject->domain);
	jsonline_text(&json, "ip", subject->address);
	jsonline_text(&json, "selector", subject->selector);
	jsonline_text(&json, "cause", diagnosis->cause);
	jsonline_open(&json, "findings", '[');
	for (unsigned i = 0; i < diagnosis->count; i++) {
		const struct diagnose_finding *finding = &diagnosis->findings[i];

		jsonline_open(&json, NULL, '{');
		jsonline_text(&json, "check", words_name(&diagnose_check_words, finding->check));
		jsonline_text(&json, "state", words_name(&diagnose_state_words, finding->state));
		jsonline_text(&json, "text", finding->text);
		jsonline_text(&json, "query", finding->query);
		jsonline_text(&json, "answer", finding->answer);
		jsonline_close(&json, '}');
	}
	jsonline_close(&json, ']');
	jsonline_end(&json);
}

static void
print_answer(const struct diagnosis_request *request, const struct diagnose_subject *subject,
    const struct diagnosis *diagnosis)
{
	struct buf out = { 0 };

	if (request->json)
		print_json(subject, diagnosis, &out);
	else
		diagnose_print(diagnosis, &out);
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
	if (!request->json && diagnosis->cause[0] != '\0') {
		printf("\nMost likely: ");
		print_wrapped(diagnosis->cause, sizeof("Most likely:"));
	}
	if (fflush(stdout) == EOF) {
		msg_error("standard output: %s", strerror(errno));
		exit(TOOL_NO);
	}
}

static int
exit_status(const struct diagnosis *diagnosis)
{
	unsigned unknown = 0;

	for (unsigned i = 0; i < diagnosis->count; i++) {
		if (diagnosis->findings[i].state == DIAGNOSE_BAD)
			return TOOL_NO;
		unknown += diagnosis->findings[i].state == DIAGNOSE_UNKNOWN;
	}
	return unknown == diagnosis->count ? EX_TEMPFAIL : EXIT_SUCCESS;
}

int
diagnosis_run(const struct diagnosis_request *request)
{
	struct setting setting = { .arena = arena_new() };
	struct diagnose_subject *subject = &setting.subject;
	struct diagnosis diagnosis;

	*subject = (struct diagnose_subject){ .domain = domain_of(request, setting.arena),
		.from_domain = "", .selector = selector_of(request) };
	open_dns(request, &setting);
	subject->address = address_of(request, setting.config, setting.arena);
	if (request->path != NULL)
		read_message(request->path, &setting);
	diagnose(setting.dns, setting.spf, setting.dkim, subject,
	    clock_monotonic_msec() + DIAGNOSIS_MSEC, setting.arena, &diagnosis);
	print_answer(request, subject, &diagnosis);
	dkim_verifier_free(setting.dkim);
	spf_free(setting.spf);
	dns_free(setting.dns);
	config_put(setting.config);
	buf_free(&setting.text);
	arena_free(setting.arena);
	return exit_status(&diagnosis);
}
