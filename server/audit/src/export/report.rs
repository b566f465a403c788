//! What verification found, in plain words.

use std::{collections::HashMap, fmt};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use crate::{Hash, checkpoint::Checkpoint};

/// The outcome of [`super::verify_export`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What the export's checkpoint says; `None` if it could not be read.
    pub checkpoint: Option<Checkpoint>,
    /// Number of leaves whose payload was erased, which is no fault.
    pub erased: u64,
    /// Everything wrong: first what concerns the whole log, then in leaf order.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn new(checkpoint: Checkpoint, erased: u64, mut findings: Vec<Finding>) -> Self {
        // `None` sorts before every index; the sort is stable, so causes stay before effects.
        findings.sort_by_key(|finding| finding.leaf_index);
        Self { checkpoint: Some(checkpoint), erased, findings: merge(findings) }
    }

    pub(super) fn unreadable(reason: String) -> Self {
        let findings = vec![Finding::of_log(Fault::CheckpointUnreadable(reason))];
        Self { checkpoint: None, erased: 0, findings }
    }

    /// Whether nothing at all is wrong.
    pub fn is_ok(&self) -> bool {
        self.findings.is_empty()
    }

    /// Number of leaves the checkpoint claims.
    pub fn size(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size)
    }

    /// Root the checkpoint claims.
    pub fn root(&self) -> Option<Hash> {
        self.checkpoint.as_ref().map(|checkpoint| checkpoint.root)
    }

    /// The first finding that concerns a leaf.
    pub fn first_tampered(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.leaf_index.is_some())
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 5)?;
        report.serialize_field("ok", &self.is_ok())?;
        report.serialize_field("size", &self.size())?;
        report.serialize_field("root", &self.root())?;
        report.serialize_field("erased", &self.erased)?;
        report.serialize_field("findings", &self.findings)?;
        report.end()
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The (first) leaf concerned; `None` if it is the log as a whole.
    pub leaf_index: Option<u64>,
    /// How many leaves from there on; 0 for the log as a whole.
    pub leaf_count: u64,
    /// Id of the event at the first leaf, where known.
    pub event_id: Option<String>,
    /// Kind of that event, where known.
    pub event_kind: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

impl Finding {
    pub(super) fn of_log(fault: Fault) -> Self {
        Self { leaf_index: None, leaf_count: 0, event_id: None, event_kind: None, fault }
    }

    pub(super) fn of_leaf(index: u64, fault: Fault) -> Self {
        Self::of_range(index, 1, fault)
    }

    pub(super) fn of_range(start: u64, count: u64, fault: Fault) -> Self {
        let leaf_index = Some(start);
        Self { leaf_index, leaf_count: count, event_id: None, event_kind: None, fault }
    }

    pub(super) fn named(mut self, event_id: impl Into<Option<String>>) -> Self {
        self.event_id = event_id.into();
        self
    }

    pub(super) fn of_kind(mut self, kind: impl Into<Option<String>>) -> Self {
        self.event_kind = kind.into();
        self
    }

    fn is_mergeable(&self) -> bool {
        matches!(self.fault, Fault::EntryMissing | Fault::EntryMoved { .. } | Fault::PayloadMissing)
    }

    /// The leaf after the last one concerned.
    fn end(&self) -> Option<u64> {
        self.leaf_index.and_then(|index| index.checked_add(self.leaf_count))
    }
}

/// One finding for a run of neighbours with the same fault, named after the first.
fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: Vec<Finding> = Vec::new();
    let mut latest: HashMap<Fault, usize> = HashMap::new();
    for finding in findings {
        let before = latest.get(&finding.fault).and_then(|at| merged.get_mut(*at));
        if let Some(before) = before.filter(|before| before.end() == finding.leaf_index) {
            before.leaf_count = before.leaf_count.saturating_add(finding.leaf_count);
            continue;
        }
        if finding.is_mergeable() {
            latest.insert(finding.fault.clone(), merged.len());
        }
        merged.push(finding);
    }
    merged
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.leaf_index, self.leaf_count) {
            (None, _) => write!(f, "log")?,
            (Some(index), 0 | 1) => write!(f, "leaf {index}")?,
            (Some(start), count) => {
                write!(f, "leaves {start} to {}", start.saturating_add(count - 1))?;
            }
        }
        if let Some(id) = &self.event_id {
            write!(f, ", event {id}")?;
        }
        if let Some(kind) = &self.event_kind {
            write!(f, " ({kind})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut finding = serializer.serialize_struct("Finding", 6)?;
        finding.serialize_field("leaf_index", &self.leaf_index)?;
        finding.serialize_field("leaf_count", &self.leaf_count)?;
        finding.serialize_field("event_id", &self.event_id)?;
        finding.serialize_field("event_kind", &self.event_kind)?;
        finding.serialize_field("fault", self.fault.code())?;
        finding.serialize_field("reason", &self.fault.to_string())?;
        finding.end()
    }
}

/// The kinds of fault. `Display` is the plain-language reason.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no checkpoint, or it is not one.
    #[error("the checkpoint cannot be read: {0}")]
    CheckpointUnreadable(String),
    /// The checkpoint is not signed by the log.
    #[error("the checkpoint is not signed by the log's key: {0}")]
    CheckpointSignature(String),
    /// The checkpoint kept elsewhere cannot be used.
    #[error("the trusted checkpoint is not one of this log: {0}")]
    TrustedCheckpoint(String),
    /// The log is smaller than it was.
    #[error("rolled back: the log once had {trusted_size} leaves and now claims fewer")]
    RolledBack {
        /// Size of the trusted checkpoint.
        trusted_size: u64,
    },
    /// The log signed two histories.
    #[error(
        "forked: the log signed another history for its first {trusted_size} leaves than the one \
         in the trusted checkpoint"
    )]
    Forked {
        /// Size of the trusted checkpoint.
        trusted_size: u64,
    },
    /// The data does not lead to the trusted root, nor to the export's own.
    #[error("the first {trusted_size} leaves do not lead to the root of the trusted checkpoint")]
    PrefixAltered {
        /// Size of the trusted checkpoint.
        trusted_size: u64,
    },
    /// Entries and tiles agree with each other but not with the checkpoint.
    #[error(
        "entries and tiles agree with each other but do not lead to the checkpoint's root: one \
         of these leaves, or the checkpoint, was rewritten"
    )]
    RootMismatch,
    /// Entry and level-0 tile were changed together.
    #[error(
        "entries and their hashes were rewritten together: the block does not match the tiles \
         above it, which lead to the signed root"
    )]
    BlockRewritten,
    /// A block and the tile above it contradict each other, and nothing tells which is right.
    #[error(
        "the block does not match the tiles above it, and neither can be tied to the signed root"
    )]
    BlockContradicted,
    /// A tile was changed; the entries under it are intact.
    #[error("{path} was altered: its hashes are not those of the signed tree")]
    TileAltered {
        /// Path of the tile.
        path: String,
    },
    /// A tile is missing or has the wrong length.
    #[error("{path} is missing or damaged: {reason}")]
    TileMissing {
        /// Path of the tile.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The entry is not the one that was logged.
    #[error("the entry was altered: its hash is not the one in tile 0")]
    EntryAltered,
    /// The entry is not there.
    #[error("the entry is missing")]
    EntryMissing,
    /// The entry stands elsewhere.
    #[error("the entry was moved: it stands {} place(s) {}", displacement.unsigned_abs(),
        if *displacement < 0 { "earlier" } else { "later" })]
    EntryMoved {
        /// Where the entry stands less where it belongs.
        displacement: i64,
    },
    /// A bundle holds more than the tree has.
    #[error("the bundle holds something the log does not have: {0}")]
    EntryUnexpected(String),
    /// The entry was logged like this, but is no event.
    #[error("the entry is not a canonical event: {0}")]
    EntryNotCanonical(String),
    /// The id stands on two leaves.
    #[error("the event id is a duplicate: leaf {first_index} has it already")]
    DuplicateEventId {
        /// The first leaf with this id.
        first_index: u64,
    },
    /// The payload is not the one the leaf commits to.
    #[error("the payload was altered: its salted digest is not the one in the entry")]
    PayloadAltered,
    /// There is no line for the leaf.
    #[error("the payload's line is missing")]
    PayloadMissing,
    /// The line cannot be used.
    #[error("the payload's line is malformed: {0}")]
    PayloadMalformed(String),
    /// The line is of another event.
    #[error("the payload's line is of another event, {found}")]
    PayloadOfAnotherEvent {
        /// The event id on the line.
        found: String,
    },
}

impl Fault {
    /// A stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CheckpointUnreadable(_) => "checkpoint_unreadable",
            Self::CheckpointSignature(_) => "checkpoint_signature",
            Self::TrustedCheckpoint(_) => "trusted_checkpoint",
            Self::RolledBack { .. } => "rolled_back",
            Self::Forked { .. } => "forked",
            Self::PrefixAltered { .. } => "prefix_altered",
            Self::RootMismatch => "root_mismatch",
            Self::BlockRewritten => "block_rewritten",
            Self::BlockContradicted => "block_contradicted",
            Self::TileAltered { .. } => "tile_altered",
            Self::TileMissing { .. } => "tile_missing",
            Self::EntryAltered => "entry_altered",
            Self::EntryMissing => "entry_missing",
            Self::EntryMoved { .. } => "entry_moved",
            Self::EntryUnexpected(_) => "entry_unexpected",
            Self::EntryNotCanonical(_) => "entry_not_canonical",
            Self::DuplicateEventId { .. } => "duplicate_event_id",
            Self::PayloadAltered => "payload_altered",
            Self::PayloadMissing => "payload_missing",
            Self::PayloadMalformed(_) => "payload_malformed",
            Self::PayloadOfAnotherEvent { .. } => "payload_of_another_event",
        }
    }
}
