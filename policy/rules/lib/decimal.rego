# Exact comparison of plain decimals. Both are padded to 18 whole and 30 fractional digits, and
# equally long digit strings compare as the numbers do: nothing is rounded.
package chancery.lib.decimal

valid(text) if {
	is_string(text)
	regex.match(`^[0-9]{1,18}(\.[0-9]{1,30})?$`, text)
}

at_most(value, limit) if padded(value) <= padded(limit)

padded(text) := concat("", [substring(zeros, 0, 18 - count(whole)), whole, fraction, substring(zeros, 0, 30 - count(fraction))]) if {
	valid(text)
	parts := array.concat(split(text, "."), [""])
	whole := parts[0]
	fraction := parts[1]
}

zeros := "000000000000000000000000000000"
