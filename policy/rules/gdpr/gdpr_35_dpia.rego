# Profiling with effects, and special categories on a large scale, need an impact assessment.
package chancery.rules.gdpr_35_dpia

import data.chancery.lib.dataset
import data.chancery.lib.text

metadata := {
	"id": "gdpr_35_dpia",
	"title": "Data protection impact assessment",
	"article": "GDPR Art. 35",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training", "before_deployment"],
	"remedy": "Carry out the impact assessment and record where it is filed.",
}

default applicable := false

applicable if {
	not dataset.without_personal_data
	input.system.risk.profiling != false
}

applicable if {
	not dataset.without_personal_data
	not input.system
}

# A scale that is not recorded counts as large.
applicable if {
	not dataset.without_special_categories
	not small_scale
}

small_scale if input.dataset.large_scale == false

default pass := false

pass if {
	count(reasons) == 0
	text.provided(input.system.dpia_reference)
}

reasons contains "no data protection impact assessment is on file" if not text.provided(input.system.dpia_reference)
