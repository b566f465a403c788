# Text that says something.
package chancery.lib.text

provided(value) if {
	is_string(value)
	trim_space(value) != ""
}
