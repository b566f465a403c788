//! Verifier keys ("vkeys"): a name, an algorithm and a public key.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};

use crate::{AuditError, Hash, cosignature};

const WHAT: &str = "verifier key";
const ML_DSA_44_KEY_LENGTH: usize = 1312;

/// The name of a key: not empty, no Unicode space, no `+`, no control character.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

impl KeyName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the name could not stand on a signature line.
    pub fn new(name: impl Into<String>) -> Result<Self, AuditError> {
        let name = name.into();
        let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(forbidden) {
            return Err(AuditError::malformed("key name", format_args!("{name:?}")));
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first four bytes of `SHA256(name ‖ 0x0A ‖ type ‖ public key)`.
///
/// Too short to identify anything against an attacker: it only sorts signatures to keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// The id of a key of algorithm `key_type` (the byte in front of the public key).
    pub fn of(name: &KeyName, key_type: u8, public_key: &[u8]) -> Self {
        let hash = Hash::sha256(&[name.0.as_bytes(), b"\n", &[key_type], public_key]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// What a key signs and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyType {
    /// 0x01: Ed25519 over the text of the note.
    Ed25519,
    /// 0x04: Ed25519 cosignature over a time and a checkpoint.
    CosignatureEd25519,
    /// 0x06: ML-DSA-44 cosignature; recognised, not verified.
    CosignatureMlDsa44,
    /// Any other algorithm; kept, not verified.
    Unknown(u8),
}

impl KeyType {
    /// The type byte.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureEd25519 => 4,
            Self::CosignatureMlDsa44 => 6,
            Self::Unknown(byte) => byte,
        }
    }

    /// The type of a byte.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Ed25519,
            4 => Self::CosignatureEd25519,
            6 => Self::CosignatureMlDsa44,
            other => Self::Unknown(other),
        }
    }

    /// Whether signatures of this type can be verified here.
    pub const fn is_supported(self) -> bool {
        matches!(self, Self::Ed25519 | Self::CosignatureEd25519)
    }
}

/// A public key under a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key_type: KeyType,
    public_key: Vec<u8>,
    /// The decompressed point; `None` exactly for the types that are not supported.
    point: Option<VerifyingKey>,
}

impl VerifierKey {
    /// A key that signs notes (type 01).
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the bytes are not a point of the curve.
    pub fn ed25519(name: KeyName, public_key: &[u8; 32]) -> Result<Self, AuditError> {
        Self::new(name, KeyType::Ed25519, public_key.to_vec())
    }

    /// A key that cosigns checkpoints (type 04).
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the bytes are not a point of the curve.
    pub fn cosignature_ed25519(name: KeyName, public_key: &[u8; 32]) -> Result<Self, AuditError> {
        Self::new(name, KeyType::CosignatureEd25519, public_key.to_vec())
    }

    /// A key of any type.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the key has the wrong length for its type, or is not a point
    /// of the curve.
    pub fn new(name: KeyName, key_type: KeyType, public_key: Vec<u8>) -> Result<Self, AuditError> {
        let point = match key_type {
            KeyType::Ed25519 | KeyType::CosignatureEd25519 => Some(parse_point(&public_key)?),
            KeyType::CosignatureMlDsa44 if public_key.len() != ML_DSA_44_KEY_LENGTH => {
                return Err(AuditError::malformed(WHAT, "wrong length for ML-DSA-44"));
            }
            KeyType::CosignatureMlDsa44 | KeyType::Unknown(_) => None,
        };
        let id = KeyId::of(&name, key_type.byte(), &public_key);
        Ok(Self { name, id, key_type, public_key, point })
    }

    /// Parses `name+hex8(key id)+base64(type ‖ public key)`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if a part is not well formed or the id is not the key's.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(AuditError::malformed(WHAT, "not name+id+key"));
        };
        let bytes = STANDARD.decode(encoded).map_err(|e| AuditError::malformed(WHAT, e))?;
        let (&type_byte, public_key) =
            bytes.split_first().ok_or_else(|| AuditError::malformed(WHAT, "empty key"))?;
        let key_type = KeyType::from_byte(type_byte);
        let key = Self::new(KeyName::new(name)?, key_type, public_key.to_vec())?;
        if key.id.to_string() != id {
            return Err(AuditError::malformed(WHAT, "the id does not belong to the key"));
        }
        Ok(key)
    }

    /// The key's name; of a log, its origin.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's id.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// The key's algorithm.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The raw public key, without the type byte.
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Verifies a raw Ed25519 signature over `message`, without any framing.
    ///
    /// Malleable encodings and points of small order are rejected.
    ///
    /// # Errors
    /// [`AuditError::UnsupportedKey`] for other algorithms, [`AuditError::SignatureInvalid`].
    pub fn verify_raw(&self, message: &[u8], signature: &[u8]) -> Result<(), AuditError> {
        let point = self.point.ok_or(AuditError::UnsupportedKey(self.key_type.byte()))?;
        Signature::from_slice(signature)
            .and_then(|signature| point.verify_strict(message, &signature))
            .map_err(|_| AuditError::SignatureInvalid(self.name.to_string()))
    }

    /// Verifies the payload of a signature line (after the key id) for the `text` of a note.
    /// Returns the time of a cosignature, in seconds since 1970.
    ///
    /// # Errors
    /// As [`VerifierKey::verify_raw`].
    pub fn verify_line(&self, text: &str, payload: &[u8]) -> Result<Option<u64>, AuditError> {
        match self.key_type {
            KeyType::Ed25519 => self.verify_raw(text.as_bytes(), payload).map(|()| None),
            KeyType::CosignatureEd25519 => cosignature::verify(self, text, payload).map(Some),
            other => Err(AuditError::UnsupportedKey(other.byte())),
        }
    }
}

fn parse_point(public_key: &[u8]) -> Result<VerifyingKey, AuditError> {
    let bytes = public_key
        .try_into()
        .map_err(|_| AuditError::malformed(WHAT, "an Ed25519 key has 32 bytes"))?;
    VerifyingKey::from_bytes(bytes).map_err(|error| AuditError::malformed(WHAT, error))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.key_type.byte()], self.public_key.as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = AuditError;

    fn from_str(text: &str) -> Result<Self, AuditError> {
        Self::parse(text)
    }
}
