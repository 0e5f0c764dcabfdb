/*
 * config_braces: whether a configuration file is whole, before libconfuse reads it:
 * that takes a file which ends inside a section, and says nothing.
 */
#ifndef CONFIG_BRACES_H
#define CONFIG_BRACES_H

/* Can the file be read, and is every brace and every quoted text in it closed?
   Returns 0, or -1 with "file:line: what is wrong". */
int config_check_file(const char *path, const char **error_r);

#endif
