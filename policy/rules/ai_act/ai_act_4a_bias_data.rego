# Special categories may serve to detect and correct bias under six conditions, all of them, and
# under a grant that expires.
package chancery.rules.ai_act_4a_bias_data

import data.chancery.lib.dataset
import data.chancery.lib.moment
import data.chancery.lib.text

metadata := {
	"id": "ai_act_4a_bias_data",
	"title": "Conditions for special categories in bias work",
	"article": "AI Act Art. 4a",
	"applies_from": "2026-07-27",
	"source": "https://eur-lex.europa.eu/eli/reg/2026/1744/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training"],
	"remedy": "Meet and record all six conditions of Art. 4a, and renew the grant.",
}

conditions := input.job.bias_mitigation

columns := {column | some column in input.job.columns}

default applicable := false

applicable if {
	input.job.purpose == "bias_mitigation"
	not reads_no_special_category
}

applicable if conditions

# A missing dataset is no proof of absence.
reads_no_special_category if {
	input.dataset
	count(dataset.special_columns & columns) == 0
}

default pass := false

pass if {
	count(reasons) == 0
	conditions.reuse_limited_and_pseudonymised == true
	conditions.no_transmission == true
	moment.end(conditions.deletion_by) > moment.now
	moment.at(conditions.grant_expires_at) > moment.now
}

reasons contains "the conditions of Art. 4a are not recorded" if not conditions

texts := {
	"no_alternative_data": "why no other data can do",
	"access_control": "the access control",
	"deletion_by": "the date of deletion",
	"recorded_reason": "the reason in the record of processing",
	"grant_expires_at": "the end of the grant",
}

reasons contains sprintf("not recorded: %v", [meaning]) if {
	conditions
	some field, meaning in texts
	not text.provided(conditions[field])
}

reasons contains "re-use is not limited, or the data are not pseudonymised" if conditions.reuse_limited_and_pseudonymised != true

reasons contains "the data are transmitted to others" if conditions.no_transmission != true

reasons contains sprintf("the data were to be deleted by %v", [conditions.deletion_by]) if moment.end(conditions.deletion_by) <= moment.now

reasons contains sprintf("the grant expired at %v", [conditions.grant_expires_at]) if moment.at(conditions.grant_expires_at) <= moment.now
