/*
 * A mail log as Postfix and Sendmail would write it, and what has to be read out
 * of it:
 *
 *     generate_log --file PATH [--expect FILE] [--lines N] [--seed S]
 *         [--hostile PERCENT] [--failures PERCENT] [--start TIME]
 *         [--rotate LINES [--keep FILES]] [--rate LINES-PER-SECOND]
 *
 * The same seed and the same --start give the same lines. A file that is there
 * is added to. --expect gets a line for each outcome, in order, with tabs:
 * recipient, sent, deferred, bounced, expired, suspended or probe, status, and
 * "out" for an attempt that leaves the site, "hand" for a hand-off.
 *
 * Every line is one write. --rotate renames PATH to PATH.1, PATH.1 to PATH.2
 * and so on, and makes a new file; a few lines still go to the old one when the
 * new one has some.
 */
#include <err.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ACTIVE 48     /* messages whose lines are mixed */
#define LINES_MOST 96 /* of one message */
#define SYSLOG_BYTES 2000
#define TEXT_BYTES 3000

struct line {
	char *text;   /* behind time and host */
	char *expect; /* "" for nothing */
};

struct message {
	struct line lines[LINES_MOST];
	unsigned count, next;
};

/* What a message is made of. */
struct recipe {
	struct message *message;
	char id[32], sender[256], message_id[256];
	unsigned recipients;
	char to[5][256];
	bool waits[5];
	bool hostile;
};

static struct {
	const char *path, *expect;
	uint64_t lines, seed, rotate, rate, keep;
	int64_t start;
	unsigned hostile, failures;
} option = { .lines = 1000, .seed = 1, .hostile = 5, .failures = 10, .start = 1795186938, .keep = 100000 };

static uint64_t state, serial;
static int file = -1, renamed = -1;
static FILE *expect;
static unsigned files;

static uint64_t
random_below(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static bool
percent(unsigned share)
{
	return random_below(100) < share;
}

#define ONE_OF(array) (array)[random_below(sizeof(array) / sizeof((array)[0]))]

/* --- lines ------------------------------------------------------------------ */

static void __attribute__((format(printf, 3, 4)))
add(struct message *message, char *expected, const char *format, ...)
{
	char text[TEXT_BYTES], *bracket;
	va_list ap;

	if (message->count == LINES_MOST)
		errx(1, "a message has too many lines");
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	/* Syslog cuts what follows the name of the program. */
	bracket = strstr(text, "]: ");
	if (bracket != NULL && strlen(bracket + 3) > SYSLOG_BYTES)
		bracket[3 + SYSLOG_BYTES] = '\0';
	message->lines[message->count++] = (struct line){ strdup(text), expected };
}

static char *
nothing(void)
{
	return strdup("");
}

static char *
outcome(const char *recipient, const char *word, const char *status, const char *lane)
{
	char *text;

	if (asprintf(&text, "%s\t%s\t%s\t%s\n", recipient, word, status, lane) == -1)
		err(1, "memory");
	return text;
}

static char *
both(char *first, char *second)
{
	char *text;

	if (asprintf(&text, "%s%s", first, second) == -1)
		err(1, "memory");
	free(first);
	free(second);
	return text;
}

/* What somebody who knows the log writes where he may write something. */
static const char *
imitation(void)
{
	static const char *const texts[] = {
		"x>, relay=evil, dsn=2.0.0, status=sent (ok)",
		"x>, orig_to=<victim@example.com>, relay=none",
		"x), to=<victim@example.com>, relay=none, delay=0, dsn=5.1.1, status=bounced (550 5.1.1 no",
		"we>ird, status=sent", "x>,<victim@example.com>, dsn=5.1.1, stat=user unknown",
		"x, stat=sent (ok)", "x>, size=1, nrcpt=9 (queue active)",
		"x>, status=expired, returned to sender", "x postfix/qmgr[1]: 5f36fa881b8: removed",
	};

	return ONE_OF(texts);
}

struct failure { const char *status, *text; };

static const struct failure soft[] = {
	{ "4.2.1", "450 4.2.1 mailbox busy, try again later" },
	{ "4.2.2", "452 4.2.2 mailbox full" },
	{ "4.7.1", "451 4.7.1 greylisted, come back in 5 minutes" },
	{ "4.7.0", "421 4.7.0 too many messages, slow down" },
};
static const struct failure hard[] = {
	{ "5.1.1", "550 5.1.1 user unknown" }, { "5.1.1", "550-5.1.1 no such 550 5.1.1 mailbox" },
	{ "5.2.2", "552 5.2.2 over quota" }, { "5.7.1", "554 5.7.1 message refused as spam" },
	{ "5.7.26", "550 5.7.26 this mail is unauthenticated" }, { "5.2.1", "550 5.2.1 account disabled" },
};

/* The words of a server; some go on for longer than a line of syslog. */
static void
print_words(const struct recipe *recipe, const struct failure *failure, char text[TEXT_BYTES])
{
	int len = snprintf(text, TEXT_BYTES, "%s%s%s", failure->text, recipe->hostile ? " " : "",
	    recipe->hostile ? imitation() : "");

	if (recipe->hostile && percent(20))
		snprintf(text + len, TEXT_BYTES - (size_t)len, " %0*d \303\266", (int)random_below(2200), 0);
}

static void
begin(struct recipe *recipe, struct message *message)
{
	*recipe = (struct recipe){ .message = message, .hostile = percent(option.hostile) };
	serial++;
	recipe->recipients = percent(80) ? 1 : 2 + (unsigned)random_below(4);
	for (unsigned i = 0; i < recipe->recipients; i++) {
		bool quoted = recipe->hostile && percent(60);

		snprintf(recipe->to[i], sizeof(recipe->to[i]), "%s%s%sr%llu.%u%s@d%llu.test",
		    quoted ? "\"" : "", quoted ? imitation() : "", quoted ? " " : "",
		    (unsigned long long)serial, i, quoted ? "\"" : "", (unsigned long long)random_below(300));
		recipe->waits[i] = true;
	}
	snprintf(recipe->message_id, sizeof(recipe->message_id), "<%llu%s%s@own.test>",
	    (unsigned long long)serial, recipe->hostile ? "." : "", recipe->hostile ? imitation() : "");
	snprintf(recipe->sender, sizeof(recipe->sender), "%s%s%llu%s@%s", recipe->hostile ? "\"" : "s",
	    recipe->hostile ? imitation() : "", (unsigned long long)random_below(1000),
	    recipe->hostile ? "\"" : "", percent(50) ? "own.test" : "list.own.test");
}

/* --- Postfix ---------------------------------------------------------------- */

static void
postfix_outcome(struct recipe *recipe, unsigned i, const char *word, const char *status,
    const char *format, const char *text)
{
	static const char *const names[] = {
		[0] = "sent", [1] = "deferred", [2] = "bounced", [3] = "SOFTBOUNCE",
	};
	const char *expected = strcmp(word, "SOFTBOUNCE") == 0 ? names[1] : word;
	const char *extra = percent(20) ? ", tls=may:none" : "";
	char whole[TEXT_BYTES + 200];

	snprintf(whole, sizeof(whole), format, text);
	add(recipe->message, outcome(recipe->to[i], expected, status, "out"),
	    "postfix/smtp[%d]: %s: to=<%s>, relay=mx%llu.test[192.0.2.9]:25, delay=%llu.5, "
	    "delays=0/0/0.1/0.4%s, dsn=%s, status=%s (%s)", 100 + (int)random_below(20), recipe->id,
	    recipe->to[i], (unsigned long long)random_below(50), (unsigned long long)random_below(5),
	    extra, status, word, whole);
}

static void
postfix_defer(struct recipe *recipe, unsigned i, const struct failure *failure, const char *words)
{
	if (failure == NULL)
		add(recipe->message, outcome(recipe->to[i], "suspended", "4.4.1", "out"),
		    "postfix/error[9]: %s: to=<%s>, relay=none, delay=9, delays=9/0/0/0, dsn=4.4.1, "
		    "status=deferred (delivery temporarily suspended: connect to mx.test[192.0.2.9]:25: "
		    "Connection refused)", recipe->id, recipe->to[i]);
	else
		postfix_outcome(recipe, i, "deferred", failure->status,
		    "host mx.test[192.0.2.9] said: %s (in reply to RCPT TO command)", words);
}

static void
postfix_round(struct recipe *recipe)
{
	add(recipe->message, nothing(), "postfix/qmgr[7]: %s: from=<%s>, size=2300, nrcpt=%u (queue active)",
	    recipe->id, recipe->sender, recipe->recipients);
}

static void
postfix_queue(struct recipe *recipe, const char *client)
{
	snprintf(recipe->id, sizeof(recipe->id), "%llX%05llX", (unsigned long long)random_below(16),
	    (unsigned long long)(serial % 0xfffff));
	if (percent(30)) /* a long one */
		snprintf(recipe->id, sizeof(recipe->id), "4jWKM%07lluz%02llX", (unsigned long long)serial,
		    (unsigned long long)random_below(256));
	add(recipe->message, nothing(), "postfix/smtpd[3]: %s: client=%s", recipe->id, client);
	add(recipe->message, nothing(), "postfix/cleanup[4]: %s: message-id=%s", recipe->id,
	    recipe->message_id);
	postfix_round(recipe);
}

/* Through a content filter, and back with another queue id. */
static void
postfix_filter(struct recipe *recipe)
{
	postfix_queue(recipe, "web.own.test[198.51.100.7]");
	for (unsigned i = 0; i < recipe->recipients; i++)
		add(recipe->message, outcome(recipe->to[i], "sent", "2.0.0", "hand"),
		    "postfix/smtp[5]: %s: to=<%s>, relay=127.0.0.1[127.0.0.1]:10024, delay=0.2, "
		    "delays=0/0/0.1/0.1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): "
		    "250 2.0.0 Ok: queued as X)", recipe->id, recipe->to[i]);
	add(recipe->message, nothing(), "postfix/qmgr[7]: %s: removed", recipe->id);
	serial++;
	postfix_queue(recipe, "localhost[127.0.0.1]");
}

/* What waits is tried again, some of it until the end. */
static void
postfix_retries(struct recipe *recipe)
{
	const struct failure *failures[5];
	char words[5][TEXT_BYTES];
	unsigned rounds = 1 + (unsigned)random_below(4), waiting = 0;
	bool expires = percent(30);

	for (unsigned i = 0; i < recipe->recipients; i++) {
		failures[i] = &ONE_OF(soft);
		print_words(recipe, failures[i], words[i]);
	}
	for (unsigned round = 0; round < rounds; round++) {
		waiting = 0;
		for (unsigned i = 0; i < recipe->recipients; i++) {
			if (!recipe->waits[i])
				continue;
			if (round > 0 && percent(30)) {
				postfix_outcome(recipe, i, "sent", "2.0.0", "250 2.0.0 Ok: queued as %s", "X");
				recipe->waits[i] = false;
				continue;
			}
			postfix_defer(recipe, i, percent(15) ? NULL : failures[i], words[i]);
			waiting++;
		}
		if (waiting > 0 && round + 1 < rounds)
			postfix_round(recipe);
	}
	if (!expires || waiting == 0)
		return;
	/* The last round, and what was said in it. */
	postfix_round(recipe);
	char *expected = nothing();
	for (unsigned i = 0; i < recipe->recipients; i++) {
		bool tried = percent(80);

		if (!recipe->waits[i])
			continue;
		postfix_defer(recipe, i, tried ? failures[i] : NULL, words[i]);
		expected = both(expected, outcome(recipe->to[i], "expired",
		    tried ? failures[i]->status : "4.4.1", "out"));
	}
	add(recipe->message, expected, "postfix/qmgr[7]: %s: from=<%s>, status=expired, returned to sender",
	    recipe->id, recipe->sender);
}

static void
postfix_noise(struct recipe *recipe)
{
	static const char *const lines[] = {
		"postfix/smtpd[3]: connect from unknown[198.51.100.7]",
		"postfix/smtpd[3]: disconnect from unknown[198.51.100.7] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5",
		("postfix/smtpd[3]: NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 550 5.1.1 <victim@example.com>: "
		    "Recipient address rejected: no; from=<a@b.test> to=<victim@example.com> proto=ESMTP helo=<x>"),
		"postfix/smtp[5]: connect to mx.test[192.0.2.9]:25: Connection refused",
		"postfix/anvil[6]: statistics: max connection rate 1/60s for (smtp:198.51.100.7) at Nov 20 15:02:18",
		"postfix/smtpd[3]: warning: hostname x.test does not resolve to address 198.51.100.7",
	};

	add(recipe->message, nothing(), "%s", ONE_OF(lines));
	if (percent(10))
		add(recipe->message, nothing(), "dovecot: imap-login: Login: user=<%s>", recipe->sender);
	if (recipe->hostile && percent(30))
		add(recipe->message, nothing(), "postfix/smtp[5]: warning: %s \001\377\"<\\%%%.*s", imitation(),
		    (int)random_below(200), "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((");
}

/* One that never leaves: our own mailboxes, and a probe. */
static void
postfix_local(struct recipe *recipe)
{
	postfix_queue(recipe, "web.own.test[198.51.100.7]");
	if (percent(30)) {
		add(recipe->message, outcome(recipe->to[0], "probe", "5.1.1", "out"),
		    "postfix/smtp[5]: %s: to=<%s>, relay=mx.test[192.0.2.9]:25, delay=0.1, dsn=5.1.1, "
		    "status=undeliverable (host mx.test[192.0.2.9] said: 550 5.1.1 no)", recipe->id, recipe->to[0]);
		return;
	}
	for (unsigned i = 0; i < recipe->recipients; i++) {
		bool fails = percent(option.failures);

		add(recipe->message, outcome(recipe->to[i], fails ? "bounced" : "sent", fails ? "5.1.1" : "2.0.0",
		    "hand"), "postfix/lmtp[8]: %s: to=<%s>, relay=own.test[private/lmtp], delay=0.1, "
		    "delays=0/0/0/0.1, dsn=%s, status=%s (%s)", recipe->id, recipe->to[i],
		    fails ? "5.1.1" : "2.0.0", fails ? "bounced" : "sent", fails ?
		    "host own.test[private/lmtp] said: 550 5.1.1 no (in reply to RCPT TO command)" :
		    "250 2.0.0 saved");
	}
}

static void
postfix_message(struct message *message)
{
	struct recipe recipe;
	char words[TEXT_BYTES];

	begin(&recipe, message);
	postfix_noise(&recipe);
	if (percent(10)) {
		postfix_local(&recipe);
		add(message, nothing(), "postfix/qmgr[7]: %s: removed", recipe.id);
		return;
	}
	if (percent(20))
		postfix_filter(&recipe);
	else
		postfix_queue(&recipe, percent(50) ? "web.own.test[198.51.100.7]" :
		    "web.own.test[198.51.100.7], sasl_method=PLAIN, sasl_username=jo");
	for (unsigned i = 0; i < recipe.recipients; i++) {
		const struct failure *failure = &ONE_OF(hard);

		if (percent(option.failures / 2))
			continue;
		recipe.waits[i] = false;
		if (!percent(option.failures)) {
			postfix_outcome(&recipe, i, "sent", "2.0.0", "250 2.0.0 Ok: queued as %s", "X");
			continue;
		}
		print_words(&recipe, failure, words);
		if (percent(10))
			postfix_outcome(&recipe, i, "SOFTBOUNCE", failure->status,
			    "host mx.test[192.0.2.9] said: %s (in reply to end of DATA command)", words);
		else
			postfix_outcome(&recipe, i, "bounced", failure->status,
			    "host mx.test[192.0.2.9] said: %s (in reply to RCPT TO command)", words);
	}
	postfix_retries(&recipe);
	add(message, nothing(), "postfix/qmgr[7]: %s: removed", recipe.id);
}

/* --- Sendmail --------------------------------------------------------------- */

/* One line for all that wait. */
static void
sendmail_to(struct recipe *recipe, const char *word, const struct failure *failure, const char *text)
{
	char list[1400] = "";
	char *expected = nothing();

	for (unsigned i = 0; i < recipe->recipients; i++) {
		size_t len = strlen(list);

		if (!recipe->waits[i])
			continue;
		snprintf(list + len, sizeof(list) - len, "%s<%s>", len == 0 ? "" : ",", recipe->to[i]);
		expected = both(expected, outcome(recipe->to[i], word, failure->status, "out"));
	}
	add(recipe->message, expected, "sm-mta[2]: %s: to=%s, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
	    "pri=30095, relay=mx.test. [192.0.2.9], dsn=%s, %s", recipe->id, list, failure->status, text);
}

static void
sendmail_fail(struct recipe *recipe, const char *word, const struct failure *failure)
{
	char words[TEXT_BYTES], text[TEXT_BYTES + 32];

	print_words(recipe, failure, words);
	words[400] = '\0';
	for (char *at = words; *at != '\0'; at++)
		*at = *at < ' ' ? '?' : *at;
	snprintf(text, sizeof(text), "reply=%s, stat=%s", words,
	    strcmp(word, "bounced") == 0 ? "User unknown" : "Deferred");
	sendmail_to(recipe, word, failure, text);
}

static void
sendmail_message(struct message *message)
{
	static const struct failure sent = { "2.0.0", "" };
	const struct failure *failure = &ONE_OF(soft);
	struct recipe recipe;
	char *expected;

	begin(&recipe, message);
	snprintf(recipe.id, sizeof(recipe.id), "6AK%011llu", (unsigned long long)serial);
	add(message, nothing(), "sm-mta[2]: %s: from=<%.198s>, size=95, class=0, nrcpts=%u, msgid=%.100s, "
	    "proto=ESMTP, daemon=MTA, relay=web.own.test [198.51.100.7]", recipe.id, recipe.sender,
	    recipe.recipients, recipe.message_id);
	if (percent(option.failures)) {
		sendmail_fail(&recipe, "bounced", &ONE_OF(hard));
	} else if (percent(option.failures / 2)) {
		for (unsigned rounds = 1 + (unsigned)random_below(3); rounds > 0; rounds--)
			sendmail_fail(&recipe, "deferred", failure);
		recipe.waits[0] = false;
		if (recipe.recipients > 1)
			sendmail_fail(&recipe, "deferred", failure);
		recipe.waits[0] = true;
		expected = nothing();
		for (unsigned i = 0; i < recipe.recipients; i++)
			expected = both(expected, outcome(recipe.to[i], "expired", failure->status, "out"));
		add(message, expected, "sm-mta[2]: %s: 6AK99999999999: sender notify: Cannot send message for 5 days",
		    recipe.id);
	} else {
		sendmail_to(&recipe, "sent", &sent, "stat=Sent (ok)");
	}
	add(message, nothing(), "sm-mta[2]: %s: done; delay=00:00:01, ntries=1", recipe.id);
}

/* --- the log ---------------------------------------------------------------- */

static void
open_file(void)
{
	file = open(option.path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (file == -1)
		err(1, "%s", option.path);
}

/* Nobody rotates so often that two files were written last in the same moment,
   which a file system tells to some 10 ms, nor that names never rest. */
static void
let_time_pass(void)
{
	static struct timespec last;
	struct timespec now, wait = { 0, 60000000 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last.tv_sec) * 1000000000 + now.tv_nsec - last.tv_nsec < wait.tv_nsec)
		nanosleep(&wait, NULL);
	clock_gettime(CLOCK_MONOTONIC, &last);
}

static void
rotate(void)
{
	char from[4096], to[4096];

	let_time_pass();
	for (unsigned i = files; i > 0; i--) {
		snprintf(from, sizeof(from), "%s.%u", option.path, i);
		snprintf(to, sizeof(to), "%s.%u", option.path, i + 1);
		if (i >= option.keep)
			unlink(from);
		else
			rename(from, to);
	}
	files = files < option.keep ? files + 1 : files;
	snprintf(to, sizeof(to), "%s.1", option.path);
	if (rename(option.path, to) == -1)
		err(1, "%s", to);
	renamed = file;
	open_file();
}

static void
renew(struct message *message)
{
	for (unsigned i = 0; i < message->count; i++) {
		free(message->lines[i].text);
		free(message->lines[i].expect);
	}
	message->count = message->next = 0;
}

/* Lines come 1 ms apart. */
static void
write_line(int fd, const struct line *line, uint64_t number)
{
	time_t seconds = (time_t)(option.start + (int64_t)(number / 1000));
	char whole[TEXT_BYTES + 64], stamp[32];
	struct tm tm;
	int len;

	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	len = snprintf(whole, sizeof(whole), "%s.%03u000+00:00 mta %s\n", stamp, (unsigned)(number % 1000),
	    line->text);
	if (write(fd, whole, (size_t)len) != len)
		err(1, "%s", option.path);
	if (expect != NULL)
		fputs(line->expect, expect);
}

/* To the file that was renamed: a message of which nothing else is told. */
static void
write_late(uint64_t number)
{
	static struct message late;
	struct recipe recipe;

	renew(&late);
	begin(&recipe, &late);
	snprintf(recipe.id, sizeof(recipe.id), "4jWKM%07lluzL", (unsigned long long)serial);
	if (percent(50))
		postfix_outcome(&recipe, 0, "sent", "2.0.0", "250 2.0.0 Ok: queued as %s", "X");
	else
		postfix_outcome(&recipe, 0, "bounced", "5.1.1", "host mx.test[192.0.2.9] said: %s "
		    "(in reply to RCPT TO command)", "550 5.1.1 user unknown");
	write_line(renamed, &late.lines[0], number);
	renew(&late);
}

static void
close_renamed(void)
{
	if (renamed != -1)
		close(renamed);
	renamed = -1;
}

static void
pace(uint64_t number, const struct timespec *began)
{
	struct timespec until = *began;
	uint64_t nsec = number * (1000000000 / option.rate);

	until.tv_sec += (time_t)(nsec / 1000000000);
	until.tv_nsec += (long)(nsec % 1000000000);
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void
generate(void)
{
	static struct message active[ACTIVE];
	struct timespec began;

	clock_gettime(CLOCK_MONOTONIC, &began);
	for (uint64_t number = 0; number < option.lines; number++) {
		struct message *message = &active[random_below(ACTIVE)];

		if (message->next == message->count) {
			renew(message);
			if (percent(25))
				sendmail_message(message);
			else
				postfix_message(message);
		}
		if (option.rotate > 0 && number > 0 && number % option.rotate == 0)
			rotate();
		write_line(file, &message->lines[message->next++], number);
		while (renamed != -1 && percent(80) && number + 1 < option.lines)
			write_late(++number);
		close_renamed();
		if (option.rate > 0)
			pace(number, &began);
	}
	for (unsigned i = 0; i < ACTIVE; i++)
		renew(&active[i]);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "lines", 1, NULL, 'l' }, { "seed", 1, NULL, 's' }, { "file", 1, NULL, 'f' },
		{ "rotate", 1, NULL, 'o' }, { "keep", 1, NULL, 'k' }, { "hostile", 1, NULL, 'h' },
		{ "failures", 1, NULL, 'a' }, { "expect", 1, NULL, 'e' }, { "rate", 1, NULL, 'r' },
		{ "start", 1, NULL, 't' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t number = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);

		switch (c) {
		case 'l': option.lines = number; break;
		case 's': option.seed = number; break;
		case 'f': option.path = optarg; break;
		case 'o': option.rotate = number; break;
		case 'k': option.keep = number; break;
		case 'h': option.hostile = (unsigned)number; break;
		case 'a': option.failures = (unsigned)number; break;
		case 'e': option.expect = optarg; break;
		case 'r': option.rate = number; break;
		case 't': option.start = (int64_t)number; break;
		default: return 2;
		}
	}
	if (option.path == NULL)
		errx(2, "usage: generate_log --file PATH [--lines N] ...");
	state = option.seed * 0x9e3779b97f4a7c15u + 1;
	serial = option.seed * 100000000;
	if (option.expect != NULL && (expect = fopen(option.expect, "w")) == NULL)
		err(1, "%s", option.expect);
	open_file();
	generate();
	close(file);
	if (expect != NULL && fclose(expect) != 0)
		err(1, "%s", option.expect);
	return 0;
}
