/*
 * The words themselves: data, and nothing else. They are lower case where ASCII
 * has case; of other scripts both forms stand here where a sentence may begin
 * with them.
 */
#include "parse/phrase_words.h"

/* Subjects of reports, in the languages that MTAs speak. */
static const char *const subject[] = {
	"undeliverable", "undelivered", "undeliver", "delivery failure", "delivery has failed",
	"delivery failed", "failure notice", "delivery status notification",
	"delivery notification", "returned mail", "returned to sender",
	"returning message to sender", "mail failure", "returning to sender", "failure delivery",
	"failed delivery", "could not be delivered", "could not send message",
	"couldn't be delivered", "not delivered", "delivery error", "mail delivery problem",
	"delivery problem", "mail system error", "nondeliverable", "non-deliverable",
	"non delivery", "nondelivery", "mail error", "unable to deliver",
	"message status - undeliverable", "delivery unsuccessful", "delivery report",
	"error sending your mail", "loop alert", "message delivery", "warning: could not send",
	"warning--could not send", "delayed mail", "delivery delayed", "delivery is delayed",
	"unzustellbar", "nicht zugestellt", "zustellung fehlgeschlagen",
	"fehlgeschlagene zustellung", "non remis", "non délivr", "échec de la remise",
	"échec de remise", "avis de non", "non recapitabile", "mancato recapito",
	"errore di recapito", "no se puede entregar", "no entregado", "no se pudo entregar",
	"devuelto", "não entregue", "falha na entrega", "não foi possível entregar",
	"onbestelbaar", "niet bezorgd", "kan niet worden bezorgd", "не доставлено",
	"недоставленное", "не может быть доставлено", "недоставлено", "系统退信", "退信", "無法傳遞",
	"无法投递", "未送达", "配信不能", "配信不可", "配送不能", "配信エラー", "送信エラー", "エラーメール", "配信されません", "送信に失敗", "전송 실패", "전송실패", "반송", "niedostarczon", "echec de la distribution", "zustellungsfehler", "non consegnat", "mancata consegna", "メールが送信できませんでした",
	"niedoręczalne", "nie dostarczono", "doręczenie", "kunde inte levereras",
	"kunne ikke leveres", "kan ikke leveres", "oleverbart",
	NULL,
};

/* Sentences that say that a delivery failed. */
static const char *const failure[] = {
	"could not be delivered", "couldn't be delivered", "cannot be delivered",
	"can not be delivered", "can't be delivered", "could not be sent", "was not delivered",
	"wasn't delivered", "were not delivered", "not be delivered", "not been delivered", "automatically rejected", "has not been delivered",
	"unable to deliver", "able to deliver your message", "undeliverable", "undelivered",
	"delivery failed", "delivery has failed", "failed permanently",
	"error delivering", "trouble delivering",
	"problem delivering", "failed to deliver", "could not deliver", "couldn't deliver",
	"can't deliver", "cannot deliver", "not deliver", "did not reach", "permanent error",
	"permanent fatal error", "delivery error", "delivery problem", "had permanent",
	"returned to sender",
	"returned mail", "invalid user", "user unknown", "unknown user", "no such user",
	"no account", "unknown recipient", "address not found", "permanent failure",
	"delivery of your", "could not be reached", "returning it", "failed address",
	"invalid address", "message could not", "mail could not", "nicht zugestellt",
	"unzustellbar", "nicht ausgeliefert", "pas pu être", "pas être remis", "non è stato",
	"non può essere", "no se pudo", "no se ha podido", "não pôde", "niet bezorgd",
	"не может быть", "не доставлен", "送達できま", "配信でき", "配信されません", "送信に失敗", "non e' stato", "nie mogła zostać", "nie mógł zostać", "a pas été distribué", "전송 실패", "전송에 실패", "전송되지", "배달되지", "보낼 수 없", "未能送达", "无法送达", "届きません", "配信に失敗", "kunde inte", "kunne ikke", "teslim edilemedi", "nelze doručit", "nie można dostarczyć", "non puo' essere", "반송", "送信でき", "届けられ", "退回",
	NULL,
};

/* Words of a failure that stand in other notices, too. */
static const char *const mishap[] = {
	"following address", "following recipient", "these recipients", "delivery to the following",
	"bounced", "rejected", "refused", "mailbox", "over quota", "not accepted", "nonexistent",
	"non-existent", "error message", "loop", "duplicated", "may not exist",
	"will be retried", "delayed", "expired", "konnte nicht", "n'a pas été", "n'existe pas",
	"échec", "impossibile", "no existe", "no se puede", "não foi", "não existe",
	"niet worden", "не был", "не существует", "拒否され", "見つかりません", "ありません", "无法", "未能", "無法",
	"失败",
	NULL,
};

/* The MTA has not given up. */
static const char *const delay[] = {
	"this is a warning message only", "do not need to resend", "delivery is delayed",
	"has been delayed", "message is delayed", "delivery delayed", "delayed mail",
	"not yet been delivered", "has not been delivered yet", "have not yet been delivered",
	"still trying", "still being retried", "will be retried", "will keep trying",
	"will continue to", "continue to be attempted", "attempts will continue",
	"only a temporary failure report", "warning: could not send",
	"could not send mail for past", "warning--could not send",
	"could not send message for past", "delays in delivering",
	"delivery status notification (delay)", "verzögert", "retardé", "en retard", "retrasado",
	"atrasada", "задерж", "遅延", "延迟",
	NULL,
};

/* ... and yet it has. */
static const char *const final[] = {
	"failed permanently", "permanent error", "permanent failure", "permanent fatal",
	"giving up", "given up", "will be deleted from", "not going to try again", "aborted",
	"has expired", "no further delivery attempts",
	NULL,
};

/* Subjects of answering machines. */
static const char *const auto_reply[] = {
	"out of office", "out of the office", "out-of-office", "automatic reply",
	"automatic response", "auto reply", "auto-reply", "autoreply", "auto response",
	"auto-response", "autoresponse", "auto: ", "vacation", "away from", "on leave",
	"on holiday", "annual leave", "away until", "absence", "absent", "abwesend",
	"abwesenheit", "automatische antwort", "réponse automatique", "respuesta automática",
	"fuera de la oficina", "resposta automática", "fora do escritório",
	"risposta automatica", "fuori sede", "fuori ufficio", "automatisch antwoord", "afwezig",
	"автоматический ответ", "автоответ", "自动答复", "自动回复", "自動返信", "自動応答", "不在",
	"automatiskt svar", "autosvar", "automatisk svar", "automaattinen vastaus",
	"odpowiedź automatyczna",
	NULL,
};

/* Prove that you are a person. */
static const char *const challenge[] = {
	"please confirm your message", "confirm that you are not a spammer",
	"confirm your e-mail", "challenge-response", "challenge/response", "spamarrest",
	"spam arrest", "boxbe", "tmda", "qconfirm", "sender verification",
	"verify that you are a real", "verify your identity", "to have your message delivered",
	"in order for your message to be delivered", "spamblocker", "approved sender list",
	"approved senders list", "whitelist request", "antispam uol", "to confirm that you",
	"prove you are human", "prove that you are human", "click on the link below to verify",
	NULL,
};

/* Sentences that name somebody who could help. */
static const char *const contact[] = {
	"contact", "assistance", "questions", "for help", "helpdesk", "abuse@", "please reply to",
	"send mail to postmaster", "please forward", "report this", "further information",
	NULL,
};

/* Behind a line with one of these words comes what was returned. */
static const char *const copy[] = {
	"below this line is a copy", "this is a copy of", "enclosed is a copy of",
	"included is a copy", "below is a copy", "a copy of your message",
	"a copy of the message", "copy of the original message", "copy of original message",
	"header of the original message", "headers of the original message",
	"header from the original message", "headers of the message follow",
	"message headers follow", "message header follows", "headers follow",
	"original message follows", "original message headers", "original message header",
	"original message as follows", "original mail as follows", "original mail follows",
	"unsent message", "undelivered message follows", "non-delivered information",
	"message text follows", "message follows", "returned message", "returned mail follows",
	"first part of the message follows", "text of the message follows",
	"text of your message", "your message follows", "your message reads",
	"your original message", "original message", "original mail", "original text", "beginning of the message",
	"start of returned message", "start of the original message",
	"contents of the message follow", "rejected message", "bounced message",
	"ursprüngliche nachricht", "message original", "mensaje original", "mensagem original",
	"messaggio originale", "oorspronkelijk bericht", "исходное сообщение", "原始邮件", "元のメール",
	NULL,
};

/* Behind this a report repeats itself, for administrators. */
static const char *const details[] = {
	"diagnostic information for administrators", "diagnoseinformationen für administratoren",
	"informations de diagnostic pour les administrateurs",
	"informazioni di diagnostica per gli amministratori",
	"información de diagnóstico para los administradores", "informações de diagnóstico",
	"diagnostische gegevens voor beheerders", "diagnostische informatie voor beheerders",
	"管理者向けの診断情報", "диагностические сведения", "供管理员使用的诊断信息",
	NULL,
};

/* It has arrived. */
static const char *const success[] = {
	"was delivered to", "successfully delivered", "delivered successfully",
	"successful delivery", "has been successfully", "were delivered", "return receipt",
	"successful mail delivery", "erfolgreich zugestellt", "entregado correctamente",
	NULL,
};

/* Behind this stands why. */
static const char *const reason[] = {
	"reason:", "reason for failure:", "cause:", "error was:", "error message:", "motivo:",
	"causa:", "grund:", "ursache:", "raison :", "raison:", "reden:", "причина:", "原因:", "原因：",
	"理由:", "理由：", "사유:",
	NULL,
};

/* Subjects of what a mail system writes about other things. */
static const char *const other[] = {
	"postfix smtp server: errors from", "postfix smtp client: errors", "quarantine",
	"spam digest", "spam report", "spam summary", "mailbox quota", "quota warning",
	"mailbox is almost full", "mailbox almost full", "nearly full", "is full", "storage limit",
	"virus alert", "report domain:", "dmarc aggregate",
	NULL,
};

const char *const *const phrase_words[PHRASE_FORMAT] = {
	[PHRASE_SUBJECT] = subject,
	[PHRASE_FAILURE] = failure,
	[PHRASE_MISHAP] = mishap,
	[PHRASE_DELAY] = delay,
	[PHRASE_FINAL] = final,
	[PHRASE_AUTO_REPLY] = auto_reply,
	[PHRASE_CHALLENGE] = challenge,
	[PHRASE_CONTACT] = contact,
	[PHRASE_COPY] = copy,
	[PHRASE_DETAILS] = details,
	[PHRASE_SUCCESS] = success,
	[PHRASE_REASON] = reason,
	[PHRASE_OTHER] = other,
};

/* What MTAs write of the command that was refused. */
const struct phrase_stage phrase_stages[] = {
	{ "after rcpt", STAGE_RCPT }, { "rcpt to", STAGE_RCPT }, { "rcpt_to", STAGE_RCPT },
	{ "smtp:rcpt", STAGE_RCPT }, { "for rcpt", STAGE_RCPT },
	{ "does not like recipient", STAGE_RCPT }, { "did not like our rcpt", STAGE_RCPT },
	{ "after end of data", STAGE_EOD }, { "end of message", STAGE_EOD },
	{ "our final data", STAGE_EOD }, { "failed on data", STAGE_EOD },
	{ "after i sent the message", STAGE_EOD }, { "for text command", STAGE_EOD },
	{ "smtp:eom", STAGE_EOD }, { "after data", STAGE_DATA }, { "like our data", STAGE_DATA },
	{ "pipelined end of data", STAGE_EOD }, { ">>> data", STAGE_DATA }, { "after mail from", STAGE_MAIL }, { "mail from:", STAGE_MAIL },
	{ "mail_from", STAGE_MAIL }, { "sender was rejected", STAGE_MAIL },
	{ "like our mail", STAGE_MAIL }, { "after ehlo", STAGE_HELO }, { "after helo", STAGE_HELO },
	{ "like our helo", STAGE_HELO }, { "like our ehlo", STAGE_HELO },
	{ ">>> ehlo", STAGE_HELO }, { ">>> helo", STAGE_HELO }, { ">>> starttls", STAGE_HELO },
	{ "after starttls", STAGE_HELO }, { "name was rejected", STAGE_HELO },
	{ "initial connection", STAGE_CONNECT }, { "greeting failed", STAGE_CONNECT },
};

const unsigned phrase_stage_count = sizeof(phrase_stages) / sizeof(phrase_stages[0]);

/* The formats; what is asked first stands first. */
const struct phrase_format phrase_formats[] = {
	{ "google-groups", "X-Failed-Recipients", "@googlegroups.com", NULL },
	{ "gmail", "From", "<mailer-daemon@googlemail.com>", NULL },
	{ "qmail", NULL, NULL, "this is the qmail" },
	{ "qmail", NULL, NULL, "able to deliver your message to the following addresses" },
	{ "yahoo", NULL, NULL, "we were unable to deliver your message to the following address" },
	{ "1und1", "From", "kundenserver.", "mail delivery software" },
	{ "gmx", "From", "gmx.", "mail delivery software" },
	{ "mail.ru", "From", "mail.ru", "mail delivery software" },
	{ "zoho", "From", "zoho", "mail delivery software" },
	{ "mxlogic", "X-MX-Bounce", "", NULL },
	{ "facebook", "From", "mx.facebook.com", NULL },
	{ "exim", NULL, NULL, "created automatically by mail delivery software" },
	{ "exim", NULL, NULL, "created automatically by the smtp relay" },
	{ "yandex", NULL, NULL, "this is the mail system at host yandex" },
	{ "postfix", NULL, NULL, "i'm sorry to have to inform you that" },
	{ "dragonfly", NULL, NULL, "this is the dragonfly mail agent" },
	{ "opensmtpd", NULL, NULL, "this is the mailer-daemon, please do not reply" },
	{ "courier", NULL, NULL, "undeliverable mail" },
	{ "courier", NULL, NULL, "delays in delivering your message" },
	{ "james", NULL, NULL, "error message below:" },
	{ "exchange-2003", NULL, NULL, "did not reach the following recipient" },
	{ "exchange", NULL, NULL, "diagnostic information for administrators" },
	{ "exchange", NULL, NULL, "informations de diagnostic pour les administrateurs" },
	{ "exchange", NULL, NULL, "diagnoseinformationen für administratoren" },
	{ "exchange", NULL, NULL, "informazioni di diagnostica per gli amministratori" },
	{ "exchange", NULL, NULL, "información de diagnóstico para los administradores" },
	{ "exchange", NULL, NULL, "diagnostische gegevens voor beheerders" },
	{ "exchange", NULL, NULL, "delivery has failed to these recipients" },
	{ "exchange", NULL, NULL, "did not reach some or all of the intended recipients" },
	{ "exchange", NULL, NULL, "couldn't be delivered" },
	{ "notes", NULL, NULL, "failure reasons" },
	{ "domino", "Subject", "DELIVERY FAILURE:", NULL },
	{ "domino", "Subject", "DELIVERY_FAILURE:", NULL },
	{ "activehunter", "X-AHMailID", "", NULL },
	{ "biglobe", "From", ".ne.jp", "the following addresses had delivery problems" },
	{ "mcafee", "X-NAI-Header", "", "the following addresses had delivery problems" },
	{ "sendmail", NULL, NULL, "transcript of session follows" },
	{ "sendmail", NULL, NULL, "the following addresses had" },
	{ "x2", NULL, NULL, "unable to deliver message to the following address" },
	{ "x3", NULL, NULL, "this is an automatically generated delivery status notification" },
	{ "x6", NULL, NULL, "we had trouble delivering your message" },
	{ "interscan", NULL, NULL, "interscan" },
	{ "mailfoundry", NULL, NULL, "unable to deliver message to:" },
	{ "mailmarshal", NULL, NULL, "could not be delivered because of" },
	{ "powermta", NULL, NULL, "hello, this is the mail server on" },
	{ "mfilter", "X-Mailer", "m-FILTER", NULL },
	{ "surfcontrol", "X-Mailer", "SurfControl", NULL },
	{ "imail", "X-Mailer", "<SMTP32 v", NULL },
	{ "imail", NULL, NULL, "body of message generated response" },
	{ "imail", "Subject", "Undeliverable Mail", NULL },
	{ "ezweb", "Subject", "Mail System Error - Returned Mail", NULL },
	{ "kddi", NULL, NULL, "could not be delivered to: <" },
	{ "mimecast", NULL, NULL, "an email that you attempted to send to the following address" },
	{ "amazonses", NULL, NULL, "an error occurred while trying to deliver the mail" },
	{ "sendgrid", NULL, NULL, "automatically generated message from sendgrid" },
	{ "barracuda", "Subject", "our bulk email filter", NULL },
	{ "amavis", "From", "Content-filter at", NULL },
	{ "groupwise", NULL, NULL, "the message that you sent was undeliverable to the following" },
	{ "groupwise", "X-Mailer", "GroupWise", "undeliverable" },
	{ "mailenable", NULL, NULL, "mailenable" },
	{ "mdaemon", NULL, NULL, "the attached message had permanent fatal delivery errors" },
	{ "mdaemon", NULL, NULL, "has been delayed. your message" },
	{ "hmailserver", NULL, NULL, "your message did not reach some or all" },
	{ "fml", "Subject", "Loop Alert", NULL },
	{ "fml", NULL, NULL, "you are not a member" },
	{ "aol", "From", "@aol.net", "could not be delivered" },
};

const unsigned phrase_format_count = sizeof(phrase_formats) / sizeof(phrase_formats[0]);

_Static_assert(sizeof(phrase_formats) / sizeof(phrase_formats[0]) <= PHRASE_FORMAT_ROWS,
    "more rows than bits");
