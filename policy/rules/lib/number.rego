# Comparisons that hold between numbers only. Rego orders all types, and would find null, or a
# boolean, below every limit.
package chancery.lib.number

at_most(value, limit) if {
	is_number(value)
	is_number(limit)
	value <= limit
}

at_least(value, limit) if {
	is_number(value)
	is_number(limit)
	value >= limit
}
