# The four-fifths indicator of US employment practice. It is reported and moves no gate.
package chancery.rules.fairness_four_fifths

import data.chancery.lib.fairness
import data.chancery.lib.number

metadata := {
	"id": "fairness_four_fifths",
	"title": "Four-fifths indicator",
	"article": "29 CFR 1607.4(D)",
	"applies_from": "2018-05-25",
	"source": "https://www.ecfr.gov/current/title-29/section-1607.4",
	"version": "1.0.0",
	"severity": "report",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Look into the selection rates before relying on the model in employment decisions.",
}

default applicable := false

applicable if count(fairness.concerned) > 0

applicable if not input.dataset

default pass := false

pass if {
	count(reasons) == 0
	every name in fairness.concerned {
		number.at_least(fairness.measured[name].parity_ratio, input.organisation.fairness.four_fifths_min)
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains reason if some [_, reason] in fairness.unsupported

reasons contains sprintf("the ratio of selection rates of %v was not measured", [name]) if {
	some name in fairness.comparable
	not is_number(fairness.measured[name].parity_ratio)
}

reasons contains sprintf("the ratio of selection rates of %v is %v, at least %v", [name, ratio, input.organisation.fairness.four_fifths_min]) if {
	some name in fairness.comparable
	ratio := fairness.measured[name].parity_ratio
	not number.at_least(ratio, input.organisation.fairness.four_fifths_min)
}
