#include "proof/spf_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

#include <spf2/spf.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/msg.h"
#include "parse/charset.h"
#include "proof/spf.h"

#define PTR_MOST 10 /* the rest is ignored (RFC 7208 section 5.5) */

static const struct str version = { "v=spf1", 6 };

/* What libspf2 takes for a policy. */
static bool
is_policy(struct str text)
{
	return str_istarts(text, version) &&
	    (text.len == version.len || text.data[version.len] == ' ');
}

static bool
is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	}
	return true;
}

/* name "=" value (RFC 7208 section 4.6.1). A mechanism has ":" or "/" first. */
static bool
is_modifier(struct str term)
{
	size_t i = 0;

	if (term.len == 0 || !str_is_alnum(term.data[0]) || str_is_digit(term.data[0]))
		return false;
	while (i < term.len && (str_is_alnum(term.data[i]) || term.data[i] == '-' ||
		term.data[i] == '_' || term.data[i] == '.'))
		i++;
	return i < term.len && term.data[i] == '=';
}

/* The policy as the library may see it, and how many terms it has. */
static const char *
arrange(struct str policy, struct arena *arena, unsigned *terms_r)
{
	struct buf terms = { 0 }, redirects = { 0 };
	struct str term;
	const char *arranged;

	*terms_r = 0;
	for (policy = str_sub(policy, version.len, policy.len);
	     str_next_piece(&policy, ' ', &term);) {
		bool redirect = str_istarts(term, STR("redirect="));

		if (term.len == 0 || (is_modifier(term) && !redirect))
			continue;
		buf_add_byte(redirect ? &redirects : &terms, ' ');
		buf_add(redirect ? &redirects : &terms, term);
		++*terms_r;
	}
	arranged = arena_printf(arena, "%.*s%s%s", STR_ARGS(version), buf_cstr(&terms),
	    buf_cstr(&redirects));
	buf_free(&terms);
	buf_free(&redirects);
	return arranged;
}

/* Choose the policy (RFC 7208 section 4.5).
   Returns 1; 0 if there is none; -1 with the flaw. */
static int
choose_policy(struct spf_guard *guard, const struct dns_answer *found, struct str *policy_r)
{
	unsigned policies = 0;

	for (unsigned i = 0; i < found->count; i++) {
		struct str text = str_of(found->records[i].text);

		if (is_policy(text)) {
			*policy_r = text;
			policies++;
		}
	}
	/* What DNS left out may have been the policy. */
	if (policies == 0 && found->cut)
		guard->flaw = "a TXT record is too long";
	else if (policies > 1)
		guard->flaw = "there are several policy records";
	else if (policies == 1 && policy_r->len > SPF_RECORD_BYTES)
		guard->flaw = "a policy record is too long";
	else if (policies == 1 && !is_printable(*policy_r))
		guard->flaw = "a policy record is not ASCII";
	else
		return policies == 1;
	return -1;
}

static void
note_record(struct spf_guard *guard, const char *name, struct str policy)
{
	if (guard->record[0] == '\0' && strcasecmp(name, guard->domain) == 0)
		guard->record = charset_clean_line(policy, SPF_RECORD_BYTES, guard->arena);
}

static void
put(SPF_dns_rr_t *answer, const char *text)
{
	size_t size = strlen(text) + 1;
	SPF_dns_rr_data_t *data;
	bool valid = true;

	if (SPF_dns_rr_buf_realloc(answer, answer->num_rr, size) != SPF_E_SUCCESS)
		msg_out_of_memory();
	data = answer->rr[answer->num_rr];
	if (answer->rr_type == ns_t_a)
		valid = inet_pton(AF_INET, text, &data->a) == 1;
	else if (answer->rr_type == ns_t_aaaa)
		valid = inet_pton(AF_INET6, text, &data->aaaa) == 1;
	else
		memcpy(data, text, size);
	if (valid)
		answer->num_rr++;
}

static void
put_all(const struct dns_answer *found, SPF_dns_rr_t *answer)
{
	unsigned count = found->count;

	if (answer->rr_type == ns_t_ptr && count > PTR_MOST)
		count = PTR_MOST;
	for (unsigned i = 0; i < count; i++) {
		/* The MX "." is no host (RFC 7505). */
		if (found->records[i].text[0] != '\0')
			put(answer, found->records[i].text);
	}
}

/* May one more question be asked? */
static bool
may_ask(struct spf_guard *guard)
{
	if (guard->stop != SPF_STOP_NONE)
		return false;
	if (guard->lookups == SPF_LOOKUPS_MOST)
		guard->stop = SPF_STOP_LOOKUPS;
	else if (clock_monotonic_msec() >= guard->deadline_msec)
		guard->stop = SPF_STOP_DEADLINE;
	else
		guard->lookups++;
	return guard->stop == SPF_STOP_NONE;
}

/* Ask, and take account of what came.
   Returns false if the library must not go on. */
static bool
ask(struct spf_guard *guard, enum dns_type type, const char *name, struct dns_answer *found_r)
{
	if (!may_ask(guard))
		return false;
	dns_lookup(guard->dns, type, name, guard->deadline_msec, guard->arena, found_r);
	switch (found_r->status) {
	case DNS_NO_NAME:
	case DNS_NO_DATA:
		if (++guard->voids > SPF_VOID_LOOKUPS_MOST)
			guard->stop = SPF_STOP_VOID;
		break;
	case DNS_FAILED:
		if (clock_monotonic_msec() >= guard->deadline_msec)
			guard->stop = SPF_STOP_DEADLINE;
		guard->failed = true;
		return false;
	case DNS_FOUND:
		break;
	}
	return guard->stop == SPF_STOP_NONE;
}

static SPF_errcode_t
compile(struct spf_guard *guard, SPF_server_t *server, SPF_response_t *response,
    struct str policy, SPF_record_t **compiled_r)
{
	unsigned terms;
	const char *arranged = arrange(policy, guard->arena, &terms);
	SPF_errcode_t code = SPF_record_compile(server, response, compiled_r, arranged);

	if (code != SPF_E_SUCCESS || (*compiled_r)->num_mech == terms)
		return code;
	guard->flaw = "a policy record has too many terms";
	return SPF_E_BIG_MECH;
}

/* The policy of the domain that the library has come to. Its caller frees what
   was compiled. */
static SPF_errcode_t
guard_policy(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
    SPF_record_t **compiled_r)
{
	struct spf_guard *guard = server->resolver->hook;
	struct str policy = STR_EMPTY;
	struct dns_answer found;
	int ret;

	*compiled_r = NULL;
	if (!ask(guard, DNS_TXT, request->cur_dom, &found))
		return SPF_E_DNS_ERROR;
	ret = choose_policy(guard, &found, &policy);
	note_record(guard, request->cur_dom, policy);
	if (ret == 1)
		return compile(guard, server, response, policy, compiled_r);
	if (ret == -1)
		return SPF_E_SYNTAX;
	/* What it means for an include, the library knows. */
	response->result = SPF_RESULT_NONE;
	return SPF_E_NOT_SPF;
}

static enum dns_type
type_of(ns_type wanted)
{
	switch (wanted) {
	case ns_t_aaaa:
		return DNS_AAAA;
	case ns_t_mx:
		return DNS_MX;
	case ns_t_ptr:
		return DNS_PTR;
	default:
		return DNS_A;
	}
}

static SPF_dns_rr_t *
guard_lookup(SPF_dns_server_t *layer, const char *name, ns_type wanted, int should_cache)
{
	SPF_dns_rr_t *answer = SPF_dns_rr_new_init(layer, name, wanted, 0, NO_DATA);
	struct spf_guard *guard = layer->hook;
	struct dns_answer found;

	(void)should_cache;
	if (answer == NULL)
		msg_out_of_memory();
	if (!ask(guard, type_of(wanted), name, &found)) {
		answer->herrno = TRY_AGAIN;
		return answer;
	}
	put_all(&found, answer);
	if (answer->num_rr > 0)
		answer->herrno = NETDB_SUCCESS;
	else if (found.status == DNS_NO_NAME)
		answer->herrno = HOST_NOT_FOUND;
	return answer;
}

struct SPF_dns_server_struct *
spf_guard_layer(struct spf_guard *guard)
{
	SPF_dns_server_t *layer = arena_alloc(guard->arena, sizeof(*layer));

	/* Without a destroy function it is ours to free. */
	layer->lookup = guard_lookup;
	layer->get_spf = guard_policy;
	layer->name = "guard";
	layer->hook = guard;
	return layer;
}
