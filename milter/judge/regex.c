#include "judge/regex.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/msg.h"

#define MATCH_LIMIT 100000 /* steps; stops a hopeless search in 0.2 ms */

struct regex {
	pcre2_code *code;
	pcre2_match_context *context; /* the limit */
};

/* Say once in a process that regular expressions run slowly, and why. */
static void
note_no_jit(void)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said))
		msg_info("the system forbids PCRE2 to make machine code: "
		    "rules run in its interpreter");
}

int
regex_compile(const char *pattern, struct regex **regex_r, const char **error_r)
{
	struct regex *regex;
	PCRE2_UCHAR text[256];
	pcre2_code *compiled;
	PCRE2_SIZE at;
	int code;

	compiled = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_CASELESS | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, NULL);
	if (compiled == NULL) {
		pcre2_get_error_message(code, text, sizeof(text));
		return msg_failure(error_r, "the expression fails at character %zu: %s",
		    (size_t)at + 1, (const char *)text);
	}
	if (pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) != 0)
		note_no_jit();
	regex = calloc(1, sizeof(*regex));
	if (regex == NULL || (regex->context = pcre2_match_context_create(NULL)) == NULL)
		msg_out_of_memory();
	regex->code = compiled;
	pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->context, MATCH_LIMIT);
	*regex_r = regex;
	return 0;
}

void
regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_match_context_free(regex->context);
	pcre2_code_free(regex->code);
	free(regex);
}

void
regex_text_init(struct regex_text *text, struct str words)
{
	*text = (struct regex_text){ .text = words };
}

void
regex_text_free(struct regex_text *text)
{
	if (text->data != NULL)
		pcre2_match_data_free(text->data);
}

bool
regex_is_ascii(struct str text)
{
	unsigned char all = 0;

	for (size_t i = 0; i < text.len; i++)
		all |= (unsigned char)text.data[i];
	return all < 0x80;
}

int
regex_matches(const struct regex *regex, struct regex_text *text)
{
	int ret;

	if (text->data == NULL) {
		text->data = pcre2_match_data_create(1, NULL);
		if (text->data == NULL)
			msg_out_of_memory();
		text->ascii = regex_is_ascii(text->text);
	}
	/* ASCII is valid UTF-8, and PCRE2 need not look again each time. */
	ret = pcre2_match(regex->code, (PCRE2_SPTR)text->text.data, text->text.len, 0,
	    text->ascii ? PCRE2_NO_UTF_CHECK : 0, text->data, regex->context);
	if (ret == PCRE2_ERROR_MATCHLIMIT || ret == PCRE2_ERROR_DEPTHLIMIT ||
	    ret == PCRE2_ERROR_JIT_STACKLIMIT)
		return -1;
	return ret >= 0;
}
