# A job on personal data spends a stated privacy loss, and only what is left.
package chancery.rules.privacy_budget

import data.chancery.lib.dataset
import data.chancery.lib.decimal

metadata := {
	"id": "privacy_budget",
	"title": "Differential privacy within budget",
	"article": "Organisation policy: privacy",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; GDPR Art. 25, 32: https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training"],
	"remedy": "Train with differential privacy, lower epsilon and delta, or have a top-up approved.",
}

spend := input.job.privacy

remaining := input.job.budget_remaining

parts := ["epsilon", "delta"]

spend_digits := {part: digits | some part in parts; digits := decimal.padded(spend[part])}

remaining_digits := {part: digits | some part in parts; digits := decimal.padded(remaining[part])}

within contains part if {
	some part in parts
	spend_digits[part] <= remaining_digits[part]
}

default applicable := false

applicable if not dataset.without_personal_data

default pass := false

pass if {
	count(reasons) == 0
	every part in parts {
		part in within
	}
}

reasons contains "personal data are processed without a stated privacy loss" if not spend

reasons contains "the remaining privacy budget is unknown" if not remaining

reasons contains sprintf("%v is no plain decimal: %v", [part, amount[part]]) if {
	some [amount, digits] in [[spend, spend_digits], [remaining, remaining_digits]]
	some part in parts
	not digits[part]
}

reasons contains sprintf("%v %v exceeds the remaining %v", [part, spend[part], remaining[part]]) if {
	some part in parts
	not part in within
}
