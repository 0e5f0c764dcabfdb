#include "parse/returned.h"

#include "parse/address.h"
#include "parse/header.h"
#include "parse/limits.h"

const char *
returned_message_id(struct reading *reading, struct str headers)
{
	struct str value, id;
	size_t open, close;

	header_find(headers, STR("Message-ID"), &value);
	id = str_trim(header_unfold(value, reading->arena));
	if (str_find_byte(id, '<', 0, &open) && str_find_byte(id, '>', open, &close))
		id = str_sub(id, open, close + 1);
	/* "<>" names nothing. */
	return id.len <= 2 ? "" : reading_clean(reading, id, LIMITS_ID_BYTES);
}

static bool
is_list_mail(struct str headers)
{
	struct str value;

	if (header_find(headers, STR("List-Id"), &value) == 1)
		return true;
	header_find(headers, STR("Precedence"), &value);
	value = str_trim(value);
	return str_iequal(value, STR("list")) || str_iequal(value, STR("bulk"));
}

const char *
returned_address(struct reading *reading, struct str headers, struct str name)
{
	const char *address = "";
	struct str value;
	size_t open, close;

	header_find(headers, name, &value);
	value = str_trim(header_unfold(value, reading->arena));
	if (str_find_byte(value, '<', 0, &open) && str_find_byte(value, '>', open, &close))
		value = str_sub(value, open, close + 1);
	address_parse(value, reading->arena, &address);
	return address;
}

void
returned_find(struct reading *reading)
{
	static const char *const types[] = {
		"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers",
	};
	struct str content, body;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct mime_part *part = mime_find(&reading->mime, types[i]);

		if (part == NULL)
			continue;
		content = mime_content(part, LIMITS_REPORT_BYTES, reading->arena,
		    &reading->report->limits);
		if (i < 2)
			reading->enclosed = content;
		header_split(content, &content, &body);
		if (content.len > LIMITS_HEADER_BLOCK_BYTES) {
			content.len = LIMITS_HEADER_BLOCK_BYTES;
			reading->report->limits |= LIMIT_HEADER;
		}
		reading->returned = content;
		return;
	}
}

void
returned_describe(struct reading *reading)
{
	struct bounce *common = &reading->common;
	struct report *report = reading->report;

	common->report_id = report->report_id = returned_message_id(reading, reading->headers);
	common->message_id = returned_message_id(reading, reading->returned);
	if (common->sender[0] == '\0')
		common->sender = returned_address(reading, reading->returned, STR("Return-Path"));
	if (common->sender[0] == '\0')
		common->sender = returned_address(reading, reading->returned, STR("From"));
	report->from_domain = address_domain(returned_address(reading, reading->returned,
	    STR("From")));
	report->to_list = is_list_mail(reading->returned);
}
