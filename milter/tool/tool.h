/*
 * tool: what the command-line programs share. Exit status: 0 done, 1 no or not
 * found, 2 usage, 75 try again (sysexits.h), 78 configuration.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include "config.h"
#include "store/store.h"

#define TOOL_NO 1
#define TOOL_USAGE 2

/* Load the configuration. Ends the program with a sentence on failure. */
struct config *tool_config(const char *config_path);

/* Load the configuration, become the owner of the state directory, and open
   the store. Ends the program with a sentence and its status on failure. */
void tool_open(const char *config_path, bool read_only, struct config **config_r,
    struct store **store_r);

/* Say what is wrong with the command line and end the program. */
_Noreturn void tool_usage(const char *program, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is left in every program: -h and -V are answered, an unknown option has
   been named by getopt_long(3) already. Ends the program. */
_Noreturn void tool_last_option(const char *program, const char *usage, int option);

/* Say a failure and end the program with EX_TEMPFAIL. */
_Noreturn void tool_fail(const char *error);

/* Option arguments; they end the program if the argument is none. */
int64_t tool_time(const char *program, const char *argument);
enum category tool_category(const char *program, const char *argument);

#endif
