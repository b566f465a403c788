# A high-risk system is deployed only under a named person.
package chancery.rules.ai_act_14_overseer

import data.chancery.lib.risk
import data.chancery.lib.text

metadata := {
	"id": "ai_act_14_overseer",
	"title": "Named overseer",
	"article": "AI Act Art. 14",
	"applies_from": "2027-12-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_deployment", "at_inference"],
	"remedy": "Name the natural person who oversees the system.",
}

default applicable := false

applicable if not risk.known_not_high_risk

default pass := false

pass if {
	count(reasons) == 0
	text.provided(input.system.overseer)
}

reasons contains "no overseer is named" if not text.provided(input.system.overseer)
