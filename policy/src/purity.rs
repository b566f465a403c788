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

/// Deepest nesting of brackets in a rule file. The parser tries a comprehension before a literal
/// at every opening bracket, so that its work doubles with each level.
const NESTING_MAX: usize = 12;

/// Refuses a file whose brackets nest so deeply that parsing it would not end in useful time.
pub(crate) fn check_nesting(file: &str, source: &str) -> Result<(), PolicyError> {
    let mut depth = 0_usize;
    let mut inside = Inside::Code;
    for c in source.chars() {
        inside = inside.after(c);
        match (&inside, c) {
            (Inside::Code, '(' | '[' | '{') => depth += 1,
            (Inside::Code, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_MAX {
            let problem = format!("brackets nest deeper than {NESTING_MAX}");
            return Err(PolicyError::Source { file: file.to_owned(), problem });
        }
    }
    Ok(())
}

/// Where in a Rego file a character stands: a bracket closed inside text must not count.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    Comment,
    Text,
    Escape,
    RawText,
}

impl Inside {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (Self::Code, '#') => Self::Comment,
            (Self::Code, '"') | (Self::Escape, _) => Self::Text,
            (Self::Code, '`') => Self::RawText,
            (Self::Comment, '\n') | (Self::Text, '"') | (Self::RawText, '`') => Self::Code,
            (Self::Text, '\\') => Self::Escape,
            (state, _) => state,
        }
    }
}

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

/// The source without comments, and with white space only where it parts two words.
fn squeeze(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    for word in without_comments(source).split_whitespace() {
        if code.ends_with(is_word) && word.starts_with(is_word) {
            code.push(' ');
        }
        code.push_str(word);
    }
    code
}

fn without_comments(source: &str) -> String {
    let mut inside = Inside::Code;
    let mut keep = |c: char| {
        inside = inside.after(c);
        !matches!(inside, Inside::Comment)
    };
    source.chars().filter(|c| keep(*c)).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{check, check_nesting};

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
    fn brackets_closed_in_text_or_comment_do_not_count() {
        for filler in ["\"]\",", "\"\\\"]\",", "`]`,", "# ]\n"] {
            let source = format!("x := {}", format!("[{filler}").repeat(20));
            assert!(check_nesting("a.rego", &source).is_err(), "{filler}");
        }
        check_nesting("a.rego", "x := \"[[[[[[[[[[[[[[\" # [[[[[[[[[[[[[[").unwrap();
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
