# The practices that Regulation (EU) 2026/1744 added to Art. 5(1). Every pack holds this file
# unchanged; it imports nothing, so that no other file can change what it means.
package chancery.rules.ai_act_5_inserted_practices

metadata := {
	"id": "ai_act_5_inserted_practices",
	"title": "No practice prohibited by the inserted letters",
	"article": "AI Act Art. 5(1)(ba), (bb)",
	"applies_from": "2026-12-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2026/1744/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training", "after_evaluation", "before_deployment", "at_inference"],
	"remedy": "Attest letters (ba) and (bb) of Art. 5(1). A system that does what one of them prohibits must not be built or used.",
}

practices := {
	"ba": "practice inserted by Regulation (EU) 2026/1744",
	"bb": "practice inserted by Regulation (EU) 2026/1744",
}

answers := input.system.prohibited_practices

applicable := true

default pass := false

pass if {
	count(reasons) == 0
	every letter, _ in practices {
		answers[letter] == false
	}
}

reasons contains "no answers on prohibited practices are attested" if not answers

reasons contains sprintf("Art. 5(1)(%v) was not answered: %v", [letter, practice]) if {
	answers
	some letter, practice in practices
	not letter in object.keys(answers)
}

reasons contains sprintf("Art. 5(1)(%v) is attested: %v", [letter, practice]) if {
	some letter, practice in practices
	answers[letter] != false
}
