//! A SHA-256 digest and its two spellings: hexadecimal and base64.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::AuditError;

/// Set in the value of every byte that is no lowercase hexadecimal digit.
const NO_DIGIT: u8 = 0x80;
/// Value of each byte as a digit: verification reads millions of digests, so without branches.
const DIGIT_VALUES: [u8; 256] = {
    let (mut values, mut digit) = ([NO_DIGIT; 256], 0);
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

/// 32 bytes of SHA-256. Written as 64 lowercase hexadecimal digits, in serde too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Length in bytes.
    pub const LENGTH: usize = 32;

    /// Wraps a digest.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256 of the concatenation of `parts`.
    pub fn sha256(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The raw digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 lowercase hexadecimal digits.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other length, character or case.
    pub fn from_hex(text: &str) -> Result<Self, AuditError> {
        let malformed = || {
            AuditError::malformed("hash", format_args!("{text:?} is not 64 lowercase hex digits"))
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(malformed()) };
        let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(|_| malformed())?;
        let mut bytes = [0; 32];
        let mut wrong = 0;
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = (DIGIT_VALUES[usize::from(*high)], DIGIT_VALUES[usize::from(*low)]);
            *byte = high << 4 | low & 0x0f;
            wrong |= high | low;
        }
        if wrong & NO_DIGIT == 0 { Ok(Self(bytes)) } else { Err(malformed()) }
    }

    /// Parses padded standard base64 (RFC 4648 §4).
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the text is not base64 of exactly 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, AuditError> {
        let bytes = STANDARD.decode(text).map_err(|error| AuditError::malformed("hash", error))?;
        Self::try_from(bytes.as_slice())
    }

    /// Padded standard base64, 44 characters.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = AuditError;

    fn try_from(bytes: &[u8]) -> Result<Self, AuditError> {
        let bytes = bytes.try_into().map_err(|_| {
            AuditError::malformed("hash", format_args!("{} bytes instead of 32", bytes.len()))
        })?;
        Ok(Self(bytes))
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Hash {
    fn with_hex<T>(&self, then: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; 64];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            let digits = b"0123456789abcdef";
            *pair = [digits[usize::from(byte >> 4)], digits[usize::from(byte & 0x0f)]];
        }
        then(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_hex(|text| f.write_str(text))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl std::str::FromStr for Hash {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        Self::from_hex(text)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_hex(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor)
    }
}

struct HexVisitor;

impl de::Visitor<'_> for HexVisitor {
    type Value = Hash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("64 lowercase hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hash, E> {
        Hash::from_hex(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn empty_digest_in_both_spellings() {
        let empty = Hash::sha256(&[]);
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.to_string(), hex);
        assert_eq!(empty.to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(serde_json::to_string(&empty).unwrap(), format!("\"{hex}\""));
    }

    #[test]
    fn rejects_other_spellings() {
        assert!(Hash::from_hex(&"AB".repeat(32)).is_err());
        assert!(Hash::from_hex("ab").is_err());
        assert!(Hash::from_hex(&"ab".repeat(33)).is_err());
        assert!(Hash::from_hex(&"ag".repeat(32)).is_err());
        assert!(Hash::from_hex(&"ga".repeat(32)).is_err());
        assert!(Hash::from_hex(&"a".repeat(63)).is_err());
        // The last character carries bits beyond the 32nd byte.
        assert!(Hash::from_base64("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=").is_err());
    }

    proptest! {
        #[test]
        fn round_trips(bytes: [u8; 32]) {
            let hash = Hash::new(bytes);
            prop_assert_eq!(hash.to_string(), hex::encode(bytes));
            prop_assert_eq!(Hash::from_hex(&hash.to_string()).unwrap(), hash);
            prop_assert_eq!(Hash::from_base64(&hash.to_base64()).unwrap(), hash);
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = Hash::from_hex(&text);
            let _ = Hash::from_base64(&text);
        }
    }
}
