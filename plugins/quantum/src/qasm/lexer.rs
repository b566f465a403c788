//! Text to tokens, each with its line.

use crate::{Fault, FaultKind};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    Word(String),
    Integer(u64),
    Real(f64),
    Text(String),
    Arrow,
    Symbol(char),
    End,
}

/// The tokens with their lines, closed by [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<(Token, u32)>, Fault> {
    let mut result = Vec::new();
    let mut line = 1;
    for text in source.lines() {
        let code = text.split("//").next().unwrap_or_default();
        line_tokens(code, line, &mut result)?;
        line += 1;
    }
    result.push((Token::End, line.saturating_sub(1).max(1)));
    Ok(result)
}

fn line_tokens(mut rest: &str, line: u32, out: &mut Vec<(Token, u32)>) -> Result<(), Fault> {
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(()) };
        let (token, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => word(rest),
            '0'..='9' | '.' => number(rest)
                .ok_or_else(|| Fault::at(FaultKind::Source, line, "a malformed number"))?,
            '"' => text(rest)
                .ok_or_else(|| Fault::at(FaultKind::Source, line, "a string without its end"))?,
            '-' if rest.starts_with("->") => (Token::Arrow, 2),
            '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '+' | '-' | '*' | '/' | '^' | '=' => {
                (Token::Symbol(first), 1)
            }
            _ => {
                let message = format!("unexpected character {first:?}");
                return Err(Fault::at(FaultKind::Source, line, message));
            }
        };
        out.push((token, line));
        rest = &rest[length..];
    }
}

fn word(rest: &str) -> (Token, usize) {
    let length = rest
        .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .unwrap_or(rest.len());
    (Token::Word(rest[..length].to_owned()), length)
}

fn number(rest: &str) -> Option<(Token, usize)> {
    let bytes = rest.as_bytes();
    let mut length = 0;
    let mut is_real = false;
    while let Some(byte) = bytes.get(length) {
        let follows_exponent = length > 0 && matches!(bytes[length - 1], b'e' | b'E');
        match byte {
            b'0'..=b'9' => {}
            b'.' | b'e' | b'E' => is_real = true,
            b'+' | b'-' if follows_exponent => {}
            _ => break,
        }
        length += 1;
    }
    let digits = &rest[..length];
    let token = match is_real {
        false => Token::Integer(digits.parse().ok()?),
        true => Token::Real(digits.parse().ok().filter(|value: &f64| value.is_finite())?),
    };
    Some((token, length))
}

fn text(rest: &str) -> Option<(Token, usize)> {
    let length = rest[1..].find('"')?;
    Some((Token::Text(rest[1..=length].to_owned()), length + 2))
}
