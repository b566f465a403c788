//! Keeps a pack pure: no clock, randomness, network, process or output.
//!
//! Two nets. The load-time scan names the file and the builtin to its author. A spelling the scan
//! does not see still meets the second: [`crate::engine`] registers a function that only raises
//! an error under each of these names, and the engine looks those up before its own builtins.

use crate::PolicyError;

/// Builtins whose result does not follow from their arguments, or that write somewhere, with the
/// number of arguments they take.
pub(crate) const IMPURE: [(&str, u8); 7] = [
    ("time.now_ns", 0),
    ("rand.intn", 2),
    ("uuid.rfc4122", 1),
    ("http.send", 1),
    ("opa.runtime", 0),
    ("trace", 1),
    ("print", 1),
];

/// Refuses a file that names an impure builtin outside its comments, however spaced and whether
/// written with a dot or a bracket. A text that happens to hold such a name is refused as well:
/// too strict is the safe side.
pub(crate) fn check(file: &str, source: &str) -> Result<(), PolicyError> {
    let code = squeeze(source);
    match IMPURE.iter().find(|(builtin, _)| mentions(&code, builtin)) {
        Some((builtin, _)) => Err(PolicyError::ImpureBuiltin {
            file: file.to_owned(),
            builtin: (*builtin).to_owned(),
        }),
        None => Ok(()),
    }
}

fn mentions(code: &str, builtin: &str) -> bool {
    match builtin.split_once('.') {
        Some((namespace, name)) => {
            code.contains(builtin)
                || code.contains(&format!("{namespace}[\"{name}\"]"))
                || code.contains(&format!("{namespace}[`{name}`]"))
        }
        None => calls(code, builtin),
    }
}

fn calls(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}("))
        .any(|(at, _)| !code[..at].ends_with(|before: char| is_word(before) || before == '.'))
}

/// The source without comments, and with white space only where it parts two words. A `#` inside
/// text also ends its line here only where the quotes before it on the line are balanced.
fn squeeze(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    for word in source.lines().flat_map(|line| without_comment(line).split_whitespace()) {
        if code.ends_with(is_word) && word.starts_with(is_word) {
            code.push(' ');
        }
        code.push_str(word);
    }
    code
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| {
        let before = &line[..*at];
        before.matches('"').count() % 2 == 0 && before.matches('`').count() % 2 == 0
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::check;

    #[test]
    fn impure_spellings_are_refused() {
        for source in [
            "x := time.now_ns()",
            "x := time . now_ns ( )",
            "x := time\n.now_ns()",
            "x := time[\"now_ns\"]()",
            "x := rand.intn(\"a\", 2)",
            "x := http.send({})",
            "x := opa.runtime()",
            "x := uuid.rfc4122(\"a\")",
            "x if { print(1) }",
            "x if print(1)",
            "x if\n\tprint (1)",
            "x := \"#\" # \nx := time.now_ns()",
            "x := concat(\"#\", [\"a\"]) if time.now_ns() > 0",
            "allow if true with time.now_ns as 1",
        ] {
            assert!(check("a.rego", source).is_err(), "{source}");
        }
    }

    #[test]
    fn pure_spellings_pass() {
        for source in [
            "# time.now_ns() is refused",
            "x := time.parse_rfc3339_ns(input.now)",
            "x := blueprint(1)",
            "x := lib.print(1)",
        ] {
            check("a.rego", source).unwrap();
        }
    }
}
