//! What several test modules share: the vector leaves, cheap leaf hashes, a test key.
#![allow(clippy::unwrap_used)]

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{
    Hash,
    note::{KeyName, SignatureLine, VerifierKey},
};

/// The eight leaves of the specification's vectors, in hexadecimal.
pub(crate) const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

/// `count` distinct leaf hashes for a seed.
pub(crate) fn leaf_hashes(count: usize, seed: u64) -> Vec<Hash> {
    (0..count as u64).map(|i| Hash::sha256(&[&seed.to_be_bytes(), &i.to_be_bytes()])).collect()
}

/// A signing key, for tests only: the crate itself never signs.
pub(crate) struct TestKey {
    signing: SigningKey,
    name: KeyName,
}

impl TestKey {
    /// The key whose seed is `first`, `first + 1`, … .
    pub(crate) fn counting(name: &str, first: u8) -> Self {
        let seed = std::array::from_fn(|i| first + i as u8);
        Self { signing: SigningKey::from_bytes(&seed), name: KeyName::new(name).unwrap() }
    }

    /// As a key that signs notes (type 01).
    pub(crate) fn log(&self) -> VerifierKey {
        VerifierKey::ed25519(self.name.clone(), self.signing.verifying_key().as_bytes()).unwrap()
    }

    /// As a key that cosigns checkpoints (type 04).
    pub(crate) fn witness(&self) -> VerifierKey {
        let public = self.signing.verifying_key();
        VerifierKey::cosignature_ed25519(self.name.clone(), public.as_bytes()).unwrap()
    }

    /// Raw signature of `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// A note's signature line (type 01).
    pub(crate) fn sign_note(&self, text: &str) -> SignatureLine {
        let key = self.log();
        SignatureLine::new(self.name.clone(), key.key_id(), self.sign(text.as_bytes()).to_vec())
    }

    /// A cosignature line (type 04).
    pub(crate) fn cosign(&self, text: &str, timestamp: u64) -> SignatureLine {
        let signature = self.sign(&crate::cosignature::message(timestamp, text));
        let payload = crate::cosignature::payload(timestamp, &signature);
        SignatureLine::new(self.name.clone(), self.witness().key_id(), payload)
    }
}
