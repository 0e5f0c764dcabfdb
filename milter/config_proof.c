#include "config_proof.h"

#include "base/msg.h"
#include "store/seen.h"

static int
choose_ledger(struct config *config, const char **error_r)
{
	bool log = config->log_from != LOG_FROM_NOWHERE;

	if (config->ledger == LEDGER_AUTO)
		config->ledger = log ? LEDGER_LOG : LEDGER_MILTER;
	if (config->ledger == LEDGER_LOG && !log)
		return msg_failure(error_r, "%s: ledger = log, but there is no log: set log { file }, "
		    "or ledger to milter or none", config->path);
	/* What was used is remembered as long, and no longer. */
	if (config->retention_sent_sec > SEEN_KEEP_SEC)
		return msg_failure(error_r, "%s: retention-sent may be 10d at most", config->path);
	return 0;
}

/* Is a proof named that cannot be had? */
static int
check_accept(const struct config *config, unsigned set, const char **error_r)
{
	const unsigned by_key = 1u << PROOF_TAG | 1u << PROOF_ENVID;

	if ((set & SET_ACCEPT) == 0)
		return 0;
	if (config->key_file[0] == '\0' && (config->accept & by_key) != 0)
		return msg_failure(error_r, "%s: accept names tag or envid, but there is no key: set "
		    "key-file", config->path);
	if (config->ledger == LEDGER_NONE && (config->accept & 1u << PROOF_LEDGER) != 0)
		return msg_failure(error_r, "%s: accept names ledger, but ledger = none",
		    config->path);
	return 0;
}

int
config_complete_proofs(struct config *config, unsigned set, const char **error_r)
{
	if (choose_ledger(config, error_r) == -1 || check_accept(config, set, error_r) == -1)
		return -1;
	if ((set & SET_SIGNING_DOMAINS) == 0)
		config->signing_domains = config->own_domains;
	/* Complaints of these act because they are named. */
	if (config->feedback_loops[0] != NULL)
		config->accept |= 1u << PROOF_FEEDBACK;
	if (config->key_file[0] == '\0')
		return 0;
	if ((set & SET_ACCEPT) == 0)
		config->accept |= 1u << PROOF_TAG | 1u << PROOF_ENVID;
	return tag_keys_load(config->key_file, &config->tag_keys, error_r);
}
