# Every processing of personal data stands on one ground of Art. 6(1), recorded for its purpose.
package chancery.rules.gdpr_6_legal_basis

import data.chancery.lib.dataset
import data.chancery.lib.text

metadata := {
	"id": "gdpr_6_legal_basis",
	"title": "Legal basis",
	"article": "GDPR Art. 6",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration", "before_training", "before_deployment", "at_inference"],
	"remedy": "Record the legal basis for this purpose; for legitimate interests, file the assessment.",
}

letters := {"6(1)(a)", "6(1)(b)", "6(1)(c)", "6(1)(d)", "6(1)(e)", "6(1)(f)"}

registration if input.gate == "dataset_registration"

# The grounds recorded with the dataset, as pairs.
recorded := {[ground.basis, ground.purpose] | some ground in input.dataset.legal_bases}

default applicable := false

applicable if not dataset.without_personal_data

default pass := false

pass if {
	count(reasons) == 0
	registration
	count(input.dataset.purposes) > 0
	count(recorded) > 0
}

pass if {
	count(reasons) == 0
	not registration
	input.job.legal_basis in letters
	[input.job.legal_basis, input.job.purpose] in recorded
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains sprintf("%v is no ground of Art. 6(1)", [basis]) if {
	some [basis, _] in recorded
	not basis in letters
}

reasons contains sprintf("the purpose %v has no legal basis", [purpose]) if {
	registration
	some purpose in input.dataset.purposes
	not purpose in covered
}

covered := {ground.purpose | some ground in input.dataset.legal_bases}

reasons contains "the dataset names no purpose that a legal basis could cover" if {
	registration
	count(input.dataset.purposes) == 0
}

reasons contains "the job names no legal basis" if {
	not registration
	not text.provided(input.job.legal_basis)
}

reasons contains sprintf("%v is no ground of Art. 6(1)", [input.job.legal_basis]) if {
	not registration
	not input.job.legal_basis in letters
}

reasons contains sprintf("%v is not recorded with the dataset for the purpose %v", [input.job.legal_basis, input.job.purpose]) if {
	not registration
	not [input.job.legal_basis, input.job.purpose] in recorded
}

reasons contains "Art. 6(1)(f) needs a legitimate-interest assessment, and none is filed" if {
	input.job.legal_basis == "6(1)(f)"
	not text.provided(input.job.legitimate_interest_assessment)
}
