# A practice that Art. 5 prohibits is never admitted. Every pack holds this file unchanged; it
# imports nothing, so that no other file can change what it means.
package chancery.rules.ai_act_5_prohibited_practices

metadata := {
	"id": "ai_act_5_prohibited_practices",
	"title": "No prohibited practice",
	"article": "AI Act Art. 5(1)(a)-(h)",
	"applies_from": "2025-02-02",
	"source": "https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_training", "after_evaluation", "before_deployment", "at_inference"],
	"remedy": "Attest every letter of Art. 5(1). A system that does what one of them prohibits must not be built or used.",
}

practices := {
	"a": "manipulative or subliminal techniques",
	"b": "exploitation of vulnerabilities",
	"c": "social scoring",
	"d": "crime prediction from profiling alone",
	"e": "untargeted scraping of facial images",
	"f": "emotion inference at work or in education",
	"g": "biometric categorisation by sensitive traits",
	"h": "real-time remote biometric identification",
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
