//! The leaf: what the log keeps of an event for ever.
//!
//! A leaf holds no personal data: the actor is a pseudonym, and the payload is present only as a
//! salted digest. Erasing salt and payload leaves a leaf that proves the event and says nothing.

mod envelope;
mod fields;

pub use envelope::{Envelope, Subject};
pub use fields::{EventId, EventKind, EventTime};

use crate::Hash;

/// `SHA256(salt ‖ payload)`. The salt keeps a short payload from being guessed from the leaf.
pub fn payload_digest(salt: &[u8; 32], payload: &[u8]) -> Hash {
    Hash::sha256(&[salt, payload])
}

#[cfg(test)]
mod tests;
