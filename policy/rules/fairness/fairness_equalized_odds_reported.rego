# Whether groups meet similar true and false positive rates, by the protected attributes that
# move no gate. The limits are those of the blocking rule.
package chancery.rules.fairness_equalized_odds_reported

import data.chancery.lib.fairness

metadata := {
	"id": "fairness_equalized_odds_reported",
	"title": "Equalized odds difference, reported",
	"article": "Organisation policy: fairness",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 10(2)(f), (g): https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "report",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Mitigate the difference, gather evidence on the groups that are too small, or let the attribute gate.",
}

default applicable := false

applicable if count(fairness.reported) > 0

applicable if not input.dataset

default pass := false

pass if {
	count(reasons) == 0
	every name in fairness.reported {
		name in fairness.odds_held
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains reason if {
	some [name, reason] in fairness.odds_objections
	name in fairness.reported
}
