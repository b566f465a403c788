# Points in time, in nanoseconds since 1970. A text that is neither a date nor an RFC 3339 time
# raises an error, and so denies.
package chancery.lib.moment

now := time.parse_rfc3339_ns(input.now)

at(text) := time.parse_rfc3339_ns(text)

# The end of a period. A bare date, known by its ten characters, includes its whole day, in UTC.
end(text) := time.parse_rfc3339_ns(concat("", [text, "T00:00:00Z"])) + day if count(text) == 10

end(text) := time.parse_rfc3339_ns(text) if count(text) != 10

day := ((24 * 60) * 60) * 1000000000
