# Every protected attribute is measured on groups large enough to say something. What is
# insufficient stands in the decision, and never reads as passed.
package chancery.rules.fairness_evidence

import data.chancery.lib.fairness

metadata := {
	"id": "fairness_evidence",
	"title": "Evidence on every protected attribute",
	"article": "Organisation policy: fairness",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 10(2)(f), (g): https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "report",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Gather evidence on the groups that are too small, or say in the model card that nothing is known about them.",
}

default applicable := false

applicable if count(fairness.concerned) > 0

applicable if not input.dataset

default pass := false

pass if {
	count(reasons) == 0
	every name in fairness.concerned {
		name in fairness.sufficient
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains reason if some [_, reason] in fairness.unsupported
