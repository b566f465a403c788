# Groups meet similar true and false positive rates.
package chancery.rules.fairness_equalized_odds

import data.chancery.lib.fairness
import data.chancery.lib.number

metadata := {
	"id": "fairness_equalized_odds",
	"title": "Equalized odds difference",
	"article": "Organisation policy: fairness",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 10(2)(f), (g): https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Mitigate the difference and evaluate again, or gather evidence on the groups that are too small.",
}

# The stricter of the organisation's limit and the one declared before the run.
limit := min({input.organisation.fairness.equalized_odds_difference_max} | {declared | declared := input.job.declared_metrics.equalized_odds_difference_max})

default applicable := false

applicable if count(fairness.judged) > 0

applicable if not input.dataset

default pass := false

pass if {
	count(reasons) == 0
	every name in fairness.judged {
		number.at_most(abs(fairness.measured[name].equalized_odds_difference), limit)
	}
}

reasons contains reason if some reason in fairness.unsupported

reasons contains sprintf("the equalized odds difference of %v was not measured", [name]) if {
	some name in fairness.comparable
	not is_number(fairness.measured[name].equalized_odds_difference)
}

reasons contains sprintf("the equalized odds difference of %v is %v, at most %v", [name, fairness.measured[name].equalized_odds_difference, limit]) if {
	some name in fairness.comparable
	is_number(fairness.measured[name].equalized_odds_difference)
	not number.at_most(abs(fairness.measured[name].equalized_odds_difference), limit)
}
