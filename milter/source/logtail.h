/*
 * logtail: follows a log file: it grows, is renamed and made anew (rotation),
 * or is cut (copytruncate).
 *
 * A file is known again by device and inode, or else by its first bytes, which
 * no other log has. After a restart it is looked for among the rotated names
 * (FILE.1, FILE-20261120 ...), read to its end, and then those that came after
 * it. Where one of them was compressed meanwhile, or the file was cut and no
 * copy is left, something is lost: that is counted and warned of.
 */
#ifndef SOURCE_LOGTAIL_H
#define SOURCE_LOGTAIL_H

#include "source/logsource.h"

/* Never fails: a file that is missing or cannot be read is told by read(). */
struct logsource *logtail_open(const char *path, const struct logsource_begin *begin);

#endif
