//! Witness cosignatures (C2SP tlog-cosignature), type 04: Ed25519 over a time and a checkpoint.
//!
//! Type 06 (ML-DSA-44) is recognised by [`crate::note::KeyType`] and reported as unsupported.

use crate::{
    AuditError,
    note::{KeyType, VerifierKey},
};

/// What a witness signs: `cosignature/v1`, its time in seconds since 1970, and the whole text of
/// the checkpoint with its final newline.
pub fn message(timestamp: u64, checkpoint_text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {timestamp}\n{checkpoint_text}").into_bytes()
}

/// What follows the key id on the signature line: the time as u64 and the signature.
pub fn payload(timestamp: u64, signature: &[u8; 64]) -> Vec<u8> {
    [timestamp.to_be_bytes().as_slice(), signature].concat()
}

/// Verifies the payload of a cosignature line and returns its time in seconds since 1970.
///
/// # Errors
/// [`AuditError::UnsupportedKey`] unless the key is of type 04,
/// [`AuditError::SignatureInvalid`] for a payload of another length or a bad signature.
pub fn verify(key: &VerifierKey, checkpoint_text: &str, payload: &[u8]) -> Result<u64, AuditError> {
    if key.key_type() != KeyType::CosignatureEd25519 {
        return Err(AuditError::UnsupportedKey(key.key_type().byte()));
    }
    let (time, signature) = payload
        .split_first_chunk()
        .ok_or_else(|| AuditError::SignatureInvalid(key.name().to_string()))?;
    let timestamp = u64::from_be_bytes(*time);
    key.verify_raw(&message(timestamp, checkpoint_text), signature)?;
    Ok(timestamp)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::TestKey;

    #[test]
    fn a_cosignature_binds_time_text_and_key() {
        let key = TestKey::counting("witness.example.test/w1", 0x20);
        let (witness, text) = (key.witness(), "log\n1\nroot\n");
        let payload = payload(1_700_000_000, &key.sign(&message(1_700_000_000, text)));
        assert_eq!(verify(&witness, text, &payload), Ok(1_700_000_000));
        let mut later = payload.clone();
        later[7] ^= 1;
        assert!(verify(&witness, text, &later).is_err());
        assert!(verify(&witness, "log\n2\nroot\n", &payload).is_err());
        assert!(verify(&witness, text, &payload[..71]).is_err());
        assert!(verify(&witness, text, &payload[..7]).is_err());
        assert!(verify(&witness, text, &[payload.clone(), vec![0]].concat()).is_err());
        assert_eq!(verify(&key.log(), text, &payload), Err(AuditError::UnsupportedKey(1)));
    }

    #[test]
    fn a_plain_signature_is_no_cosignature() {
        let key = TestKey::counting("both", 0);
        let text = "log\n1\nroot\n";
        let plain = key.sign_note(text);
        assert!(verify(&key.witness(), text, plain.payload()).is_err());
    }
}
