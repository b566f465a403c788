//! The envelope: the fields of a leaf and their one encoding.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{EventId, EventKind, EventTime};
use crate::{AuditError, Hash, merkle, tile::ENTRY_LENGTH_MAX};

const WHAT: &str = "event";
const VERSION: u8 = 1;

/// What an event is about, by kind and id: `job`, `0192…`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject {
    /// The kind of thing.
    pub kind: String,
    /// Its id, which must not identify a person.
    pub id: String,
}

/// An event as the log holds it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Envelope {
    /// Its id, unique in the log.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub time: EventTime,
    /// Who did it: a pseudonymous id.
    pub actor: String,
    /// What it is about.
    pub subject: Subject,
    /// [`super::payload_digest`] of the payload kept outside the log.
    pub payload_sha256: Hash,
}

impl Envelope {
    /// The log entry: version 1, as RFC 8785 canonical JSON.
    ///
    /// # Errors
    /// [`AuditError::TooLong`] if it exceeds 65,535 bytes, [`AuditError::Malformed`] if the
    /// actor or the subject is empty.
    pub fn encode(&self) -> Result<Vec<u8>, AuditError> {
        self.check()?;
        let bytes = self.to_bytes()?;
        if bytes.len() > ENTRY_LENGTH_MAX {
            let (length, limit) = (bytes.len(), ENTRY_LENGTH_MAX);
            return Err(AuditError::TooLong { what: WHAT, length, limit });
        }
        Ok(bytes)
    }

    /// Decodes a log entry.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] unless the bytes are exactly what [`Envelope::encode`] makes:
    /// canonical, with no unknown, missing or repeated member, and of version 1.
    pub fn decode(entry: &[u8]) -> Result<Self, AuditError> {
        let wire: Wire<'_> =
            serde_json::from_slice(entry).map_err(|e| AuditError::malformed(WHAT, e))?;
        if wire.v != VERSION {
            return Err(AuditError::malformed(WHAT, format_args!("version {}", wire.v)));
        }
        let envelope = Self {
            id: EventId::parse(&wire.id)?,
            kind: EventKind::new(wire.kind)?,
            time: EventTime::new(wire.time)?,
            actor: wire.actor.into_owned(),
            subject: Subject {
                kind: wire.subject.kind.into_owned(),
                id: wire.subject.id.into_owned(),
            },
            payload_sha256: wire.payload_sha256,
        };
        if envelope.encode()? != entry {
            return Err(AuditError::malformed(WHAT, "not canonical JSON"));
        }
        Ok(envelope)
    }

    /// The leaf hash of the entry.
    ///
    /// # Errors
    /// As [`Envelope::encode`].
    pub fn leaf_hash(&self) -> Result<Hash, AuditError> {
        self.encode().map(|entry| merkle::leaf_hash(&entry))
    }

    fn check(&self) -> Result<(), AuditError> {
        if self.actor.is_empty() || self.subject.kind.is_empty() || self.subject.id.is_empty() {
            return Err(AuditError::malformed(WHAT, "an empty actor or subject"));
        }
        Ok(())
    }

    /// Canonical without the canonicaliser, which is far slower: the members are declared in
    /// canonical order, all are strings but a one-digit number, and `serde_json` escapes strings
    /// as RFC 8785 §3.2.2.2 does. A property test compares the two.
    fn to_bytes(&self) -> Result<Vec<u8>, AuditError> {
        let wire = Wire {
            actor: Cow::Borrowed(&self.actor),
            id: Cow::Owned(self.id.to_string()),
            kind: Cow::Borrowed(self.kind.as_str()),
            payload_sha256: self.payload_sha256,
            subject: WireSubject {
                id: Cow::Borrowed(&self.subject.id),
                kind: Cow::Borrowed(&self.subject.kind),
            },
            time: Cow::Borrowed(self.time.as_str()),
            v: VERSION,
        };
        serde_json::to_vec(&wire).map_err(|error| AuditError::malformed(WHAT, error))
    }
}

/// The members in canonical order: sorted by name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire<'a> {
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    payload_sha256: Hash,
    #[serde(borrow)]
    subject: WireSubject<'a>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    v: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSubject<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}
