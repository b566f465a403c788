# Measured accuracy reaches what was declared before the run and what the organisation asks.
package chancery.rules.quality_accuracy

import data.chancery.lib.number

metadata := {
	"id": "quality_accuracy",
	"title": "Accuracy as declared",
	"article": "Organisation policy: quality",
	"applies_from": "2018-05-25",
	"source": "Organisation policy; AI Act Art. 15: https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["after_evaluation", "before_deployment"],
	"remedy": "Improve the model and evaluate again; a threshold is not lowered after the run.",
}

applicable := true

limits := {"the organisation": input.organisation.quality.accuracy_min, "the declaration": input.job.declared_metrics.accuracy_min}

default pass := false

pass if {
	count(reasons) == 0
	input.outcome.n > 0
	every limit in limits {
		number.at_least(input.outcome.accuracy, limit)
	}
}

reasons contains "no outcome was measured" if not input.outcome

reasons contains "the outcome rests on no sample" if input.outcome.n == 0

reasons contains "no accuracy was declared before the run" if not input.job.declared_metrics

reasons contains sprintf("accuracy is %v, %v asks for at least %v", [input.outcome.accuracy, who, limit]) if {
	some who, limit in limits
	not number.at_least(input.outcome.accuracy, limit)
}
