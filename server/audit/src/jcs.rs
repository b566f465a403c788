//! Canonical JSON (RFC 8785, JCS): one byte sequence for one value, so that it can be signed.
//!
//! Writing goes through `serde_json_canonicalizer`. Reading is stricter than JSON: a duplicate
//! key, a lone surrogate or a number that a double cannot hold exactly would let two readers of
//! the same signed bytes see two values.

use std::fmt;

use serde::{
    Serialize,
    de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use crate::AuditError;

/// Integers from here up have neighbours that round to the same double (RFC 8785 §6).
const INTEGER_LIMIT: u64 = 1 << 53;

/// Writes `value` as RFC 8785 canonical JSON.
///
/// # Errors
/// [`AuditError::Malformed`] for NaN and infinities, keys that are not strings, duplicate keys,
/// and integer types at or beyond ±2^53, which would be silently rounded. A finite float is
/// accepted whatever its size and printed as ECMAScript prints it.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, AuditError> {
    let bytes = serde_json_canonicalizer::to_vec(&value).map_err(malformed)?;
    // The canonicalizer has already turned integers into doubles, so they are checked apart.
    check_integers(&serde_json::to_value(value).map_err(malformed)?)?;
    Ok(bytes)
}

/// Parses JSON that may be signed: any layout, but only one possible meaning.
///
/// # Errors
/// [`AuditError::Malformed`] for anything that is not JSON, duplicate keys, lone surrogates, and
/// numbers at or beyond ±2^53 (every such double is an integer; they belong into strings).
pub fn parse_strict(bytes: &[u8]) -> Result<Value, AuditError> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(malformed)
}

/// Whether `bytes` are acceptable to [`parse_strict`] and already in canonical form.
pub fn is_canonical(bytes: &[u8]) -> bool {
    parse_strict(bytes).and_then(|value| to_vec(&value)).is_ok_and(|canonical| canonical == bytes)
}

fn malformed(error: serde_json::Error) -> AuditError {
    AuditError::malformed("JSON", error)
}

fn check_integers(value: &Value) -> Result<(), AuditError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_integers),
        Value::Object(members) => members.values().try_for_each(check_integers),
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(magnitude) if magnitude >= INTEGER_LIMIT => Err(AuditError::malformed(
                    "JSON",
                    format_args!("the integer {number} is not exact as a double: use a string"),
                )),
                _ => Ok(()),
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// A [`Value`] whose deserialisation enforces the rules of [`parse_strict`].
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value >= INTEGER_LIMIT {
            return Err(E::custom(format_args!("the integer {value} must be a string")));
        }
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() >= INTEGER_LIMIT {
            return Err(E::custom(format_args!("the integer {value} must be a string")));
        }
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= INTEGER_LIMIT as f64 {
            return Err(E::custom(format_args!("the integer {value} must be a string")));
        }
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("duplicate key {key:?}")));
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn canonical(json: &str) -> String {
        let value: Value = serde_json::from_str(json).unwrap();
        String::from_utf8(to_vec(&value).unwrap()).unwrap()
    }

    #[test]
    fn numbers_print_as_ecmascript_prints_them() {
        for (bits, text) in [
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x8000_0000_0000_0000, "0"),
        ] {
            assert_eq!(to_vec(&f64::from_bits(bits)).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn number_tokens_are_rewritten() {
        let json = "[1e21,0.000001,1e-7,-0,100000000000000000000,4.50,333333333.33333329,1e30]";
        let text = "[1e+21,0.000001,1e-7,0,100000000000000000000,4.5,333333333.3333333,1e+30]";
        assert_eq!(canonical(json), text);
    }

    #[test]
    fn keys_sort_by_utf16_units() {
        // U+1F600 is D83D DE00 in UTF-16 and so before U+FB33; in UTF-8 it comes after.
        let json = r#"{"\u20ac":0,"\ud83d\ude00":1,"\ufb33":2,"\r":3,"1":4,"\u00f6":5}"#;
        assert_eq!(
            canonical(json),
            "{\"\\r\":3,\"1\":4,\"\u{f6}\":5,\"\u{20ac}\":0,\"\u{1f600}\":1,\"\u{fb33}\":2}"
        );
    }

    #[test]
    fn escapes_are_minimal() {
        let json = r#""\u0000\u001f\u0008\t\n\f\r\"\\\/\u007f\u2028""#;
        assert_eq!(canonical(json), "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}\u{2028}\"");
    }

    #[test]
    fn the_object_of_the_reference_programs() {
        let json = concat!(
            r#"{"b":1,"a":[1e21,0.000001,1e-7,-0,100000000000000000000,4.50,"#,
            r#"333333333.33333329,1e30],"\u20ac":"\u0000\u001f\"\\/\u007f\u2028","#,
            r#""\ud83d\ude00":1,"\ufb33":2,"\r":3,"1":4,"\u00f6":5}"#
        );
        let text = canonical(json);
        assert_eq!(
            text,
            concat!(
                r#"{"\r":3,"1":4,"a":[1e+21,0.000001,1e-7,0,100000000000000000000,4.5,"#,
                r#"333333333.3333333,1e+30],"b":1,"#,
                "\"\u{f6}\":5,\"\u{20ac}\":\"\\u0000\\u001f\\\"\\\\/\u{7f}\u{2028}\",",
                "\"\u{1f600}\":1,\"\u{fb33}\":2}"
            )
        );
    }

    #[test]
    fn rejects_what_has_two_meanings() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#"{"\ud83d":1}"#,
            "NaN",
            "Infinity",
            "-Infinity",
            "1e400",
            "9007199254740992",
            "-9007199254740992",
            "[295147905179352830000]",
            "1 2",
            "",
        ] {
            assert!(parse_strict(json.as_bytes()).is_err(), "accepted {json}");
        }
        assert!(parse_strict(b"\"\xff\"").is_err());
        assert_eq!(parse_strict(b"9007199254740991").unwrap(), 9_007_199_254_740_991_u64);
    }

    #[test]
    fn refuses_to_write_what_it_would_round() {
        assert!(to_vec(&f64::NAN).is_err());
        assert!(to_vec(&f64::INFINITY).is_err());
        assert!(to_vec(&(1_u64 << 53)).is_err());
        assert!(to_vec(&i64::MIN).is_err());
        assert!(to_vec(&((1_u64 << 53) - 1)).is_ok());
    }

    #[test]
    fn knows_canonical_from_other_layouts() {
        assert!(is_canonical(br#"{"a":1,"b":[true,null]}"#));
        for other in [r#"{"b":1,"a":1}"#, r#"{"a": 1}"#, "1.0", "-0", r#""\u0041""#, "\"a\"\n"] {
            assert!(!is_canonical(other.as_bytes()), "accepted {other}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = parse_strict(&bytes);
            let _ = is_canonical(&bytes);
        }

        #[test]
        fn arbitrary_json_like_text_never_panics(text in r#"[\[\]{}:,"0-9eE.\\u+dtrfalsn -]{0,64}"#) {
            if let Ok(value) = parse_strict(text.as_bytes()) {
                let bytes = to_vec(&value).unwrap();
                prop_assert!(is_canonical(&bytes));
            }
        }

        #[test]
        fn doubles_survive(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
            prop_assert_eq!(text.parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_an_overflow() {
        assert!(parse_strict("[".repeat(100_000).as_bytes()).is_err());
    }
}
