//! Checkpoints (C2SP tlog-checkpoint): what the log commits to, as a signed note.

use std::fmt;

use crate::{
    AuditError, Hash,
    note::{KeyName, KeyType, Note, SignatureLine, VerifiedSignature, VerifierKey},
};

const WHAT: &str = "checkpoint";

/// The log's name, its number of leaves and its root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log: URL prefix without scheme or trailing slash, and the name of the log's key.
    pub origin: KeyName,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Parses exactly three lines; extension lines are refused.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other form, including a size with a leading zero.
    pub fn parse(text: &str) -> Result<Self, AuditError> {
        let malformed = |reason| AuditError::malformed(WHAT, reason);
        let body = text.strip_suffix('\n').ok_or_else(|| malformed("no newline at the end"))?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(malformed("not exactly three lines"));
        };
        Ok(Self {
            origin: KeyName::new(origin)?,
            size: parse_decimal(size).ok_or_else(|| malformed("not a decimal size"))?,
            root: Hash::from_base64(root)?,
        })
    }

    /// The text that is signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }
}

/// A decimal number as the formats here write it: digits only, no leading zero.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let value: u64 = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

/// A checkpoint with its signature lines. Parsing alone proves nothing: see
/// [`SignedCheckpoint::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Puts a checkpoint together with signatures made elsewhere.
    ///
    /// # Errors
    /// None in practice: an origin that parsed makes a text that parses.
    pub fn new(checkpoint: Checkpoint, signatures: Vec<SignatureLine>) -> Result<Self, AuditError> {
        let note = Note::new(checkpoint.to_text(), signatures)?;
        Ok(Self { checkpoint, note })
    }

    /// Parses a signed note whose text is a checkpoint.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is not.
    pub fn parse(bytes: &[u8]) -> Result<Self, AuditError> {
        let note = Note::parse(bytes)?;
        Ok(Self { checkpoint: Checkpoint::parse(note.text())?, note })
    }

    /// Verifies the signature of the log and those of the `witnesses` that cosigned.
    ///
    /// # Errors
    /// [`AuditError::NoTrustedSignature`] if the log's Ed25519 key is not the origin's or has
    /// not signed, and as [`Note::verify`].
    pub fn verify(
        &self,
        log: &VerifierKey,
        witnesses: &[VerifierKey],
    ) -> Result<Vec<VerifiedSignature>, AuditError> {
        if *log.name() != self.checkpoint.origin {
            return Err(AuditError::NoTrustedSignature(format!(
                "the checkpoint is of {}, the key of {}",
                self.checkpoint.origin,
                log.name()
            )));
        }
        if log.key_type() != KeyType::Ed25519 {
            return Err(AuditError::UnsupportedKey(log.key_type().byte()));
        }
        let keys = [std::slice::from_ref(log), witnesses].concat();
        let verified = self.note.verify(&keys)?;
        if verified.iter().any(|s| s.name == *log.name() && s.key_id == log.key_id()) {
            return Ok(verified);
        }
        Err(AuditError::NoTrustedSignature(format!("{} has not signed", log.name())))
    }

    /// What the checkpoint says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note around it.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Adds a signature line, for example a cosignature that arrived later.
    pub fn push_signature(&mut self, line: SignatureLine) {
        self.note.push_signature(line);
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TestKey;
    use proptest::prelude::*;

    const VECTOR: &str = include_str!("../tests/vectors/checkpoint.txt");

    fn keys() -> (TestKey, TestKey) {
        let log = TestKey::counting("audit.example.test/log1", 0);
        (log, TestKey::counting("witness.example.test/w1", 0x20))
    }

    #[test]
    fn the_vector_verifies_and_is_reproduced() {
        let (log, witness) = keys();
        let signed = SignedCheckpoint::parse(VECTOR.as_bytes()).unwrap();
        assert_eq!(VECTOR.len(), 326);
        assert_eq!(signed.to_string(), VECTOR);
        let checkpoint = signed.checkpoint().clone();
        assert_eq!(checkpoint.size, 8);
        assert_eq!(
            checkpoint.root.to_string(),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
        let verified = signed.verify(&log.log(), &[witness.witness()]).unwrap();
        let times: Vec<_> = verified.iter().map(|s| s.timestamp).collect();
        assert_eq!(times, [None, Some(1_700_000_000)]);

        let text = checkpoint.to_text();
        let lines = vec![log.sign_note(&text), witness.cosign(&text, 1_700_000_000)];
        assert_eq!(SignedCheckpoint::new(checkpoint, lines).unwrap(), signed);
    }

    #[test]
    fn the_log_itself_must_have_signed() {
        let (log, witness) = keys();
        let mut checkpoint = SignedCheckpoint::parse(VECTOR.as_bytes()).unwrap().checkpoint;
        let line = witness.cosign(&checkpoint.to_text(), 1);
        let signed = SignedCheckpoint::new(checkpoint.clone(), vec![line]).unwrap();
        let result = signed.verify(&log.log(), &[witness.witness()]);
        assert!(matches!(result, Err(AuditError::NoTrustedSignature(_))));
        // A good signature under another origin is of another log.
        checkpoint.origin = KeyName::new("audit.example.test/log2").unwrap();
        let line = log.sign_note(&checkpoint.to_text());
        let signed = SignedCheckpoint::new(checkpoint, vec![line]).unwrap();
        assert!(signed.verify(&log.log(), &[]).is_err());
        // A cosignature key is not a log key.
        let signed = SignedCheckpoint::parse(VECTOR.as_bytes()).unwrap();
        assert_eq!(signed.verify(&log.witness(), &[]), Err(AuditError::UnsupportedKey(4)));
    }

    #[test]
    fn other_forms_are_refused() {
        let root = Hash::new([7; 32]).to_base64();
        for text in [
            String::new(),
            format!("log\n8\n{root}"),
            format!("log\n08\n{root}\n"),
            format!("log\n+8\n{root}\n"),
            format!("log\n-8\n{root}\n"),
            format!("log\n18446744073709551616\n{root}\n"),
            format!("log\n8\n{root}\nextension\n"),
            format!("log\n8\n{root}\n\n"),
            format!("\n8\n{root}\n"),
            format!("two words\n8\n{root}\n"),
            "log\n8\nAAAA\n".into(),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "accepted {text:?}");
        }
        assert!(Checkpoint::parse(&format!("log\n0\n{root}\n")).is_ok());
        assert!(Checkpoint::parse(&format!("log\n18446744073709551615\n{root}\n")).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_input_never_panics(text: String, bytes: Vec<u8>) {
            let _ = Checkpoint::parse(&text);
            let _ = SignedCheckpoint::parse(&bytes);
        }

        #[test]
        fn text_round_trips(size: u64, root: [u8; 32]) {
            let origin = KeyName::new("audit.example.test/log1").unwrap();
            let checkpoint = Checkpoint { origin, size, root: Hash::new(root) };
            prop_assert_eq!(Checkpoint::parse(&checkpoint.to_text()).unwrap(), checkpoint);
        }
    }
}
