//! Signed notes (C2SP signed-note): a text, an empty line, and signature lines.

mod key;

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use key::{KeyId, KeyName, KeyType, VerifierKey};

use crate::AuditError;

const WHAT: &str = "signed note";
/// More than any honest note carries (the format asks for at least 16), and few enough that a
/// hostile one costs little to check.
const SIGNATURES_MAX: usize = 100;

/// A text and the claims of signatures under it; nothing is verified yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One signature line: `— <name> <base64(key id ‖ payload)>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureLine {
    name: KeyName,
    key_id: KeyId,
    payload: Vec<u8>,
}

/// A signature that verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedSignature {
    /// Name of the key.
    pub name: KeyName,
    /// Id of the key.
    pub key_id: KeyId,
    /// Algorithm of the key.
    pub key_type: KeyType,
    /// Time of a cosignature, in seconds since 1970; a plain signature has none.
    pub timestamp: Option<u64>,
}

impl Note {
    /// A note over `text` with ready signatures.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the text does not end with a newline or holds a control
    /// character other than newline.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Self, AuditError> {
        check_characters(&text)?;
        if !text.ends_with('\n') {
            return Err(AuditError::malformed(WHAT, "the text does not end with a newline"));
        }
        Ok(Self { text, signatures })
    }

    /// Splits a note into its text and its signature lines, at the last empty line.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for text that is not UTF-8, control characters, a missing empty
    /// line, a line that is not a signature, no signature, or more than 100.
    pub fn parse(bytes: &[u8]) -> Result<Self, AuditError> {
        let all = std::str::from_utf8(bytes).map_err(|e| AuditError::malformed(WHAT, e))?;
        check_characters(all)?;
        let blank =
            all.rfind("\n\n").ok_or_else(|| AuditError::malformed(WHAT, "no empty line"))?;
        let (text, lines) = (&all[..=blank], &all[blank + 2..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or_else(|| AuditError::malformed(WHAT, "no newline at the end"))?;
        let signatures: Vec<_> = lines
            .split('\n')
            .take(SIGNATURES_MAX + 1)
            .map(SignatureLine::parse)
            .collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(AuditError::malformed(WHAT, "too many signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The signed text, with its final newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, unverified.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature line, for example a cosignature that arrived later.
    pub fn push_signature(&mut self, line: SignatureLine) {
        self.signatures.push(line);
    }

    /// Verifies the signatures of the `known` keys.
    ///
    /// Lines of other keys are ignored, as are repeated lines of one key. Lines of a known key
    /// whose algorithm is not implemented count for nothing.
    ///
    /// # Errors
    /// [`AuditError::SignatureInvalid`] if any known key has a bad signature,
    /// [`AuditError::UnsupportedKey`] if the only known keys present are not implemented, and
    /// [`AuditError::NoTrustedSignature`] if no known key signed, or if two known keys share a
    /// name and an id, so that a line cannot be given to one of them.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, AuditError> {
        let mut verified: Vec<VerifiedSignature> = Vec::new();
        let mut unsupported = None;
        for line in &self.signatures {
            let Some(key) = line.key_among(known)? else { continue };
            if verified.iter().any(|seen| seen.name == line.name && seen.key_id == line.key_id) {
                continue;
            }
            match key.verify_line(&self.text, &line.payload) {
                Ok(timestamp) => verified.push(VerifiedSignature {
                    name: line.name.clone(),
                    key_id: line.key_id,
                    key_type: key.key_type(),
                    timestamp,
                }),
                Err(error @ AuditError::UnsupportedKey(_)) => unsupported = Some(error),
                Err(error) => return Err(error),
            }
        }
        if !verified.is_empty() {
            return Ok(verified);
        }
        Err(unsupported.unwrap_or_else(|| {
            let names: Vec<_> = known.iter().map(|key| key.name().as_str()).collect();
            AuditError::NoTrustedSignature(format!("wanted one of [{}]", names.join(", ")))
        }))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignatureLine {
    /// A line from its parts; `payload` is what follows the key id.
    pub fn new(name: KeyName, key_id: KeyId, payload: Vec<u8>) -> Self {
        Self { name, key_id, payload }
    }

    /// Parses one line, without its newline.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is not `— <name> <base64>` with a key id and a payload.
    pub fn parse(line: &str) -> Result<Self, AuditError> {
        let malformed = |reason| AuditError::malformed("signature line", reason);
        let rest = line.strip_prefix("\u{2014} ").ok_or_else(|| malformed("no dash"))?;
        let (name, encoded) = rest.split_once(' ').ok_or_else(|| malformed("no signature"))?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed("not base64"))?;
        let (id, payload) = bytes.split_first_chunk().ok_or_else(|| malformed("no key id"))?;
        if payload.is_empty() {
            return Err(malformed("empty signature"));
        }
        Ok(Self::new(KeyName::new(name)?, KeyId(*id), payload.to_vec()))
    }

    /// Name of the key that is said to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Id of the key that is said to have signed.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature, and for a cosignature its time before it.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Whether name and id are those of `key`.
    pub fn is_of(&self, key: &VerifierKey) -> bool {
        self.key_id == key.key_id() && self.name == *key.name()
    }

    fn key_among<'k>(
        &self,
        known: &'k [VerifierKey],
    ) -> Result<Option<&'k VerifierKey>, AuditError> {
        let mut matching = known.iter().filter(|key| self.is_of(key));
        let first = matching.next();
        match matching.next() {
            Some(second) if first != Some(second) => Err(AuditError::NoTrustedSignature(format!(
                "two keys are called {} with id {}",
                self.name, self.key_id
            ))),
            _ => Ok(first),
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&signature_line(&self.name, self.key_id, &self.payload))
    }
}

/// A signature line without its newline, from a signature made elsewhere.
pub fn signature_line(name: &KeyName, key_id: KeyId, payload: &[u8]) -> String {
    let bytes = [key_id.0.as_slice(), payload].concat();
    format!("\u{2014} {name} {}", STANDARD.encode(bytes))
}

fn check_characters(text: &str) -> Result<(), AuditError> {
    if text.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(AuditError::malformed(WHAT, "a control character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
