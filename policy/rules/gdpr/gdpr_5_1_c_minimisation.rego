# A model reads no protected or special-category column unless it is said why it must.
package chancery.rules.gdpr_5_1_c_minimisation

import data.chancery.lib.dataset
import data.chancery.lib.text

metadata := {
	"id": "gdpr_5_1_c_minimisation",
	"title": "Data minimisation",
	"article": "GDPR Art. 5(1)(c), 25",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training"],
	"remedy": "Leave the column out of the features, or justify it for this job.",
}

columns := {column | some column in input.job.columns}

sensitive := dataset.special_columns | {column | some column in input.dataset.protected_attributes}

default applicable := false

applicable if not dataset.without_personal_data

default pass := false

pass if {
	count(reasons) == 0
	input.dataset
	count(columns) > 0
	every column in columns & sensitive {
		text.provided(input.job.column_justifications[column])
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains "the job does not name the columns it reads" if count(columns) == 0

reasons contains sprintf("column %v is read without a justification", [column]) if {
	some column in columns & sensitive
	not text.provided(input.job.column_justifications[column])
}

reasons contains sprintf("column %v is both read and declared left out", [column]) if {
	some column in input.job.minimised_excluded
	column in columns
}
