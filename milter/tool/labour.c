#include "tool/labour.h"

#include <stdlib.h>

#include "base/msg.h"

/* What a small message needs does not shrink with it. */
#define ROOM_LEAST 4096

/* A worker's own. */
struct tools {
	const struct labour *labour;
	struct arena *arena;
	struct logline_reader reader;
};

void *
labour_begin(void *context)
{
	struct tools *tools = calloc(1, sizeof(*tools));

	if (tools == NULL)
		msg_out_of_memory();
	tools->labour = context;
	tools->arena = arena_new();
	tools->reader.now = tools->labour->now;
	return tools;
}

void
labour_end(void *argument)
{
	struct tools *tools = argument;

	arena_free(tools->arena);
	free(tools);
}

static void
read_messages(struct crew *crew, struct batch *batch, struct tools *tools)
{
	for (unsigned i = 0; i < batch->piece_count; i++) {
		const struct batch_piece *piece = &batch->pieces[i];
		struct str message = str_sub(buf_str(&batch->content), piece->from,
		    piece->from + piece->len);
		size_t room = piece->len < ROOM_LEAST ? ROOM_LEAST : piece->len;
		struct report report;

		crew_take_room(crew, room);
		report_parse(message, 0, tools->arena, &report);
		answer_report(&tools->labour->answer, piece->name, &report, tools->arena, batch);
		arena_reset(tools->arena);
		crew_give_room(crew, room);
	}
}

static void
read_log_line(struct str text, struct batch *batch, struct tools *tools)
{
	struct logline line;
	struct str rest, address;

	logline_parse(text, &tools->reader, &line);
	if (line.kind != LOG_DELIVERY)
		return;
	rest = line.recipients;
	while (logline_next_recipient(&rest, &address)) {
		answer_delivery(&tools->labour->answer, &line, address, tools->arena, batch);
		arena_reset(tools->arena);
	}
}

static void
read_reply_line(struct str line, struct batch *batch, struct tools *tools)
{
	if (line.len == 0 || line.data[0] == '#')
		return;
	answer_reply(&tools->labour->answer, line, tools->arena, batch);
	arena_reset(tools->arena);
}

static void
read_lines(struct batch *batch, struct tools *tools)
{
	struct str rest = buf_str(&batch->content), line;

	while (str_next_piece(&rest, '\n', &line)) {
		if (tools->labour->input == LABOUR_LOG)
			read_log_line(line, batch, tools);
		else
			read_reply_line(line, batch, tools);
	}
}

void
labour_work(struct crew *crew, struct batch *batch, void *tools)
{
	if (((struct tools *)tools)->labour->input == LABOUR_MESSAGES)
		read_messages(crew, batch, tools);
	else
		read_lines(batch, tools);
}
