#include "proof/spf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <spf2/spf.h>

#include "base/msg.h"
#include "parse/address.h"
#include "parse/charset.h"
#include "parse/limits.h"
#include "proof/spf_guard.h"

#define WHY_BYTES 200

static const char *const answer_names[] = {
	[SPF_ANSWER_NONE] = "none",
	[SPF_ANSWER_NEUTRAL] = "neutral",
	[SPF_ANSWER_PASS] = "pass",
	[SPF_ANSWER_FAIL] = "fail",
	[SPF_ANSWER_SOFTFAIL] = "softfail",
	[SPF_ANSWER_TEMPERROR] = "temperror",
	[SPF_ANSWER_PERMERROR] = "permerror",
};

struct spf {
	struct dns *dns;
	SPF_server_t *server; /* never changed once it is made */
};

/* Who is asked about, as the library wants it. */
struct identity {
	bool is_ipv4;
	struct in_addr ipv4;
	struct in6_addr ipv6;
	const char *domain;
	const char *sender; /* local part, "@", domain */
	const char *helo;
};

const char *
spf_answer_name(enum spf_answer answer)
{
	return answer_names[answer];
}

/* The library comes here when it has no memory, or misses an argument. It
   expects not to get back. */
static __attribute__((noreturn)) void
library_fails(const char *file, int line, const char *text)
{
	msg_error("libspf2 fails: %s (%s:%d)", text, file, line);
	abort();
}

/* Its other messages are about strangers' records. */
static void
library_says(const char *file, int line, const char *text)
{
	msg_debug("libspf2: %s (%s:%d)", text, file, line);
}

struct spf *
spf_new(struct dns *dns)
{
	struct spf *spf = calloc(1, sizeof(*spf));

	SPF_error_handler = library_fails;
	SPF_warning_handler = library_says;
	SPF_info_handler = library_says;
	SPF_debug_handler = library_says;
	if (spf == NULL || (spf->server = SPF_server_new_dns(NULL, 0)) == NULL ||
	    SPF_server_set_rec_dom(spf->server, "unknown") != SPF_E_SUCCESS)
		msg_out_of_memory();
	spf->dns = dns;
	return spf;
}

void
spf_free(struct spf *spf)
{
	if (spf == NULL)
		return;
	SPF_server_free(spf->server);
	free(spf);
}

/* Returns false if it is no address, or one of this machine. */
static bool
read_address(const char *address, struct identity *identity)
{
	if (inet_pton(AF_INET, address, &identity->ipv4) == 1) {
		identity->is_ipv4 = true;
	} else if (inet_pton(AF_INET6, address, &identity->ipv6) == 1) {
		identity->is_ipv4 = IN6_IS_ADDR_V4MAPPED(&identity->ipv6);
		memcpy(&identity->ipv4, identity->ipv6.s6_addr + 12, sizeof(identity->ipv4));
	} else {
		return false;
	}
	return identity->is_ipv4
	    ? ntohl(identity->ipv4.s_addr) >> 24 != IN_LOOPBACKNET
	    : !IN6_IS_ADDR_LOOPBACK(&identity->ipv6);
}

/* What is not ASCII matches nothing (RFC 8616 section 4), and the library has no
   idea of it. */
static const char *
plain_local(struct str local, struct arena *arena)
{
	char *plain = arena_strdup(arena, local);

	for (size_t i = 0; i < local.len; i++) {
		if (plain[i] <= ' ' || plain[i] > '~')
			plain[i] = '?';
	}
	return plain;
}

/* Returns false if there is no domain to ask. */
static bool
read_sender(const char *helo, const char *sender, struct arena *arena,
    struct identity *identity)
{
	const char *at = strrchr(sender, '@');
	struct str local = { sender, at == NULL ? 0 : (size_t)(at - sender) };
	bool has_helo = address_parse_domain(str_of(helo), arena, &identity->helo) == 1;

	if (!has_helo)
		identity->helo = "unknown";
	if (sender[0] == '\0' && !has_helo)
		return false;
	if (sender[0] == '\0')
		identity->domain = identity->helo;
	else if (at == NULL || local.len > LIMITS_ADDRESS_BYTES ||
	    address_parse_domain(str_of(at + 1), arena, &identity->domain) == 0)
		return false;
	/* RFC 7208 section 4.3. */
	if (local.len == 0)
		local = STR("postmaster");
	identity->sender = arena_printf(arena, "%s@%s", plain_local(local, arena),
	    identity->domain);
	return true;
}

static enum spf_answer
answer_of(SPF_errcode_t code, SPF_response_t *response)
{
	switch (SPF_response_result(response)) {
	case SPF_RESULT_NEUTRAL:
		return SPF_ANSWER_NEUTRAL;
	case SPF_RESULT_PASS:
		return SPF_ANSWER_PASS;
	case SPF_RESULT_FAIL:
		return SPF_ANSWER_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return SPF_ANSWER_SOFTFAIL;
	case SPF_RESULT_NONE:
		return SPF_ANSWER_NONE;
	case SPF_RESULT_TEMPERROR:
		return SPF_ANSWER_TEMPERROR;
	case SPF_RESULT_PERMERROR:
		return SPF_ANSWER_PERMERROR;
	case SPF_RESULT_INVALID:
		break;
	}
	/* It had no result: the policy was not there to be evaluated. */
	return code == SPF_E_DNS_ERROR ? SPF_ANSWER_TEMPERROR : SPF_ANSWER_PERMERROR;
}

static const char *
why_of(SPF_errcode_t code, SPF_response_t *response, const struct spf_guard *guard)
{
	if (guard->flaw[0] != '\0')
		return guard->flaw;
	if (guard->failed)
		return "DNS fails";
	for (int i = 0; i < SPF_response_messages(response); i++) {
		SPF_error_t *error = SPF_response_message(response, i);

		if (SPF_error_errorp(error))
			return charset_clean_line(str_of(SPF_error_message(error)), WHY_BYTES,
			    guard->arena);
	}
	return SPF_strerror(code);
}

/* Where the guard stopped the check, the library knows less than the guard. */
static void
conclude(SPF_errcode_t code, SPF_response_t *response, const struct spf_guard *guard,
    struct spf_result *result)
{
	switch (guard->stop) {
	case SPF_STOP_LOOKUPS:
		result->answer = SPF_ANSWER_PERMERROR;
		result->why = "too many DNS questions";
		return;
	case SPF_STOP_VOID:
		result->answer = SPF_ANSWER_PERMERROR;
		result->why = "too many DNS questions without an answer";
		return;
	case SPF_STOP_DEADLINE:
		result->answer = SPF_ANSWER_TEMPERROR;
		result->why = "no DNS answer in time";
		return;
	case SPF_STOP_NONE:
		break;
	}
	result->answer = answer_of(code, response);
	if (result->answer == SPF_ANSWER_TEMPERROR || result->answer == SPF_ANSWER_PERMERROR)
		result->why = why_of(code, response, guard);
}

static void
evaluate(struct spf *spf, const struct identity *identity, struct spf_guard *guard,
    struct spf_result *result)
{
	/* The server has no other place for the layer of this check. */
	SPF_server_t server = *spf->server;
	SPF_response_t *response = NULL;
	SPF_request_t *request;
	SPF_errcode_t code;

	server.resolver = spf_guard_layer(guard);
	request = SPF_request_new(&server);
	if (request == NULL || SPF_request_set_helo_dom(request, identity->helo) != 0 ||
	    SPF_request_set_env_from(request, identity->sender) != 0)
		msg_out_of_memory();
	if (identity->is_ipv4)
		SPF_request_set_ipv4(request, identity->ipv4);
	else
		SPF_request_set_ipv6(request, identity->ipv6);
	code = SPF_request_query_mailfrom(request, &response);
	if (response == NULL)
		msg_out_of_memory();
	conclude(code, response, guard, result);
	SPF_response_free(response);
	SPF_request_free(request);
}

void
spf_check(struct spf *spf, const char *address, const char *helo, const char *sender,
    int64_t deadline_msec, struct arena *arena, struct spf_result *result_r)
{
	struct identity identity = { 0 };
	struct spf_guard guard;

	*result_r = (struct spf_result){ .domain = "", .record = "", .why = "" };
	if (!read_sender(helo, sender, arena, &identity))
		return;
	result_r->domain = identity.domain;
	if (!read_address(address, &identity))
		return;
	guard = (struct spf_guard){ .dns = spf->dns, .deadline_msec = deadline_msec,
		.arena = arena, .domain = identity.domain, .record = "", .flaw = "" };
	evaluate(spf, &identity, &guard, result_r);
	result_r->record = guard.record;
	result_r->lookups = guard.lookups;
}
