# A decision with legal or similar effect is not left to a machine alone, unless an exception is
# named and a human can be reached. Art. 22(4) narrows the exceptions for special categories.
package chancery.rules.gdpr_22_automated_decision

import data.chancery.lib.dataset
import data.chancery.lib.text

metadata := {
	"id": "gdpr_22_automated_decision",
	"title": "Solely automated decisions",
	"article": "GDPR Art. 22",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["before_deployment", "at_inference"],
	"remedy": "Name the exception of Art. 22(2) and the route to a human review, or put a human in the decision.",
}

decision := input.job.automated_decision

exceptions := {"22(2)(a)", "22(2)(b)", "22(2)(c)"}

default applicable := false

applicable if {
	not dataset.without_personal_data
	not human_decides
}

human_decides if decision.solely == false

default pass := false

pass if {
	count(reasons) == 0
	decision.exception_22_2 in exceptions
	text.provided(decision.human_review_route)
}

reasons contains "it is not recorded whether decisions are solely automated" if not decision

reasons contains "a solely automated decision names no exception of Art. 22(2)" if {
	decision
	not decision.exception_22_2 in exceptions
}

reasons contains "a solely automated decision has no route to a human review" if {
	decision
	not text.provided(decision.human_review_route)
}

reasons contains sprintf("Art. 22(4): column %v rests on neither 9(2)(a) nor 9(2)(g)", [category.column]) if {
	some category in input.dataset.special_categories
	category.column in read
	not category.basis_9_2 in {"9(2)(a)", "9(2)(g)"}
}

read := {column | some column in input.job.columns}
