/*
 * hostile: what a message costs that was made to cost much. Each sample is made
 * here, read and judged in a process of its own, and told on a line of fields
 * with tabs between them:
 *
 *     NAME  BYTES  CPU_MS  ARENA_KIB  PEAK_KIB  KIND  BOUNCES  LIMITS
 *
 *     hostile [NAME]     all samples whose name begins so
 *
 * A sample is a filler, repeated, in a place of a message. The named ones at the
 * end of the tables are those that broke MIME libraries. The rules are those of
 * the directory BM_RULES, else of "rules".
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/msg.h"
#include "judge/classify.h"
#include "parse/limits.h"
#include "parse/report.h"

/* A message is cut at LIMITS_REPORT_BYTES, so that more is no more work. */
#define FILL_BYTES (LIMITS_REPORT_BYTES + 4096)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define DAEMON "From: MAILER-DAEMON@mx.example.com (Mail Delivery System)\n" \
	"To: news@example.org\nSubject: Undelivered Mail Returned to Sender\n" \
	"Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <x@mx.example.com>\n"
#define REPORT DAEMON "MIME-Version: 1.0\n" \
	"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
#define TEXT "--b\nContent-Type: text/plain\n\nYour message could not be delivered.\n"
#define STATUS "\n--b\nContent-Type: message/delivery-status\n\n" \
	"Reporting-MTA: dns; mx.example.com\n\n" \
	"Final-Recipient: rfc822; user@example.com\nAction: failed\nStatus: 5.0.0\n"
#define RETURNED "\n--b\nContent-Type: message/rfc822\n\n" \
	"From: news@example.org\nTo: user@example.com\n"

enum { FOLDED = 1, BASE64 = 2 };

struct place {
	const char *name, *before, *behind;
	unsigned flags;
};

static const struct place places[] = {
	{ "bare", "", "", 0 },
	{ "subject", "From: MAILER-DAEMON@mx.example.com\nSubject: ", "\n\ntext\n", FOLDED },
	{ "to", "From: MAILER-DAEMON@mx.example.com\nTo: ", "\n\ntext\n", FOLDED },
	{ "type", "From: MAILER-DAEMON@mx.example.com\nContent-Type: multipart/report; ",
	    "\n\ntext\n",
	    FOLDED },
	{ "notice", DAEMON "\nYour message could not be delivered.\n\n", "", 0 },
	{ "failed-recipients", DAEMON "X-Failed-Recipients: ", "\n\ntext\n", FOLDED },
	{ "qmail", DAEMON "\nHi. This is the qmail-send program at mx.example.com.\n"
	    "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n",
	    "", 0 },
	{ "exim", DAEMON "X-Failed-Recipients: user@example.com\n\n"
	    "This message was created automatically by mail delivery software.\n\n"
	    "  user@example.com\n    ", "", 0 },
	{ "transcript",
	    DAEMON "\n   ----- The following addresses had permanent fatal errors -----\n"
	    "<user@example.com>\n\n   ----- Transcript of session follows -----\n", "", 0 },
	{ "html",
	    DAEMON "Content-Type: text/html\n\n<html><body>Your message could not be delivered."
	    "<p>", "</p></body></html>\n", 0 },
	{ "encoded", DAEMON "Content-Type: text/plain; charset=iso-2022-jp\n"
	    "Content-Transfer-Encoding: base64\n\n", "\n", BASE64 },
	{ "quoted", DAEMON "Content-Type: text/plain; charset=shift_jis\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n", "\n", 0 },
	{ "text", REPORT TEXT, STATUS RETURNED "\n\n--b--\n", 0 },
	{ "text-short", REPORT STATUS "\n" TEXT, RETURNED, 0 },
	{ "status", REPORT TEXT STATUS, RETURNED "\n\n--b--\n", 0 },
	{ "diagnostic", REPORT TEXT STATUS "Diagnostic-Code: smtp; 550 5.1.1 ", "\n"
	    RETURNED "\n\n--b--\n",
	    FOLDED },
	{ "final-recipient", REPORT TEXT "--b\nContent-Type: message/delivery-status\n\n"
	    "Reporting-MTA: dns; x\n\nAction: failed\nFinal-Recipient: rfc822; ", "\n\n--b--\n",
	    FOLDED },
	{ "returned", REPORT TEXT STATUS RETURNED, "\n\nbody\n--b--\n", 0 },
	{ "complaint", DAEMON "Content-Type: multipart/report; report-type=feedback-report; "
	    "boundary=b\n\n" TEXT "\n--b\nContent-Type: message/feedback-report\n\n"
	    "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n", RETURNED "\n\nbody\n--b--\n",
	    0 },
	{ "complained", DAEMON "Content-Type: multipart/report; report-type=feedback-report; "
	    "boundary=b\n\n" TEXT "\n--b\nContent-Type: message/feedback-report\n\n"
	    "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n" RETURNED, "\n\nbody\n--b--\n",
	    0 },
};

/* "#" is a number that grows. */
static const char *const fillers[] = {
	"<", ">", "(", "[", "{", "@", ":", ";", ",", " ", "\t", "\n", "\r", "\r\n", "=", "=\n",
	"\"", "\\", "%", "&", "a", "0", "-", "\xff", "\xe3\x81", "\x1b$B", "\\x{41}", "+2B",
	"&lt;", "<br>", "<p", "<!--", "=?", "=?utf-8?q?=41?= ", "a=", "a*0=b;", "g:", "a.",
	"5.1.1 ", "550 ", "550-", "said: ", "user unknown ", "mailbox full ", "a@b.example ",
	"a@b.example, ", "<a@b.example", "user#@b.example\n", "<user#@b.example>:\n",
	"<user#@b.example>: 550 5.1.1 unknown\n", "user#@b.example... User unknown\n",
	"  user#@b.example\n    550 user unknown\n\n", "host x[192.0.2.1] said: 550 5.1.1 ",
	"550-5.1.1 x\n", "550 5.1.1 <user#@b.example>\n",
	">>> RCPT To:<user#@b.example>\n<<< 550 5.1.1 unknown\n", "<<< 550 x\n", "From \n",
	"From a@b.example Mon Jan  1 00:00:00 2024\n", ">From a\n", "Subject: x\n", "X: y\n",
	"X-#: y\n", " folded\n", "--b\n", "--b--\n", "--\n",
	"--b\nContent-Type: text/plain\n\nx\n", "----- Original message -----\n",
	"--- Below this line is a copy of the message.\n",
	"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n", "Return-Path: <a@b.example>\n",
	"To: user#@b.example\n", "Message-ID: <#@b.example>\n",
	"Final-Recipient: rfc822; user#@b.example\n",
	"Original-Recipient: rfc822; user#@b.example\n",
	"Final-Recipient: rfc822; user#@b.example\nAction: failed\nStatus: 5.1.1\n\n",
	"Diagnostic-Code: smtp; 550 x\n", "Original-Rcpt-To: user#@b.example\n",
	"Content-Type: multipart/mixed; boundary=b#\n\n--b#\n",
	"Content-Type: message/rfc822\n\n", "The following recipients could not be reached\n",
	"could not be delivered to: ",
};

/* What broke others, in their sizes. */
static const struct {
	const char *name;
	struct place place;
	const char *filler;
	size_t times;
} named[] = {
	{ "42,000 nested groups in To", { "", "To: ", "\n\n", 0 }, "g:", 42000 },
	{ "42,000 nested groups in an enclosed To", { "",
	    "Content-Type: message/rfc822\n\nTo: ", "\n\n", 0 }, "g:", 42000 },
	{ "200,000 parentheses in an address", { "", "From: ", "a@b.example\n\n", 0 }, "(",
	    200000 },
	{ "multipart nested 10,000 deep", { "", "", "\n", 0 },
	    "Content-Type: multipart/mixed; boundary=b#\n\n--b#\n", 10000 },
	{ "multipart nested 100,000 deep", { "", "", "\n", 0 },
	    "Content-Type: multipart/mixed; boundary=b#\n\n--b#\n", 100000 },
	{ "message/rfc822 nested 30,000 deep", { "", "", "\n", 0 },
	    "Content-Type: message/rfc822\n\n",
	    30000 },
	{ "1,000,000 header lines", { "", "", "\n\nbody\n", 0 }, "X-Line: #\n", 1000000 },
	{ "100,000 parts", { "", REPORT, "--b--\n", 0 }, "--b\n\nx\n", 100000 },
	{ "one header of 50 MB", { "", "X: ", "\n\nbody\n", 0 }, "0123456789abcdef", 3125000 },
	{ "a Diagnostic-Code of 100,000 folds", { "",
	    REPORT TEXT STATUS "Diagnostic-Code: smtp; 550 ",
	    "\n--b--\n", FOLDED }, "folded line #\n", 100000 },
	{ "a delivery-status of 50 MB of base64", { "", REPORT TEXT "--b\n"
	    "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n",
	    "\n--b--\n",
	    BASE64 }, "Final-Recipient: rfc822; a@b.example\n", 1000000 },
	{ "quoted-printable junk, 10 MB", { "",
	    DAEMON "Content-Transfer-Encoding: quoted-printable\n\n",
	    "", 0 }, "=\xff=4=ZZ= \n=3D", 1000000 },
	{ "100,000 addresses in a notice", { "", DAEMON "\nThese recipients failed:\n", "", 0 },
	    "<user#@example.com>: 550 5.1.1 User unknown\n", 100000 },
	{ "100,000 recipients in a report", { "", REPORT TEXT STATUS "\n", "\n--b--\n", 0 },
	    "Final-Recipient: rfc822; user#@example.com\nAction: failed\nStatus: 5.1.1\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 no\n\n", 100000 },
	{ "a regular expression's delight", { "", REPORT TEXT STATUS "Diagnostic-Code: smtp; 550 ",
	    "!\n--b--\n", 0 }, "aaaaaaaaaaaaaaaaaaaa user mailbox is not ", 1000 },
};

static struct rule_set *rules;

/* --- samples -------------------------------------------------------------- */

static void
fill(struct buf *out, const char *filler, size_t bytes, size_t times)
{
	size_t end = out->len + bytes, number = 0;

	while (out->len < end && number < times) {
		for (const char *p = filler; *p != '\0'; p++) {
			if (*p == '#')
				buf_printf(out, "%zu", number);
			else
				buf_add_byte(out, *p);
		}
		number++;
	}
}

/* Every line break becomes a fold. */
static void
fold(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		buf_add_byte(out, text.data[i]);
		if (text.data[i] == '\n')
			buf_add_byte(out, '\t');
	}
}

static void
encode(struct buf *out, struct str text)
{
	unsigned char line[80];
	struct str piece;

	for (size_t at = 0; at < text.len; at += 57) {
		piece = str_sub(text, at, at + 57);
		EVP_EncodeBlock(line, (const unsigned char *)piece.data, (int)piece.len);
		buf_printf(out, "%s\n", (const char *)line);
	}
}

static void
make(const struct place *place, const char *filler, size_t bytes, size_t times, struct buf *out)
{
	struct buf filling = { 0 };

	buf_add(out, str_of(place->before));
	if (place->flags == 0) {
		fill(out, filler, bytes, times);
	} else {
		fill(&filling, filler, bytes, times);
		(place->flags == FOLDED ? fold : encode)(out, buf_str(&filling));
		buf_free(&filling);
	}
	buf_add(out, str_of(place->behind));
}

/* --- measuring ------------------------------------------------------------ */

/* A figure of /proc/self/status, in KiB. */
static long
memory(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long figure = -1;

	while (file != NULL && figure == -1 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			figure = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (file != NULL)
		fclose(file);
	return figure;
}

/* From here on VmHWM is the peak of what comes. */
static void
forget_peak(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file == NULL || fputs("5", file) == EOF || fclose(file) == EOF) {
		fprintf(stderr, "hostile: /proc/self/clear_refs: cannot write\n");
		exit(2);
	}
}

static double
cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
measure(const char *name, struct str message)
{
	struct arena *arena = arena_new();
	struct verdict verdict;
	struct report report;
	double began;
	long before;

	forget_peak();
	before = memory("VmRSS");
	began = cpu_ms();
	report_parse(message, REPORT_KEEP, arena, &report);
	for (unsigned i = 0; i < report.count; i++) {
		verdict_init(&verdict);
		classify(rules, &report.bounces[i], arena, &verdict);
	}
	began = cpu_ms() - began;
	printf("%s\t%zu\t%.1f\t%zu\t%ld\t%s\t%u\t%s\n", name, message.len, began,
	    arena_used(arena) / 1024, memory("VmHWM") - before,
	    words_name(&report_kind_words, report.kind), report.count,
	    bounce_limits_print(report.limits, arena));
	arena_free(arena);
}

/* In a process of its own: what one sample leaves behind is not counted for the
   next. Returns false if that process failed. */
static bool
run(const char *name, const struct place *place, const char *filler, size_t bytes, size_t times)
{
	struct buf message = { 0 };
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		make(place, filler, bytes, times, &message);
		measure(name, buf_str(&message));
		buf_free(&message);
		fflush(stdout);
		_exit(0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0) {
		fprintf(stderr, "hostile: %s: the process failed\n", name);
		return false;
	}
	return true;
}

/* The filler in printable characters. */
static void
name_sample(const struct place *place, const char *filler, struct buf *name)
{
	buf_clear(name);
	buf_printf(name, "%s: ", place->name);
	for (const char *p = filler; *p != '\0' && name->len < 90; p++) {
		if (*p == '\n' || *p == '\r' || *p == '\t')
			buf_printf(name, "\\%c", *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't');
		else if (*p < ' ')
			buf_printf(name, "\\x%02x", (unsigned char)*p);
		else
			buf_add_byte(name, *p);
	}
}

static bool
run_all(const char *wanted)
{
	struct buf name = { 0 };
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(places); i++) {
		for (size_t j = 0; j < COUNT_OF(fillers); j++) {
			name_sample(&places[i], fillers[j], &name);
			if (strncmp(buf_cstr(&name), wanted, strlen(wanted)) == 0)
				good &= run(buf_cstr(&name), &places[i], fillers[j], FILL_BYTES,
				    SIZE_MAX);
		}
	}
	for (size_t i = 0; i < COUNT_OF(named); i++) {
		if (strncmp(named[i].name, wanted, strlen(wanted)) == 0)
			good &= run(named[i].name, &named[i].place, named[i].filler,
			    SIZE_MAX / 2, named[i].times);
	}
	buf_free(&name);
	return good;
}

int
main(int argc, char **argv)
{
	const char *directory = getenv("BM_RULES"), *error;
	bool good;

	msg_open("hostile", false);
	if (rule_set_load(directory == NULL ? "rules" : directory, "/nonexistent", &rules,
		&error) == -1) {
		fprintf(stderr, "hostile: %s\n", error);
		return 2;
	}
	good = run_all(argc > 1 ? argv[1] : "");
	rule_set_free(rules);
	return good ? 0 : 1;
}
