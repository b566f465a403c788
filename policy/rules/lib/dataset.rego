# What is known to be absent from the dataset. Each is true only on a positive statement, so that
# a missing dataset never exempts.
package chancery.lib.dataset

default without_personal_data := false

without_personal_data if {
	input.dataset.personal_data == false
	without_special_categories
}

default without_special_categories := false

without_special_categories if count(input.dataset.special_categories) == 0

special_columns := {category.column | some category in input.dataset.special_categories}
