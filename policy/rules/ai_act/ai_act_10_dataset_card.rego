# The dataset card says where the data come from and for whom they speak. At registration no system
# is known yet, and every dataset needs its card.
package chancery.rules.ai_act_10_dataset_card

import data.chancery.lib.risk
import data.chancery.lib.text

metadata := {
	"id": "ai_act_10_dataset_card",
	"title": "Dataset card complete",
	"article": "AI Act Art. 10",
	"applies_from": "2027-12-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration", "before_training"],
	"remedy": "Complete the dataset card: origin, collection, preparation, assumptions, representativeness, known gaps.",
}

headings := {"origin", "collection", "preparation", "assumptions", "representativeness", "known_gaps"}

default applicable := false

applicable if input.gate == "dataset_registration"

applicable if not risk.known_not_high_risk

default pass := false

pass if {
	count(reasons) == 0
	every heading in headings {
		text.provided(input.dataset[heading])
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains sprintf("the dataset card says nothing under %v", [heading]) if {
	input.dataset
	some heading in headings
	not text.provided(input.dataset[heading])
}
