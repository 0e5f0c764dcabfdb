#include "parse/about.h"

#include "parse/address.h"
#include "parse/domain.h"
#include "parse/mention.h"
#include "parse/reply.h"

/* Whom words name to say who can help. */
static const char *const helpers[] = {
	"postmaster", "abuse", "support", "help", "helpdesk", "admin", "administrator", "info",
	"mailer-daemon", "hostmaster", "webmaster", "noreply", "no-reply", "contact", "delist",
	"unblock", "removal",
};

static struct str
local_part(const char *address)
{
	const char *domain = address_domain(address);

	return domain <= address ? STR_EMPTY :
	    (struct str){ address, (size_t)(domain - address) - 1 };
}

static bool
is_helper(const char *address)
{
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		if (str_iequal(local_part(address), str_of(helpers[i])))
			return true;
	}
	return false;
}

/* Is it the name that a recipient has there: by the same local part, or in the same
   organisation? */
static bool
is_alias(const char *address, const char *recipient, struct arena *arena)
{
	return str_iequal(local_part(address), local_part(recipient)) ||
	    domain_is_same_organisation(address_domain(address), address_domain(recipient), arena);
}

/* An address that another field of the report gives to the recipient. */
static bool
is_field(const char *field, const char *address, struct arena *arena)
{
	const char *normal = "";

	return address_parse(str_of(field), arena, &normal) == 1 && strcmp(normal, address) == 0;
}

static bool
is_recipient(const char *address, const struct bounce *bounce, struct arena *arena)
{
	return str_iequal(local_part(address), local_part(bounce->recipient)) ||
	    ((is_field(bounce->final_recipient, address, arena) ||
	    is_field(bounce->original_recipient, address, arena)) &&
	    is_alias(address, bounce->recipient, arena));
}

/* Whom the addresses in the words are. */
static enum about
about_addresses(const struct bounce *bounce, struct str words, struct arena *arena)
{
	enum about about = ABOUT_NOBODY;
	struct mention mention = { .end = 0 };

	while (mention_find(words, mention.end, arena, &mention) == 1) {
		if (strcmp(mention.address, bounce->sender) == 0)
			about = ABOUT_SENDER;
		else if (is_recipient(mention.address, bounce, arena))
			return ABOUT_RECIPIENT;
		else if (about == ABOUT_NOBODY && !is_helper(mention.address) &&
		    (mention.start == 0 || words.data[mention.start] == '<' ||
		    words.data[mention.start - 1] == '('))
			about = ABOUT_OTHER;
	}
	return about;
}

enum about
about_whom(const struct bounce *bounce, struct arena *arena)
{
	struct str words = str_of(bounce->words[0] != '\0' ? bounce->words : bounce->text);
	const char *final = "";
	enum about about;

	if (bounce->recipient[0] == '\0')
		return ABOUT_NOBODY;
	if (reply_names_address(words, str_of(bounce->recipient)))
		return ABOUT_RECIPIENT;
	about = about_addresses(bounce, words, arena);
	if (about != ABOUT_NOBODY)
		return about;
	if (bounce->sender[0] != '\0' &&
	    reply_names_domain(words, str_of(address_domain(bounce->sender))) &&
	    !reply_names_domain(words, str_of(address_domain(bounce->recipient))))
		return ABOUT_SENDER;
	if (address_parse(str_of(bounce->final_recipient), arena,
	    &final) == 1 && !is_alias(final, bounce->recipient, arena))
		return ABOUT_OTHER;
	return ABOUT_NOBODY;
}
