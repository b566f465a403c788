//! The fields of an event that have one spelling only.

use std::fmt;

use crate::AuditError;

/// The id of an event: a UUID, written in lowercase with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId([u8; 16]);

impl EventId {
    /// From the UUID's bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Parses a hyphenated, lowercase UUID of any version.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other spelling.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        parse_uuid(text.as_bytes())
            .map(Self)
            .ok_or_else(|| AuditError::malformed("event id", format_args!("{text:?}")))
    }

    /// The UUID's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Writes the text into `buffer`: no allocation where millions of ids are compared.
    pub(crate) fn write_to<'b>(&self, buffer: &'b mut [u8; 36]) -> &'b str {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut digits =
            self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|d| DIGITS[usize::from(d)]);
        for (position, place) in buffer.iter_mut().enumerate() {
            *place = match position {
                8 | 13 | 18 | 23 => b'-',
                _ => digits.next().unwrap_or(b'0'),
            };
        }
        std::str::from_utf8(buffer).unwrap_or_default()
    }
}

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let (mut bytes, mut digits) = ([0_u8; 16], 0);
    for (position, &byte) in text.iter().enumerate() {
        let digit = match (position, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write_to(&mut [0; 36]))
    }
}

/// What happened, as a past fact: `job_admitted`. Lowercase letters, digits, `_` and `.`,
/// beginning with a letter, at most 64 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKind(String);

impl EventKind {
    /// Checks a kind.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn new(kind: impl Into<String>) -> Result<Self, AuditError> {
        let kind = kind.into();
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        let first = kind.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !first || kind.len() > 64 || !kind.bytes().all(fits) {
            return Err(AuditError::malformed("event kind", format_args!("{kind:?}")));
        }
        Ok(Self(kind))
    }

    /// The kind as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When it happened: RFC 3339 in UTC with microseconds, `2026-01-31T23:59:59.000000Z`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventTime(String);

impl EventTime {
    /// Checks a time.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other spelling and for dates that do not exist. Leap
    /// seconds are refused: PostgreSQL cannot store them.
    pub fn new(time: impl Into<String>) -> Result<Self, AuditError> {
        let time = time.into();
        if !is_utc_microseconds(time.as_bytes()) {
            return Err(AuditError::malformed("event time", format_args!("{time:?}")));
        }
        Ok(Self(time))
    }

    /// The time as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_utc_microseconds(text: &[u8]) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00.000000Z";
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    if text.len() != FORM.len() || !text.iter().zip(FORM).all(fits) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    (1..=days_in_month(year, month)).contains(&day)
        && number(11..13) < 24
        && number(14..16) < 60
        && number(17..19) < 60
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}
