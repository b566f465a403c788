# Metrics and thresholds are fixed before the run they will judge.
package chancery.rules.ai_act_9_fixed_metrics

import data.chancery.lib.moment
import data.chancery.lib.risk
import data.chancery.lib.text

metadata := {
	"id": "ai_act_9_fixed_metrics",
	"title": "Thresholds fixed before the run",
	"article": "AI Act Art. 9",
	"applies_from": "2027-12-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training", "after_evaluation", "before_deployment"],
	"remedy": "Declare metrics and thresholds before the run, and log the digest of the declaration.",
}

declared := input.job.declared_metrics

declared_at := moment.at(declared.declared_at)

digested if {
	text.written_in(declared.digest, "0123456789abcdef")
	count(declared.digest) == 64
}

default applicable := false

applicable if not risk.known_not_high_risk

default pass := false

pass if {
	count(reasons) == 0
	declared_at <= deadline
	digested
}

# Before the run has started, its start lies ahead of now.
deadline := moment.now if input.gate == "before_training"

deadline := moment.at(input.job.started_at) if input.gate != "before_training"

reasons contains "no metrics and thresholds are declared" if not declared

reasons contains "the start of the run is not recorded" if {
	input.gate != "before_training"
	not input.job.started_at
}

reasons contains sprintf("the thresholds date from %v, after the run had started", [declared.declared_at]) if declared_at > deadline

reasons contains "the declaration has no SHA-256 digest" if {
	declared
	not digested
}
