#include "parse/formats.h"

#include <string.h>

#include "parse/header.h"
#include "parse/limits.h"

/* One format: all that is given must be there. `field` holds `needle`, or is
   there at all if the needle is ""; the notice holds `phrase`. */
struct format {
	const char *name;
	const char *field, *needle;
	const char *phrase;
};

static const struct format formats[] = {
	{ "google-groups", "X-Failed-Recipients", "@googlegroups.com", NULL },
	{ "gmail", "From", "<mailer-daemon@googlemail.com>", NULL },
	{ "qmail", NULL, NULL, "This is the qmail" },
	{ "qmail", NULL, NULL, "able to deliver your message to the following addresses" },
	{ "yahoo", NULL, NULL, "we were unable to deliver your message to the following address" },
	{ "1und1", "From", "kundenserver.", "mail delivery software" },
	{ "gmx", "From", "gmx.", "mail delivery software" },
	{ "mail.ru", "From", "mail.ru", "mail delivery software" },
	{ "zoho", "From", "zoho", "mail delivery software" },
	{ "mxlogic", "X-MX-Bounce", "", NULL },
	{ "facebook", "From", "mx.facebook.com", NULL },
	{ "exim", NULL, NULL, "created automatically by mail delivery software" },
	{ "exim", NULL, NULL, "created automatically by the SMTP relay" },
	{ "yandex", NULL, NULL, "This is the mail system at host yandex" },
	{ "postfix", NULL, NULL, "I'm sorry to have to inform you that" },
	{ "dragonfly", NULL, NULL, "This is the DragonFly Mail Agent" },
	{ "opensmtpd", NULL, NULL, "This is the MAILER-DAEMON, please DO NOT REPLY" },
	{ "courier", NULL, NULL, "UNDELIVERABLE MAIL" },
	{ "courier", NULL, NULL, "DELAYS IN DELIVERING YOUR MESSAGE" },
	{ "james", NULL, NULL, "Error message below:" },
	{ "exchange-2003", NULL, NULL, "did not reach the following recipient" },
	{ "exchange", NULL, NULL, "Diagnostic information for administrators" },
	{ "exchange", NULL, NULL, "Informations de diagnostic pour les administrateurs" },
	{ "exchange", NULL, NULL, "Diagnoseinformationen für Administratoren" },
	{ "exchange", NULL, NULL, "Informazioni di diagnostica per gli amministratori" },
	{ "exchange", NULL, NULL, "Información de diagnóstico para los administradores" },
	{ "exchange", NULL, NULL, "Diagnostische gegevens voor beheerders" },
	{ "exchange", NULL, NULL, "Delivery has failed to these recipients" },
	{ "exchange", NULL, NULL, "did not reach some or all of the intended recipients" },
	{ "exchange", NULL, NULL, "couldn't be delivered" },
	{ "notes", NULL, NULL, "Failure Reasons" },
	{ "domino", "Subject", "DELIVERY FAILURE", NULL },
	{ "domino", "Subject", "DELIVERY_FAILURE", NULL },
	{ "activehunter", "X-AHMailID", "", NULL },
	{ "biglobe", "From", ".ne.jp", "The following addresses had delivery problems" },
	{ "mcafee", "X-NAI-Header", "", "The following addresses had delivery problems" },
	{ "sendmail", NULL, NULL, "Transcript of session follows" },
	{ "sendmail", NULL, NULL, "The following addresses had" },
	{ "x2", NULL, NULL, "Unable to deliver message to the following address" },
	{ "x3", NULL, NULL, "This is an automatically generated Delivery Status Notification" },
	{ "x6", NULL, NULL, "We had trouble delivering your message" },
	{ "interscan", NULL, NULL, "InterScan" },
	{ "mailfoundry", NULL, NULL, "Unable to deliver message to:" },
	{ "mailmarshal", NULL, NULL, "Could not be delivered because of" },
	{ "powermta", NULL, NULL, "Hello, this is the mail server on" },
	{ "mfilter", "X-Mailer", "m-FILTER", NULL },
	{ "surfcontrol", "X-Mailer", "SurfControl", NULL },
	{ "imail", "X-Mailer", "<SMTP32 v", NULL },
	{ "imail", NULL, NULL, "Body of message generated response" },
	{ "imail", "Subject", "Undeliverable Mail", NULL },
	{ "ezweb", "Subject", "Mail System Error - Returned Mail", NULL },
	{ "kddi", NULL, NULL, "Could not be delivered to: <" },
	{ "mimecast", NULL, NULL, "An email that you attempted to send to the following address" },
	{ "amazonses", NULL, NULL, "An error occurred while trying to deliver the mail" },
	{ "sendgrid", NULL, NULL, "automatically generated message from SendGrid" },
	{ "barracuda", "Subject", "our bulk email filter", NULL },
	{ "amavis", "From", "Content-filter at", NULL },
	{ "groupwise", NULL, NULL, "The message that you sent was undeliverable to the following" },
	{ "groupwise", "X-Mailer", "GroupWise", "undeliverable" },
	{ "mailenable", NULL, NULL, "MailEnable" },
	{ "mdaemon", NULL, NULL, "The attached message had PERMANENT fatal delivery errors" },
	{ "mdaemon", NULL, NULL, "has been delayed. Your message" },
	{ "hmailserver", NULL, NULL, "Your message did not reach some or all" },
	{ "fml", "Subject", "Loop Alert", NULL },
	{ "fml", NULL, NULL, "you are not a member" },
	{ "aol", "From", "@aol.net", "could not be delivered" },
};

/* Who writes reports. Only what stands at the beginning of a name or a local
   part. */
static const char *const daemons[] = {
	"mailer-daemon", "mailer_daemon", "mailerdaemon", "postmaster", "post_master", "post-master",
	"mail delivery", "mail deliver system", "mail-delivery", "mail.delivery", "mdaemon",
	"mail administrator", "mail-daemon", "maildaemon", "mailmaster", "system administrator",
	"mail system", "mail-system", "delivery subsystem", "internet mail delivery", "mail router",
	"email delivery", "delivery-subsystem", "delivery status", "smtp32", "microsoft outlook",
	"mail gateway", "bounce-handler", "mta ", "smtp server", "systemadministrator",
	"virus-scanner", "content-filter", "systemadmin", "undeliverable",
};

/* Subjects of reports, in the languages that MTAs speak. */
static const char *const failure_subjects[] = {
	"undeliverable", "undelivered", "undeliver", "delivery failure", "delivery has failed",
	"delivery failed", "failure notice", "delivery status notification", "delivery notification",
	"returned mail", "returned to sender", "returning message to sender", "mail failure",
	"returning to sender", "failure delivery", "failed delivery", "could not be delivered",
	"could not send message", "couldn't be delivered", "not delivered", "delivery error",
	"mail delivery problem", "delivery problem", "mail system error", "nondeliverable",
	"non-deliverable", "non delivery", "nondelivery", "mail error", "unable to deliver",
	"message status - undeliverable", "delivery unsuccessful", "delivery report",
	"error sending your mail", "message delivery", "warning: could not send",
	"warning--could not send", "delayed mail", "delivery delayed", "delivery is delayed",
	"unzustellbar", "nicht zugestellt", "zustellung fehlgeschlagen", "fehlgeschlagene zustellung",
	"non remis", "non délivr", "échec de la remise", "échec de remise", "avis de non",
	"non recapitabile", "mancato recapito", "errore di recapito", "no se puede entregar",
	"no entregado", "no se pudo entregar", "devuelto", "não entregue", "falha na entrega",
	"não foi possível entregar", "onbestelbaar", "niet bezorgd", "kan niet worden bezorgd",
	"не доставлено", "недоставленное", "не может быть доставлено", "недоставлено", "系统退信",
	"退信", "無法傳遞", "无法投递", "未送达", "配信不能", "配信不可", "配送不能", "配信エラー", "送信エラー",
	"エラーメール", "メールが送信できませんでした", "niedoręczalne", "nie dostarczono", "doręczenie",
	"kunde inte levereras", "kunne ikke leveres", "kan ikke leveres", "oleverbart",
};

/* Sentences that say it. */
static const char *const failure_words[] = {
	"could not be delivered", "couldn't be delivered", "cannot be delivered",
	"can not be delivered", "can't be delivered", "could not be sent", "was not delivered",
	"wasn't delivered", "were not delivered", "not be delivered", "has not been delivered",
	"unable to deliver", "able to deliver your message", "undeliverable", "undelivered",
	"delivery failed", "delivery has failed", "failed permanently", "delivery to the following",
	"error delivering", "trouble delivering", "problem delivering", "failed to deliver",
	"could not deliver", "couldn't deliver", "can't deliver", "cannot deliver", "not deliver",
	"did not reach", "permanent error", "permanent fatal error", "delivery error",
	"delivery problem", "had permanent", "following address", "following recipient",
	"these recipients", "returned to sender", "returned mail", "bounced", "rejected", "refused",
	"mailbox", "invalid user", "user unknown", "unknown user", "no such user", "no account",
	"unknown recipient", "address not found", "over quota", "permanent failure", "not accepted",
	"delivery of your", "could not be reached", "nonexistent", "non-existent", "returning it",
	"failed address", "invalid address", "message could not", "mail could not", "error message",
	"loop", "duplicated", "may not exist", "will be retried", "delayed", "expired",
	"nicht zugestellt", "unzustellbar", "nicht ausgeliefert", "konnte nicht", "pas pu être",
	"pas être remis", "n'a pas été", "n'existe pas", "échec", "non è stato", "impossibile",
	"non può essere", "no se pudo", "no se ha podido", "no existe", "no se puede", "não foi",
	"não pôde", "não existe", "niet bezorgd", "niet worden", "не может быть", "не доставлен",
	"не был", "не существует", "送達できま", "配信でき", "送信でき", "届けられ", "拒否され",
	"見つかりません", "ありません", "无法", "未能", "退回", "無法", "失败",
};

/* The MTA has not given up. */
static const char *const delay_words[] = {
	"this is a warning message only", "do not need to resend", "delivery is delayed",
	"has been delayed", "message is delayed", "delivery delayed", "delayed mail",
	"not yet been delivered", "has not been delivered yet", "have not yet been delivered",
	"still trying", "still being retried", "will be retried", "will keep trying",
	"will continue to", "continue to be attempted", "attempts will continue",
	"only a temporary failure report", "warning: could not send", "could not send mail for past",
	"warning--could not send", "could not send message for past", "delays in delivering",
	"delivery status notification (delay)", "verzögert", "retardé", "en retard", "retrasado",
	"atrasada", "задерж", "遅延", "延迟",
};

/* ... and yet it has. */
static const char *const final_words[] = {
	"failed permanently", "permanent error", "permanent failure", "permanent fatal", "giving up",
	"given up", "will be deleted from", "not going to try again", "aborted", "has expired",
	"no further delivery attempts", "could not be delivered for",
};

static const char *const auto_reply_subjects[] = {
	"out of office", "out of the office", "out-of-office", "automatic reply", "automatic response",
	"auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "autoresponse",
	"auto: ", "vacation", "away from", "on leave", "on holiday", "annual leave", "away until",
	"absence", "absent", "abwesend", "abwesenheit", "automatische antwort", "réponse automatique",
	"respuesta automática", "fuera de la oficina", "resposta automática", "fora do escritório",
	"risposta automatica", "fuori sede", "fuori ufficio", "automatisch antwoord", "afwezig",
	"автоматический ответ", "автоответ", "自动答复", "自动回复", "自動返信", "自動応答", "不在",
	"automatiskt svar", "autosvar", "automatisk svar", "automaattinen vastaus", "odpowiedź automatyczna",
};

static const char *const challenge_words[] = {
	"please confirm your message", "confirm that you are not a spammer", "confirm your e-mail",
	"challenge-response", "challenge/response", "spamarrest", "spam arrest", "boxbe", "tmda",
	"qconfirm", "sender verification", "verify that you are a real", "verify your identity",
	"to have your message delivered", "in order for your message to be delivered", "spamblocker",
	"approved sender list", "approved senders list", "whitelist request", "antispam uol",
	"to confirm that you", "prove you are human", "prove that you are human", "click on the link below to verify",
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Which of the words stands in the text? Returns its number, or -1. */
static int
find_word(struct str text, const char *const *words, size_t count)
{
	size_t at;

	for (size_t i = 0; i < count; i++) {
		if (str_ifind(text, str_of(words[i]), 0, &at) == 1)
			return (int)i;
	}
	return -1;
}

#define HAS(text, words) (find_word(text, words, COUNT_OF(words)) != -1)

static struct str
field_text(const struct reading *reading, const char *name)
{
	return str_of(header_text(reading->headers, str_of(name), LIMITS_ID_BYTES,
	    reading->arena));
}

static bool
has_field(const struct reading *reading, const char *name)
{
	struct str value;

	return header_find(reading->headers, str_of(name), &value) == 1;
}

/* "Mail Delivery Subsystem <mailer-daemon@x>", "postmaster@x": a word of the
   table at the front, behind "<", or behind a quote. */
static bool
is_daemon(struct str from)
{
	size_t at = 0;

	do {
		struct str name = str_trim(str_sub(from, at, from.len));

		while (name.len > 0 && strchr("<\"'( ", name.data[0]) != NULL)
			name = str_sub(name, 1, name.len);
		for (size_t i = 0; i < COUNT_OF(daemons); i++) {
			if (str_istarts(name, str_of(daemons[i])))
				return true;
		}
		for (at++; at < from.len && strchr("<\"(", from.data[at]) == NULL; at++)
			continue;
	} while (at < from.len);
	return false;
}

static bool
is_auto_reply(const struct reading *reading, struct str subject)
{
	struct str value = field_text(reading, "Auto-Submitted");

	if (str_istarts(value, STR("auto-replied")))
		return true;
	if (has_field(reading, "X-Autoreply") || has_field(reading, "X-Autorespond") ||
	    has_field(reading, "X-Auto-Reply") || has_field(reading, "X-Autoresponse") ||
	    has_field(reading, "X-Autoreply-From") || has_field(reading, "X-Mail-Autoreply"))
		return true;
	value = field_text(reading, "Precedence");
	if (str_iequal(value, STR("auto_reply")) || str_iequal(value, STR("auto-reply")))
		return true;
	if (str_iequal(field_text(reading, "X-Apple-Action"), STR("VACATION")))
		return true;
	return HAS(subject, auto_reply_subjects);
}

static const char *
find_format(const struct reading *reading)
{
	size_t at;

	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		const struct format *row = &formats[i];

		if (row->field != NULL && (!has_field(reading, row->field) ||
		    str_ifind(field_text(reading, row->field), str_of(row->needle), 0, &at) == 0))
			continue;
		if (row->phrase != NULL &&
		    str_ifind(reading->notice, str_of(row->phrase), 0, &at) == 0)
			continue;
		return row->name;
	}
	return "";
}

/* How sure the headers are that a mail system speaks. */
static bool
is_from_system(const struct reading *reading, struct str from, struct str subject)
{
	struct str path;

	if (reading->null_sender || is_daemon(from) || has_field(reading, "X-Failed-Recipients"))
		return true;
	return header_find(reading->headers, STR("Return-Path"), &path) == 1 ?
	    str_equal(str_trim(path), STR("<>")) : HAS(subject, failure_subjects);
}

enum formats_kind
formats_kind(const struct reading *reading, const char **format_r)
{
	struct str subject = field_text(reading, "Subject");
	struct str from = field_text(reading, "From");
	bool system = is_from_system(reading, from, subject);
	bool failure_subject = HAS(subject, failure_subjects);

	*format_r = "";
	if (is_auto_reply(reading, subject) && !failure_subject && !is_daemon(from))
		return FORMATS_AUTO_REPLY;
	if (!is_daemon(from) && !failure_subject && (HAS(subject, challenge_words) ||
	    HAS(reading->notice, challenge_words)))
		return FORMATS_CHALLENGE;
	*format_r = find_format(reading);
	if (!system && (*format_r)[0] == '\0')
		return FORMATS_OTHER;
	if (!failure_subject && !HAS(reading->notice, failure_words))
		return FORMATS_OTHER;
	if ((HAS(subject, delay_words) || HAS(reading->notice, delay_words)) &&
	    !HAS(reading->notice, final_words))
		return FORMATS_DELAY;
	return FORMATS_FAILURE;
}

bool
formats_is_candidate(struct str name, struct str value)
{
	if (str_iequal(name, STR("From")))
		return is_daemon(value);
	return str_iequal(name, STR("X-Failed-Recipients"));
}

bool
formats_is_report(struct str headers, struct arena *arena)
{
	struct str subject = str_of(header_text(headers, STR("Subject"), LIMITS_ID_BYTES, arena));
	struct str from = str_of(header_text(headers, STR("From"), LIMITS_ID_BYTES, arena));

	return is_daemon(from) && HAS(subject, failure_subjects);
}

bool
formats_tells_failure(struct str sentence)
{
	return HAS(sentence, failure_words);
}
