#include "parse/returned.h"

#include "parse/address.h"
#include "parse/header.h"
#include "parse/limits.h"

static const char *
message_id(struct reading *reading, const struct header_list *fields)
{
	struct str value;

	header_list_find(fields, STR("Message-ID"), &value);
	return header_message_id(value, reading->arena);
}

static bool
is_list_mail(const struct header_list *fields)
{
	struct str value;

	if (header_list_find(fields, STR("List-Id"), &value) == 1)
		return true;
	header_list_find(fields, STR("Precedence"), &value);
	value = str_trim(value);
	return str_iequal(value, STR("list")) || str_iequal(value, STR("bulk"));
}

const char *
returned_value_address(struct reading *reading, struct str value)
{
	return header_address(value, reading->arena);
}

const char *
returned_field_address(struct reading *reading, const struct header_list *fields, struct str name)
{
	struct str value;

	return header_list_find(fields, name, &value) == 1 ?
	    returned_value_address(reading, value) : "";
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
	struct header_list *fields = &reading->returned_fields;
	const char *from;

	header_list_make(reading->returned, reading->arena, fields);
	common->report_id = report->report_id = message_id(reading, &reading->fields);
	common->message_id = message_id(reading, fields);
	from = returned_field_address(reading, fields, STR("From"));
	if (common->sender[0] == '\0')
		common->sender = returned_field_address(reading, fields, STR("Return-Path"));
	if (common->sender[0] == '\0')
		common->sender = from;
	report->from_domain = address_domain(from);
	report->returned = reading->returned;
	report->returned_to = returned_field_address(reading, fields, STR("To"));
	report->to_list = is_list_mail(fields);
}
