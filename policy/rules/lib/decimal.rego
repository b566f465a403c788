# Exact comparison of plain decimals: padded to 18 whole and 30 fractional digits, texts compare as
# the numbers do, and nothing is rounded.
package chancery.lib.decimal

# Undefined for what is no plain decimal, or has more digits.
padded(text) := concat("", [substring(zeros, 0, 18 - count(whole)), whole, fraction, substring(zeros, 0, 30 - count(fraction))]) if {
	is_string(text)
	trim(text, "0123456789") in {"", "."}
	not endswith(text, ".")
	[whole, fraction] := array.slice(array.concat(split(text, "."), [""]), 0, 2)
	count(whole) > 0
	count(whole) <= 18
	count(fraction) <= 30
}

zeros := "000000000000000000000000000000"
