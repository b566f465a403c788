# Points in time, in nanoseconds since 1970. A text that is neither a date nor an RFC 3339 time
# raises an error, and so denies.
package chancery.lib.moment

now := time.parse_rfc3339_ns(input.now)

at(text) := time.parse_rfc3339_ns(text)

# The end of a period. A bare date includes its whole day, in UTC.
end(text) := time.parse_rfc3339_ns(concat("", [text, "T00:00:00Z"])) + day if date(text)

end(text) := time.parse_rfc3339_ns(text) if not date(text)

date(text) if regex.match(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, text)

day := ((24 * 60) * 60) * 1000000000
