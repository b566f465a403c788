# Special categories are processed only under an exception of Art. 9(2), column by column.
package chancery.rules.gdpr_9_special_categories

import data.chancery.lib.dataset

metadata := {
	"id": "gdpr_9_special_categories",
	"title": "Ground for special categories",
	"article": "GDPR Art. 9",
	"applies_from": "2018-05-25",
	"source": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
	"version": "1.0.0",
	"severity": "block",
	"gates": ["dataset_registration", "before_training", "before_deployment", "at_inference"],
	"remedy": "Record the exception of Art. 9(2) for the column, or drop the column.",
}

letters := {"9(2)(a)", "9(2)(b)", "9(2)(c)", "9(2)(d)", "9(2)(e)", "9(2)(f)", "9(2)(g)", "9(2)(h)", "9(2)(i)", "9(2)(j)"}

default applicable := false

applicable if not dataset.without_special_categories

default pass := false

pass if {
	count(reasons) == 0
	every category in input.dataset.special_categories {
		category.basis_9_2 in letters
	}
}

reasons contains "the dataset facts are missing" if not input.dataset

reasons contains sprintf("column %v has no ground under Art. 9(2)", [category.column]) if {
	some category in input.dataset.special_categories
	not category.basis_9_2 in letters
}
