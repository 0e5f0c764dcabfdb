#include "tool/intake.h"

#include <errno.h>

#include "parse/limits.h"
#include "tool/mbox.h"

#define LINE_MOST (16 * 1024) /* of a longer line the rest is passed over */
#define TROUBLES_BYTES 4096

static void
submit(struct intake *intake)
{
	if (!batch_is_empty(crew_batch(intake->crew)))
		crew_submit(intake->crew);
}

/* What was read of this stream belongs to this batch. */
static void
count_bytes(struct intake *intake)
{
	crew_batch(intake->crew)->bytes += intake->stream.bytes - intake->counted;
	intake->counted = intake->stream.bytes;
}

static int
trouble(const char *path, const char *what, void *context)
{
	struct intake *intake = context;
	struct batch *batch = crew_batch(intake->crew);

	batch_trouble(batch, path, what);
	batch->totals.unreadable++;
	if (batch->troubles.len > TROUBLES_BYTES)
		submit(intake);
	return *intake->over ? -1 : 0;
}

/* Somebody is slow to write what we read: answer what there is. */
static void
idle(void *context)
{
	struct intake *intake = context;

	if (!intake->in_message)
		submit(intake);
	crew_drain(intake->crew);
	intake->idle(intake->context);
}

static void
begin_message(struct intake *intake)
{
	intake->from = crew_batch(intake->crew)->content.len;
	intake->in_message = true;
}

/* One byte above the limit shows that there was more. */
static bool
add_text(struct intake *intake, struct str text)
{
	struct buf *content = &crew_batch(intake->crew)->content;
	size_t room = LIMITS_REPORT_BYTES + 1 - (content->len - intake->from);

	buf_add(content, str_sub(text, 0, room));
	return text.len < room;
}

static void
drop_message(struct intake *intake)
{
	crew_batch(intake->crew)->content.len = intake->from;
	intake->in_message = false;
}

/* Does it begin with a header field (RFC 5322 section 2.2), perhaps behind the
   line of an mbox? */
static bool
is_mail(struct str text)
{
	size_t at, end;

	if (mbox_is_first(mbox_unquote(text))) {
		for (at = 0; at < text.len && text.data[at] != '\n' && text.data[at] != '\r'; at++)
			;
		at += at + 1 < text.len && text.data[at] == '\r' && text.data[at + 1] == '\n';
		text = str_sub(text, at + 1, text.len);
	}
	for (end = 0; end < text.len && text.data[end] > ' ' && text.data[end] < 0x7f &&
	    text.data[end] != ':'; end++)
		;
	for (at = end; at < text.len && (text.data[at] == ' ' || text.data[at] == '\t'); at++)
		;
	return end > 0 && at < text.len && text.data[at] == ':';
}

/* What was added since begin_message() is a message: of an mbox the one of that
   number, else 0. */
static int
end_message(struct intake *intake, const char *path, unsigned number)
{
	struct batch *batch = crew_batch(intake->crew);
	struct str text = str_sub(buf_str(&batch->content), intake->from, batch->content.len);
	const char *name = number == 0 ? arena_strdup(batch->arena, str_of(path)) :
	    arena_printf(batch->arena, "%s:%u", path, number);

	count_bytes(intake);
	if (!is_mail(text)) {
		drop_message(intake);
		return trouble(name, text.len == 0 ? "empty; there should be a message" :
		    "no mail: it does not begin with a header field; a mail log needs --log, "
		    "replies need --replies", intake);
	}
	batch->pieces[batch->piece_count++] = (struct batch_piece){ name, intake->from, text.len };
	intake->in_message = false;
	if (batch->content.len >= intake->batch_bytes || batch->piece_count == BATCH_PIECES)
		submit(intake);
	return *intake->over ? -1 : 0;
}

/* A line of an mbox that ends with `ending`. */
static char
line_ending(struct str front)
{
	size_t at;

	return str_find_byte(front, '\n', 0, &at) || !str_find_byte(front, '\r', 0, &at) ?
	    '\n' : '\r';
}

/* The last message of an mbox that has no other goes by the name of the file. */
static int
read_mbox(struct intake *intake, const char *path)
{
	char ending = line_ending(stream_fill(&intake->stream));
	struct stream_line line;
	struct str held = STR_EMPTY; /* an empty line, which may belong to the mbox */
	char held_text[2];
	unsigned number = 0;

	while (stream_line(&intake->stream, ending, &line)) {
		if (number == 0 || (held.len > 0 && line.is_front && mbox_is_separator(line.text))) {
			if (number > 0 && end_message(intake, path, number) == -1)
				return -1;
			number++;
			begin_message(intake);
			held.len = 0;
			continue;
		}
		add_text(intake, held);
		held.len = 0;
		if (line.is_front && mbox_is_empty(line.text)) {
			memcpy(held_text, line.text.data, line.text.len);
			held = (struct str){ held_text, line.text.len };
		} else {
			add_text(intake, line.is_front ? mbox_unquote(line.text) : line.text);
		}
	}
	return end_message(intake, path, number == 1 ? 0 : number);
}

/* Without an end of its size, as standard input is, a file is read to its end
   all the same: whoever writes it waits for that. */
static int
read_message(struct intake *intake, const struct stat *st, const char *path)
{
	bool regular = S_ISREG(st->st_mode), wanted = true;
	int64_t size = regular ? st->st_size : 0;
	struct str text;

	begin_message(intake);
	while (size <= INTAKE_MESSAGE_BYTES && (wanted || !regular) &&
	    (text = stream_fill(&intake->stream)).len > 0) {
		wanted = add_text(intake, text) && wanted;
		stream_skip(&intake->stream, text.len);
		if (!regular)
			size = (int64_t)intake->stream.bytes;
	}
	if (size <= INTAKE_MESSAGE_BYTES)
		return end_message(intake, path, 0);
	drop_message(intake);
	while (!regular && (text = stream_fill(&intake->stream)).len > 0)
		stream_skip(&intake->stream, text.len);
	count_bytes(intake);
	return trouble(path, "larger than 64 MiB, and no mbox; make it an mbox, or a file for each "
	    "message; a mail log needs --log, replies need --replies", intake);
}

/* How much of the window are the lines of the next batch. */
static size_t
lines_length(const struct intake *intake, struct str text)
{
	size_t most = text.len < intake->batch_bytes ? text.len : intake->batch_bytes, at;
	const char *last = memrchr(text.data, '\n', most);

	if (last != NULL)
		return (size_t)(last - text.data) + 1;
	return str_find_byte(text, '\n', most, &at) ? at + 1 : text.len;
}

/* A line that is longer than the window. */
static void
read_long_line(struct intake *intake, struct str text)
{
	struct buf *content = &crew_batch(intake->crew)->content;
	size_t at = 0;
	bool found;

	buf_add(content, str_sub(text, 0, LINE_MOST));
	do {
		found = str_find_byte(text, '\n', 0, &at);
		stream_skip(&intake->stream, found ? at + 1 : text.len);
	} while (!found && (text = stream_fill(&intake->stream)).len > 0);
	buf_add_byte(content, '\n');
}

static int
read_lines(struct intake *intake)
{
	struct str text;

	while ((text = stream_fill(&intake->stream)).len > 0) {
		size_t len = lines_length(intake, text);

		submit(intake);
		if (text.data[len - 1] == '\n' || intake->stream.ended) {
			buf_add(&crew_batch(intake->crew)->content, str_sub(text, 0, len));
			stream_skip(&intake->stream, len);
		} else {
			read_long_line(intake, text);
		}
		count_bytes(intake);
		submit(intake);
		if (*intake->over)
			return -1;
	}
	return 0;
}

static int
read_file(int fd, const struct stat *st, const char *path, void *context)
{
	struct intake *intake = context;
	int ret;

	stream_init(&intake->stream, fd, S_ISREG(st->st_mode) ? NULL : idle, intake);
	intake->counted = 0;
	if (intake->lines)
		ret = read_lines(intake);
	else if (mbox_is_first(stream_fill(&intake->stream)) &&
	    !str_iends(str_of(path), STR(".eml")))
		ret = read_mbox(intake, path);
	else
		ret = read_message(intake, st, path);
	if (intake->stream.error != 0 && ret == 0)
		ret = trouble(path, strerror(intake->stream.error), intake);
	if (S_ISREG(st->st_mode) && (uint64_t)st->st_size > intake->stream.bytes)
		crew_batch(intake->crew)->bytes += (uint64_t)st->st_size - intake->stream.bytes;
	return ret;
}

const struct walk_craft intake_craft = { .file = read_file, .trouble = trouble };

void
intake_end(struct intake *intake)
{
	submit(intake);
	crew_drain(intake->crew);
}
