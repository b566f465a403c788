# Which attributes a fairness rule judges, and on what evidence.
package chancery.lib.fairness

gated := {name | some name in input.organisation.fairness.gated_attributes}

protected := {name | some name in input.dataset.protected_attributes}

concerned := gated | protected

# Two entries for one attribute conflict, which is an error.
measured[entry.attribute] := entry if some entry in input.outcome.attributes

sufficient contains name if {
	some name, entry in measured
	entry.insufficient == false
	entry.smallest_group_n >= input.organisation.fairness.minimum_group_size
}

insufficient contains name if {
	some name, _ in measured
	not name in sufficient
}

# Insufficient evidence fails for a gated attribute. For any other it is left to the rule that
# reports it, and no figure drawn from it is judged.
judged := concerned - (insufficient - gated)

# Objections that do not depend on the figure compared.
unsupported contains "the dataset facts are missing" if not input.dataset

unsupported contains sprintf("attribute %v was not measured", [name]) if {
	some name in judged
	not measured[name]
}

unsupported contains sprintf("insufficient evidence for %v: a group of %v, at least %v needed", [name, measured[name].smallest_group_n, input.organisation.fairness.minimum_group_size]) if {
	some name in judged
	name in insufficient
}

# What can be compared with a limit.
comparable := judged & sufficient
