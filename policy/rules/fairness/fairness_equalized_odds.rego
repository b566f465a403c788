# Groups meet similar true and false positive rates, by every attribute the organisation gates on.
package chancery.rules.fairness_equalized_odds

import data.chancery.lib.fairness

metadata := {
	"id": "fairness_equalized_odds",
	"title": "Equalized odds difference",
	"article": "Organisation policy: fairness",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 10(2)(f), (g): https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Decide which protected attributes gate; mitigate the difference and evaluate again, or gather evidence on the groups that are too small.",
}

default applicable := false

applicable if count(fairness.concerned) > 0

applicable if not input.dataset

default pass := false

pass if {
	count(reasons) == 0
	every name in fairness.gated {
		name in fairness.odds_held
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains "the dataset has protected attributes, and the organisation gates on none" if fairness.undecided

reasons contains reason if {
	some [name, reason] in fairness.odds_objections
	name in fairness.gated
}
