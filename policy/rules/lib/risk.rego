# The risk class under Art. 6. Whatever is not known to be outside it counts as high-risk.
package chancery.lib.risk

import data.chancery.lib.text

default known_not_high_risk := false

known_not_high_risk if {
	input.system.risk.profiling == false
	input.system.risk.annex_iii_area == "none"
}

known_not_high_risk if {
	input.system.risk.profiling == false
	input.system.risk.annex_iii_area in numbers_by_area_names
	text.provided(input.system.risk.exemption_memo)
	text.provided(input.system.risk.exemption_registration)
}

# The areas of Annex III with their numbers.
numbers_by_area := {
	"biometrics": "1",
	"critical_infrastructure": "2",
	"education": "3",
	"employment": "4",
	"essential_services": "5",
	"law_enforcement": "6",
	"migration": "7",
	"justice_democracy": "8",
}

numbers_by_area_names := {name | some name, _ in numbers_by_area}
