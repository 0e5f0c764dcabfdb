/*
 * msg: what the program tells its operator; the only user of syslog(3).
 *
 * A daemon writes to syslog; a tool, a test, and a daemon in the foreground
 * write to standard error, with the priority in front where the journal reads
 * it. One message is one line: control characters and
 * bytes that are not ASCII are written as '?', because part of a message may
 * be a stranger's words.
 */
#ifndef BASE_MSG_H
#define BASE_MSG_H

#include <stdbool.h>

enum msg_level { MSG_DEBUG, MSG_INFO, MSG_WARNING, MSG_ERROR, MSG_ALERT };

/* Name the program; to_syslog says where lines go. Call it once, before any
   thread is started; the name must stay valid. */
void msg_open(const char *program, bool to_syslog);

/* Write MSG_DEBUG lines too. */
void msg_set_debug(bool on);

void msg_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void msg_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Somebody has to act: syslog level LOG_ALERT. */
void msg_alert(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Say it and end the process with sysexits' EX_OSERR. */
_Noreturn void msg_out_of_memory(void);

/*
 * Describe a failure to the caller: format the text into a buffer of the
 * calling thread (valid until its next failure) and let *error_r point to it.
 * Always returns -1, so that "return msg_failure(error_r, ...)" reads well.
 */
int msg_failure(const char **error_r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
