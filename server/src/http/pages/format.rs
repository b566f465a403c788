//! How values read on a page. Amounts of privacy stay integers all the way: no float touches them.

use askama::Template;
use askama::filters::HtmlSafe;
use serde_json::Value;
use time::OffsetDateTime;

use crate::clock::{rfc3339, rfc3339_micros};

/// A moment, to the second, with the exact one in the attribute.
#[derive(Clone, Debug, Template)]
#[template(ext = "html", source = r#"<time datetime="{{ exact }}">{{ text }}</time>"#)]
pub struct Stamp {
    exact: String,
    text: String,
}

impl HtmlSafe for Stamp {}

impl Stamp {
    /// Of a recorded time.
    pub fn new(time: OffsetDateTime) -> Self {
        let whole = time.replace_nanosecond(0).unwrap_or(time);
        Self { exact: rfc3339_micros(time), text: rfc3339(whole) }
    }

    /// Of a time that a document states.
    pub fn stated(text: &str) -> Self {
        match OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339) {
            Ok(time) => Self::new(time),
            Err(_) => Self { exact: text.to_owned(), text: text.to_owned() },
        }
    }
}

/// `units` · 10^−`scale` in full, without trailing zeros.
pub fn decimal(units: i64, scale: usize) -> String {
    let sign = if units < 0 { "−" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// `units` · 10^−`scale` as a mantissa and a power of ten, every digit kept.
pub fn scientific(units: i64, scale: usize) -> String {
    if units == 0 {
        return "0".into();
    }
    let sign = if units < 0 { "−" } else { "" };
    let digits = units.unsigned_abs().to_string();
    let exponent = digits.len() as i64 - 1 - scale as i64;
    let (lead, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    format!("{sign}{lead}{point}{rest}×10{}", superscript(exponent))
}

/// ε of the ledger (10⁻⁹).
pub fn epsilon(nano: i64) -> String {
    decimal(nano, 9)
}

/// δ of the ledger (10⁻¹⁵).
pub fn delta(femto: i64) -> String {
    scientific(femto, 15)
}

/// A share as a percentage with one digit.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A measured number with four digits after the point.
pub fn number(value: f64) -> String {
    format!("{value:.4}").replace('-', "−")
}

/// An identifier as prose: `before_training` → `before training`.
pub fn words(identifier: &str) -> String {
    identifier.replace('_', " ")
}

/// A JSON value as a reader expects it in a table: text unquoted, lists by comma.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not provided".into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => "none".into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let pair =
                |(key, value): (&String, &Value)| format!("{}: {}", words(key), plain(value));
            members.iter().map(pair).collect::<Vec<_>>().join("; ")
        }
    }
}

/// Indented JSON.
pub fn pretty(value: &Value) -> String {
    // A `Value` has only string keys and finite numbers, so this cannot fail.
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn superscript(exponent: i64) -> String {
    let raise = |c: char| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        // The rest of the superscript digits follow each other from U+2070 on.
        digit => digit.to_digit(10).and_then(|d| char::from_u32(0x2070 + d)).unwrap_or(digit),
    };
    exponent.to_string().chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ledger_units_read_in_full() {
        assert_eq!(epsilon(0), "0");
        assert_eq!(epsilon(1), "0.000000001");
        assert_eq!(epsilon(1_500_000_000), "1.5");
        assert_eq!(epsilon(12_000_000_000), "12");
        assert_eq!(epsilon(-250_000_000), "−0.25");
        assert_eq!(epsilon(i64::MIN), "−9223372036.854775808");
    }

    #[test]
    fn small_losses_read_in_powers_of_ten() {
        assert_eq!(delta(0), "0");
        assert_eq!(delta(1), "1×10⁻¹⁵");
        assert_eq!(delta(10_000_000_000), "1×10⁻⁵");
        assert_eq!(delta(12_345_000_000), "1.2345×10⁻⁵");
        assert_eq!(delta(1_000_000_000_000_000), "1×10⁰");
        assert_eq!(delta(20_000_000_000_000_000), "2×10¹");
        assert_eq!(delta(456), "4.56×10⁻¹³");
    }

    #[test]
    fn values_read_as_prose() {
        assert_eq!(plain(&serde_json::json!(["a", 1, null])), "a, 1, not provided");
        assert_eq!(plain(&serde_json::json!({"accuracy_min": 0.8})), "accuracy min: 0.8");
        assert_eq!(plain(&serde_json::json!([])), "none");
        assert_eq!(percent(0.8432), "84.3 %");
        assert_eq!(number(-0.06), "−0.0600");
    }

    #[test]
    fn a_stamp_keeps_the_exact_time_and_escapes_what_is_not_one() {
        let stamp = Stamp::stated("2025-03-01T10:00:00.123456Z").to_string();
        let expected =
            r#"<time datetime="2025-03-01T10:00:00.123456Z">2025-03-01T10:00:00Z</time>"#;
        assert_eq!(stamp, expected);
        assert!(!Stamp::stated("\"><script>").to_string().contains("<script"));
    }

    proptest! {
        #[test]
        fn a_decimal_is_exactly_its_units(units: i64) {
            let text = epsilon(units).replace('−', "-");
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let back = format!("{whole}{fraction:0<9}").parse::<i64>();
            prop_assert_eq!(back, Ok(units));
        }
    }
}
