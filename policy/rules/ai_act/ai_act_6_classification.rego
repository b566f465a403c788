# The system is classified, coherently. Profiling makes it high-risk, and no memo exempts it then.
package chancery.rules.ai_act_6_classification

import data.chancery.lib.risk
import data.chancery.lib.text

metadata := {
	"id": "ai_act_6_classification",
	"title": "Risk classification recorded",
	"article": "AI Act Art. 6, Annex III",
	"applies_from": "2027-12-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training", "before_deployment"],
	"remedy": "Record the Annex III area and point, or that none applies; for an exemption under Art. 6(3), the reasoned memo and its registration.",
}

class := input.system.risk

applicable := true

default pass := false

pass if {
	count(reasons) == 0
	classified
}

# Assessed, and outside Annex III.
classified if {
	class.annex_iii_area == "none"
	not class.annex_iii_point
}

# Inside it, at a point of the area named.
classified if {
	number := risk.numbers_by_area[class.annex_iii_area]
	startswith(class.annex_iii_point, number)
	letter := trim_prefix(class.annex_iii_point, number)
	count(letter) <= 1
	text.written_in(letter, "abcdefghijklmnopqrstuvwxyz")
}

exemption_claimed if class.exemption_memo

exemption_claimed if class.exemption_registration

reasons contains "the system facts are missing" if not input.system

reasons contains "the Annex III area is not recorded" if {
	input.system
	not class.annex_iii_area
}

reasons contains sprintf("the point recorded does not lie in the area %v", [class.annex_iii_area]) if {
	class.annex_iii_area
	not classified
}

reasons contains "the system profiles natural persons and is high-risk: no exemption under Art. 6(3) is open" if {
	exemption_claimed
	class.profiling != false
}

reasons contains "the exemption under Art. 6(3) has no reasoned memo" if {
	exemption_claimed
	not text.provided(class.exemption_memo)
}

reasons contains "the exemption under Art. 6(3) is not registered" if {
	exemption_claimed
	not text.provided(class.exemption_registration)
}
