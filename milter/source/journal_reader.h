/*
 * journal_reader: follows what syslog facility mail has in the systemd journal,
 * of root and the MTA's own users: the journal vouches for who sent an entry.
 * The position is the journal's own cursor. Every entry becomes a line as
 * syslog would have written it.
 */
#ifndef SOURCE_JOURNAL_READER_H
#define SOURCE_JOURNAL_READER_H

#include "source/logsource.h"

/* `directory` is "" for the journal of this machine. Never fails: what is wrong
   is told by read(). */
struct logsource *journal_reader_open(const char *directory,
    const struct logsource_begin *begin);

#endif
