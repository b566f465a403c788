# Which attributes the fairness rules judge, on what evidence, and what stands against each. A
# rule picks its own attributes from the objections and from those that hold.
package chancery.lib.fairness

import data.chancery.lib.number

# The attributes the organisation decided to gate on.
gated := {name | some name in input.organisation.fairness.gated_attributes}

protected := {name | some name in input.dataset.protected_attributes}

# The protected attributes that move no gate.
reported := protected - gated

concerned := gated | protected

# Not gating on any protected attribute is a decision nobody took.
undecided if {
	count(gated) == 0
	count(protected) > 0
}

# Two entries for one attribute conflict, which is an error.
measured[entry.attribute] := entry if some entry in input.outcome.attributes

sufficient contains name if {
	some name, entry in measured
	entry.insufficient == false
	entry.smallest_group_n >= input.organisation.fairness.minimum_group_size
}

# What can be compared with a limit. No figure drawn from insufficient evidence is.
comparable := concerned & sufficient

# Objections are pairs of attribute and reason. These do not depend on the figure compared.
unsupported contains [name, sprintf("attribute %v was not measured", [name])] if {
	some name in concerned
	not measured[name]
}

unsupported contains [name, sprintf("insufficient evidence for %v: a group of %v, at least %v needed", [name, measured[name].smallest_group_n, input.organisation.fairness.minimum_group_size])] if {
	some name in concerned - sufficient
}

# The stricter of the organisation's limit and the one declared before the run.
parity_limit := min({input.organisation.fairness.parity_difference_max} | {declared | declared := input.job.declared_metrics.parity_difference_max})

parity_held contains name if {
	some name in comparable
	number.at_most(abs(measured[name].parity_difference), parity_limit)
	interval(measured[name].parity_difference_ci)
}

parity_objections contains objection if some objection in unsupported

parity_objections contains [name, sprintf("the parity difference of %v was not measured", [name])] if {
	some name in comparable
	not is_number(measured[name].parity_difference)
}

parity_objections contains [name, sprintf("the parity difference of %v is %v, at most %v", [name, measured[name].parity_difference, parity_limit])] if {
	some name in comparable
	is_number(measured[name].parity_difference)
	not number.at_most(abs(measured[name].parity_difference), parity_limit)
}

parity_objections contains [name, sprintf("the parity difference of %v has no confidence interval", [name])] if {
	some name in comparable
	not interval(measured[name].parity_difference_ci)
}

interval(bounds) if bounds[0] <= bounds[1]

odds_limit := min({input.organisation.fairness.equalized_odds_difference_max} | {declared | declared := input.job.declared_metrics.equalized_odds_difference_max})

odds_held contains name if {
	some name in comparable
	number.at_most(abs(measured[name].equalized_odds_difference), odds_limit)
}

odds_objections contains objection if some objection in unsupported

odds_objections contains [name, sprintf("the equalized odds difference of %v was not measured", [name])] if {
	some name in comparable
	not is_number(measured[name].equalized_odds_difference)
}

odds_objections contains [name, sprintf("the equalized odds difference of %v is %v, at most %v", [name, measured[name].equalized_odds_difference, odds_limit])] if {
	some name in comparable
	is_number(measured[name].equalized_odds_difference)
	not number.at_most(abs(measured[name].equalized_odds_difference), odds_limit)
}
