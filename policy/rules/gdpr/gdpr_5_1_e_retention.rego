# Data are used only while their retention lasts.
package chancery.rules.gdpr_5_1_e_retention

import data.chancery.lib.dataset
import data.chancery.lib.moment
import data.chancery.lib.text

metadata := {
	"id": "gdpr_5_1_e_retention",
	"title": "Storage limitation",
	"article": "GDPR Art. 5(1)(e)",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration", "before_training"],
	"remedy": "Record the end of retention, erase expired data, or record why storage must last longer.",
}

end := moment.end(input.dataset.retention_until)

default applicable := false

applicable if not dataset.without_personal_data

default pass := false

pass if {
	count(reasons) == 0
	moment.now < end
}

reasons contains "the end of retention is not recorded" if not text.provided(input.dataset.retention_until)

reasons contains sprintf("retention ended on %v", [input.dataset.retention_until]) if moment.now >= end
