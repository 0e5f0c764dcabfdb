#include "proofs.h"

int
proofs_open(const struct config *config, struct proofs *proofs_r,
    struct pipeline_parts *parts, enum store_error *kind_r, const char **error_r)
{
	*proofs_r = (struct proofs){ 0 };
	*kind_r = STORE_ERROR_CONFIG;
	if (dns_new(config->dns_zone, config->dns_servers, &proofs_r->dns, error_r) == -1)
		return -1;
	proofs_r->spf = spf_new(proofs_r->dns);
	proofs_r->dkim = dkim_verifier_new(proofs_r->dns);
	parts->dns = proofs_r->dns;
	parts->spf = proofs_r->spf;
	parts->dkim = proofs_r->dkim;
	if (config->ledger == LEDGER_NONE)
		return 0;
	if (sent_open(config->state_dir, config->ledger_size_bytes, false, &proofs_r->sent, kind_r,
		error_r) == -1) {
		proofs_close(proofs_r);
		return -1;
	}
	proofs_r->sent_writer = writer_start(proofs_r->sent.store);
	parts->sent = &proofs_r->sent;
	parts->sent_writer = proofs_r->sent_writer;
	return 0;
}

void
proofs_close(struct proofs *proofs)
{
	if (proofs->sent_writer != NULL) {
		writer_stop(proofs->sent_writer);
		sent_close(&proofs->sent);
	}
	dkim_verifier_free(proofs->dkim);
	spf_free(proofs->spf);
	dns_free(proofs->dns);
}

const char *
proofs_print(const struct config *config, struct arena *arena)
{
	const char *text = "";

	for (unsigned i = PROOF_NONE + 1; i < PROOF_COUNT; i++) {
		const char *more = "";

		if ((config->accept & 1u << i) == 0 || (i == PROOF_LEDGER &&
			config->ledger == LEDGER_NONE))
			continue;
		if (i == PROOF_LEDGER)
			more = config->ledger == LEDGER_LOG ? " (fed by the log)" :
			    " (fed by the milter)";
		text = arena_printf(arena, "%s%s%s%s", text, *text == '\0' ? "" : ", ",
		    words_name(&proof_words, i), more);
	}
	return *text == '\0' ? "none" : text;
}
