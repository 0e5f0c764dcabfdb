/*
 * Who may act: each row is one line of proof/proof.h.
 */
#include "support.h"

#include "proof/proof.h"

#define LOCAL EVIDENCE(PROOF_LOCAL)
#define RELAY EVIDENCE(PROOF_RELAY)
#define LEDGER EVIDENCE(PROOF_LEDGER)
#define TAG EVIDENCE(PROOF_TAG)
#define ENVID EVIDENCE(PROOF_ENVID)
#define DKIM EVIDENCE(PROOF_DKIM)
#define ALIGNED EVIDENCE(PROOF_ALIGNED)
#define FEEDBACK EVIDENCE(PROOF_FEEDBACK)
#define PATH EVIDENCE_PATH
#define USUAL (LOCAL | RELAY | LEDGER | TAG | ENVID | DKIM)

static const struct {
	unsigned accept, held, recipients;
	bool recipient, list;
	enum proof proof;
	const char *why;
} cases[] = {
	{ USUAL, 0, 0, false, false, PROOF_NONE, "nothing shows that the message is ours" },
	{ USUAL, LOCAL, 0, false, false, PROOF_LOCAL, "" },
	{ USUAL, RELAY, 0, false, true, PROOF_RELAY, "" },
	{ LEDGER, LOCAL, 0, false, false, PROOF_NONE, "nothing shows that the message is ours" },
	{ USUAL | FEEDBACK, FEEDBACK, 0, false, true, PROOF_FEEDBACK, "" },
	/* A message to one recipient, who is the one that failed. */
	{ USUAL, LEDGER, 1, true, false, PROOF_LEDGER, "" },
	{ USUAL, TAG, 1, true, false, PROOF_TAG, "" },
	{ USUAL, ENVID, 1, true, false, PROOF_ENVID, "" },
	{ USUAL, DKIM | LEDGER, 1, true, false, PROOF_LEDGER, "" },
	{ DKIM, DKIM | LEDGER, 1, true, false, PROOF_DKIM, "" },
	{ ALIGNED, TAG, 1, true, false, PROOF_NONE, "accept does not name what proves it" },
	/* ... who is not. */
	{ USUAL, LEDGER, 1, false, false, PROOF_NONE, "it was not sent to this recipient" },
	{ USUAL, TAG | ALIGNED, 1, false, false, PROOF_NONE, "it was not sent to this recipient" },
	{ USUAL, TAG | PATH, 1, false, false, PROOF_NONE, "it was not sent to this recipient" },
	/* Others know it too. */
	{ USUAL, LEDGER, 2, true, false, PROOF_NONE, "it had other recipients, who know it too" },
	{ USUAL, TAG | ENVID | DKIM | LEDGER, 9, true, false, PROOF_NONE,
	    "it had other recipients, who know it too" },
	{ USUAL, LEDGER, 1, true, true, PROOF_NONE, "mail of a list, and others have got it" },
	{ USUAL, DKIM, 0, true, false, PROOF_NONE, "nobody knows how many recipients it had" },
	{ USUAL, LEDGER | ALIGNED, 2, true, false, PROOF_LEDGER, "" },
	{ USUAL, LEDGER | ALIGNED, 2, false, false, PROOF_NONE,
	    "it had other recipients, who know it too" },
	{ USUAL, LEDGER | PATH, 2, true, true, PROOF_LEDGER, "" },
	{ USUAL, DKIM | ALIGNED, 0, true, true, PROOF_DKIM, "" },
	/* The reporter alone. */
	{ USUAL, ALIGNED, 0, false, false, PROOF_NONE, "nothing shows that the message is ours" },
	{ USUAL | ALIGNED, ALIGNED, 0, false, false, PROOF_ALIGNED, "" },
	{ USUAL | ALIGNED, PATH, 0, true, false, PROOF_NONE,
	    "nothing shows that the message is ours" },
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct evidence evidence = { cases[i].held, cases[i].recipients,
			cases[i].recipient, cases[i].list };
		const char *why;
		enum proof proof = proof_decide(cases[i].accept, &evidence, &why);

		if (proof != cases[i].proof)
			fail_msg("row %zu: %s", i, words_name(&proof_words, proof));
		assert_string_equal(why, cases[i].why);
	}
}

static void
printed(void **state)
{
	struct arena *arena = arena_new();
	struct evidence evidence = { LEDGER | DKIM | PATH, 2, true, true };

	(void)state;
	assert_string_equal(proof_print(&evidence, arena), "ledger, dkim, path; 2 recipients; list");
	evidence = (struct evidence){ 0, 1, true, false };
	assert_string_equal(proof_print(&evidence, arena), "1 recipient");
	evidence = (struct evidence){ 0 };
	assert_string_equal(proof_print(&evidence, arena), "");
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(printed),
	};

	return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
