//! Attestations: DSSE 1.0 envelopes around in-toto v1 statements.
//!
//! The signature is over the decoded payload bytes; nothing is ever re-serialised to verify.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuditError, Hash, jcs, note::VerifierKey};

/// The payload type of in-toto statements.
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The type of a version 1 statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Pre-authentication encoding: what a signer signs.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    [head.as_slice(), payload].concat()
}

/// A payload with its signatures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// A hint at the key, not authenticated.
    #[serde(default)]
    pub keyid: String,
    /// Base64 of the signature.
    pub sig: String,
}

/// A payload that at least one trusted key signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedPayload<'k> {
    /// The media type the signers signed for.
    pub payload_type: String,
    /// The exact bytes they signed.
    pub payload: Vec<u8>,
    /// The trusted keys that signed, each once, in the order they were given.
    pub signers: Vec<&'k VerifierKey>,
}

impl Envelope {
    /// An envelope around `payload` with ready signatures over [`pae`]: pairs of key id hint and
    /// raw signature.
    pub fn new(payload_type: &str, payload: &[u8], signatures: &[(&str, &[u8])]) -> Self {
        let signature = |(keyid, sig): &(&str, &[u8])| EnvelopeSignature {
            keyid: (*keyid).to_owned(),
            sig: STANDARD.encode(sig),
        };
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: signatures.iter().map(signature).collect(),
        }
    }

    /// Parses an envelope. Unknown members are ignored, as DSSE asks; duplicate ones refused.
    ///
    /// # Errors
    /// [`AuditError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuditError> {
        let value = jcs::parse_strict(bytes)?;
        serde_json::from_value(value).map_err(|e| AuditError::malformed("DSSE envelope", e))
    }

    /// The envelope as canonical JSON.
    ///
    /// # Errors
    /// None in practice: an envelope holds only strings.
    pub fn to_vec(&self) -> Result<Vec<u8>, AuditError> {
        jcs::to_vec(self)
    }

    /// The media type claimed for the payload.
    pub fn payload_type(&self) -> &str {
        &self.payload_type
    }

    /// The signatures, unverified.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// Verifies the signatures over the decoded payload against the `trusted` keys. The key id
    /// is a hint only, so every trusted key is tried; signatures of others are ignored.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the payload is not base64,
    /// [`AuditError::NoTrustedSignature`] if no trusted key signed.
    pub fn verify<'k>(
        &self,
        trusted: &'k [VerifierKey],
    ) -> Result<VerifiedPayload<'k>, AuditError> {
        let payload = decode_base64(&self.payload)
            .ok_or_else(|| AuditError::malformed("DSSE envelope", "the payload is not base64"))?;
        let message = pae(&self.payload_type, &payload);
        let signatures: Vec<_> =
            self.signatures.iter().filter_map(|s| decode_base64(&s.sig)).collect();
        let mut signers: Vec<&VerifierKey> = Vec::new();
        for key in trusted {
            // The same public key under two names is still one signer.
            let counted = signers.iter().any(|signer| signer.public_key() == key.public_key());
            if !counted && signatures.iter().any(|sig| key.verify_raw(&message, sig).is_ok()) {
                signers.push(key);
            }
        }
        if signers.is_empty() {
            return Err(AuditError::NoTrustedSignature("of the DSSE envelope".to_owned()));
        }
        Ok(VerifiedPayload { payload_type: self.payload_type.clone(), payload, signers })
    }
}

/// DSSE allows both alphabets.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// An in-toto v1 statement: a claim of some type about artefacts known by digest.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    /// What the claim is about.
    pub subject: Vec<Subject>,
    /// URI of the kind of claim.
    pub predicate_type: String,
    /// The claim.
    #[serde(default)]
    pub predicate: Value,
}

/// An artefact: matched by digest alone, named for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Digests by algorithm, in lowercase hexadecimal.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// An artefact known by its SHA-256.
    pub fn sha256(name: &str, digest: Hash) -> Self {
        let digest = BTreeMap::from([("sha256".to_owned(), digest.to_string())]);
        Self { name: name.to_owned(), digest }
    }
}

impl Statement {
    /// A statement about `subject`.
    pub fn new(subject: Vec<Subject>, predicate_type: &str, predicate: Value) -> Self {
        let (statement_type, predicate_type) =
            (STATEMENT_TYPE.to_owned(), predicate_type.to_owned());
        Self { statement_type, subject, predicate_type, predicate }
    }

    /// Parses the payload of a verified envelope.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if it is not a version 1 statement with at least one subject,
    /// each with a digest.
    pub fn parse(payload: &[u8]) -> Result<Self, AuditError> {
        let malformed = |reason: String| AuditError::malformed("in-toto statement", reason);
        let statement: Self = serde_json::from_value(jcs::parse_strict(payload)?)
            .map_err(|error| malformed(error.to_string()))?;
        if statement.statement_type != STATEMENT_TYPE {
            return Err(malformed(format!("type {:?}", statement.statement_type)));
        }
        let subjects = &statement.subject;
        if subjects.is_empty() || subjects.iter().any(|subject| subject.digest.is_empty()) {
            return Err(malformed("a subject without a digest, or none".to_owned()));
        }
        Ok(statement)
    }

    /// The statement as canonical JSON, ready for an envelope.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if the predicate cannot be written exactly.
    pub fn to_vec(&self) -> Result<Vec<u8>, AuditError> {
        jcs::to_vec(self)
    }

    /// Whether the statement is about the artefact with this SHA-256.
    pub fn is_about(&self, digest: &Hash) -> bool {
        let digest = digest.to_string();
        self.subject.iter().any(|subject| subject.digest.get("sha256") == Some(&digest))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TestKey;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"_type":"https://in-toto.io/Statement/v1","predicate":{"k":1},"predicateType":"https://example.test/p/v1","subject":[{"digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"name":"m"}]}"#;
    const SIGNATURE: &str =
        "I0vlGjBPxK27WYQ27X8bWMY8B+qm2MxiK1X2YCIqkgWBKjb7HP60isbVGZt+CDJSeW+lXUvuaTRTt8ViRO5QAg==";

    fn envelope() -> Envelope {
        let signature = STANDARD.decode(SIGNATURE).unwrap();
        Envelope::new(IN_TOTO_PAYLOAD_TYPE, BODY, &[("", &signature)])
    }

    fn log() -> VerifierKey {
        TestKey::counting("audit.example.test/log1", 0).log()
    }

    #[test]
    fn the_vector_verifies() {
        let pae = pae(IN_TOTO_PAYLOAD_TYPE, BODY);
        assert_eq!((BODY.len(), pae.len()), (219, 262));
        assert_eq!(
            Hash::sha256(&[&pae]).to_string(),
            "a836508db354614ea89ca5b9a38c199f64d7b6b28420702e6313bb159937933f"
        );
        let envelope = Envelope::parse(&envelope().to_vec().unwrap()).unwrap();
        let keys = [TestKey::counting("other", 0x40).log(), log()];
        let verified = envelope.verify(&keys).unwrap();
        assert_eq!(verified.payload, BODY);
        assert_eq!(verified.signers, [&keys[1]]);
        let statement = Statement::parse(&verified.payload).unwrap();
        assert!(statement.is_about(&Hash::sha256(&[])));
        assert!(!statement.is_about(&Hash::sha256(&[b"other"])));
        assert_eq!(statement.to_vec().unwrap(), BODY);
    }

    #[test]
    fn payload_type_and_signer_are_bound() {
        let mut other = envelope();
        other.payload_type = "text/plain".into();
        assert!(other.verify(&[log()]).is_err());
        let mut other = envelope();
        other.payload = STANDARD.encode(b"{}");
        assert!(other.verify(&[log()]).is_err());
        assert!(envelope().verify(&[TestKey::counting("other", 0x40).log()]).is_err());
        assert!(envelope().verify(&[]).is_err());
    }

    #[test]
    fn one_key_under_two_names_is_one_signer() {
        let keys = [log(), TestKey::counting("alias", 0).log()];
        assert_eq!(envelope().verify(&keys).unwrap().signers.len(), 1);
    }

    #[test]
    fn url_safe_base64_is_read_too() {
        let mut other = envelope();
        other.signatures[0].sig = SIGNATURE.replace('+', "-").replace('/', "_");
        assert!(other.verify(&[log()]).is_ok());
    }

    #[test]
    fn other_forms_are_refused() {
        let mut bad = envelope();
        bad.payload = "!".into();
        assert!(bad.verify(&[log()]).is_err());
        assert!(Envelope::parse(b"{}").is_err());
        assert!(
            Envelope::parse(br#"{"payload":"","payload":"","payloadType":"","signatures":[]}"#)
                .is_err()
        );
        let text = std::str::from_utf8(BODY).unwrap();
        for body in [
            text.replace("Statement/v1", "Statement/v0.1"),
            text.replace(r#""k":1"#, r#""k":1,"k":2"#),
            text.replace(
                r#"{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
                "{}",
            ),
            text.replace("_type", "type"),
        ] {
            assert!(Statement::parse(body.as_bytes()).is_err(), "accepted {body}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
            let _ = Envelope::parse(&bytes);
            let _ = Statement::parse(&bytes);
            let _ = Envelope::parse(text.as_bytes());
            let _ = pae(&text, &bytes);
        }

        #[test]
        fn what_is_signed_verifies_and_nothing_else(payload: Vec<u8>, bit: usize) {
            let key = TestKey::counting("signer", 7);
            let signature = key.sign(&pae("t", &payload));
            prop_assert!(Envelope::new("t", &payload, &[("", &signature)]).verify(&[key.log()]).is_ok());
            let mut damaged = signature;
            damaged[bit / 8 % 64] ^= 1 << (bit % 8);
            prop_assert!(Envelope::new("t", &payload, &[("", &damaged)]).verify(&[key.log()]).is_err());
        }
    }
}
