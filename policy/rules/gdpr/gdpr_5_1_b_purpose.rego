# Data are used for the purposes they were collected for.
package chancery.rules.gdpr_5_1_b_purpose

import data.chancery.lib.dataset
import data.chancery.lib.text

metadata := {
	"id": "gdpr_5_1_b_purpose",
	"title": "Purpose limitation",
	"article": "GDPR Art. 5(1)(b)",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration", "before_training", "before_deployment", "at_inference"],
	"remedy": "Use data collected for this purpose, or record a compatible purpose with its own legal basis.",
}

purposes := {purpose | some purpose in input.dataset.purposes; text.provided(purpose)}

default applicable := false

applicable if not dataset.without_personal_data

default pass := false

pass if {
	count(reasons) == 0
	input.gate == "dataset_registration"
	count(purposes) > 0
}

pass if {
	count(reasons) == 0
	input.gate != "dataset_registration"
	input.job.purpose in purposes
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains "the dataset names no purpose" if {
	input.dataset
	count(purposes) == 0
}

reasons contains "the job names no purpose" if {
	input.gate != "dataset_registration"
	not text.provided(input.job.purpose)
}

reasons contains sprintf("the job's purpose %v is none of the dataset's", [input.job.purpose]) if {
	input.gate != "dataset_registration"
	not input.job.purpose in purposes
}
