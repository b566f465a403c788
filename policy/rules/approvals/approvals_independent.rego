# Enough people other than the submitter approved, each with a signature that verifies, and nobody
# rejected.
package chancery.rules.approvals_independent

import data.chancery.lib.text

metadata := {
	"id": "approvals_independent",
	"title": "Independent approvals",
	"article": "Organisation policy: approvals",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 14, 17: https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_deployment"],
	"remedy": "Collect signed approvals from people other than the submitter; resolve a rejection first.",
}

applicable := true

needed := input.organisation.approvals_required

independent contains approval.approver if {
	some approval in input.approvals
	approval.predicate_decision == "approve"
	approval.signature_verified == true
	approval.approver != input.submitter
	text.provided(approval.approver)
}

default pass := false

pass if {
	count(reasons) == 0
	text.provided(input.submitter)
	needed > 0
	count(independent) >= needed
}

reasons contains "the submitter is unknown" if not text.provided(input.submitter)

reasons contains "the organisation asks for no approval at all" if needed == 0

reasons contains sprintf("%v independent approvals are verified, %v are needed", [count(independent), needed]) if count(independent) < needed

# A rejection counts even where its signature does not verify: better stopped than missed.
reasons contains sprintf("%v rejected", [approval.approver]) if {
	some approval in input.approvals
	approval.predicate_decision != "approve"
}
