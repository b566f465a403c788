# Text that says something.
package chancery.lib.text

provided(value) if {
	is_string(value)
	trim_space(value) != ""
}

# Whether a text is written in these characters alone. It is many times cheaper than a pattern,
# which is compiled anew at every use.
written_in(value, characters) if {
	is_string(value)
	trim(value, characters) == ""
}
