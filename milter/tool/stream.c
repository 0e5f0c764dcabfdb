#include "tool/stream.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void
stream_init(struct stream *stream, int fd, void (*idle)(void *context), void *context)
{
	stream->fd = fd;
	stream->error = 0;
	stream->ended = stream->in_line = false;
	stream->at = stream->len = 0;
	stream->bytes = 0;
	stream->idle = idle;
	stream->context = context;
}

static struct str
window(const struct stream *stream)
{
	return (struct str){ stream->window + stream->at, stream->len };
}

/* Read once, behind what is there. */
static void
read_more(struct stream *stream)
{
	struct pollfd poll_fd = { .fd = stream->fd, .events = POLLIN };
	ssize_t len;

	if (stream->at > 0)
		memmove(stream->window, stream->window + stream->at, stream->len);
	stream->at = 0;
	if (stream->idle != NULL && poll(&poll_fd, 1, 0) == 0)
		stream->idle(stream->context);
	do {
		len = read(stream->fd, stream->window + stream->len,
		    sizeof(stream->window) - stream->len);
	} while (len == -1 && errno == EINTR);
	if (len > 0) {
		stream->len += (size_t)len;
		stream->bytes += (uint64_t)len;
		return;
	}
	if (len == -1)
		stream->error = errno;
	stream->ended = true;
}

struct str
stream_fill(struct stream *stream)
{
	size_t seen = 0, at;

	while (!stream->ended && stream->len < sizeof(stream->window) &&
	    !str_find_byte(window(stream), '\n', seen, &at)) {
		seen = stream->len;
		read_more(stream);
	}
	return window(stream);
}

void
stream_skip(struct stream *stream, size_t len)
{
	stream->at += len;
	stream->len -= len;
}

bool
stream_line(struct stream *stream, char ending, struct stream_line *line)
{
	size_t seen = 0, end;

	line->is_front = !stream->in_line;
	while (!str_find_byte(window(stream), ending, seen, &end)) {
		end = stream->len - 1;
		if (stream->ended || stream->len == sizeof(stream->window))
			break;
		seen = stream->len;
		read_more(stream);
	}
	if (stream->len == 0)
		return false;
	line->text = str_sub(window(stream), 0, end + 1);
	stream->in_line = line->text.data[end] != ending;
	stream_skip(stream, end + 1);
	return true;
}
