//! Exports in memory, whole and tampered with.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use super::{CHECKPOINT_PATH, PAYLOADS_PATH, Report, verify_export};
use crate::{
    Hash,
    checkpoint::{Checkpoint, SignedCheckpoint},
    event::{Envelope, EventId, EventKind, EventTime, Subject, payload_digest},
    merkle::leaf_hash,
    testing::TestKey,
    tile::{
        BundleId, TILE_WIDTH, TileId, TileWriter, bundles_for_growth, decode_bundle, decode_tile,
        encode_bundle, encode_tile,
    },
};

pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn log_key() -> TestKey {
    TestKey::counting("audit.example.test/log1", 0)
}

/// A log's events, from which any number of exports is made.
#[derive(Clone)]
pub(super) struct Log {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) lines: Vec<String>,
}

impl Log {
    /// A log of `count` events.
    pub(super) fn of(count: u64) -> Self {
        let (entries, lines) = (0..count).map(|index| event(index, "job_admitted")).unzip();
        Self { entries, lines }
    }

    /// Its export, complete and signed.
    pub(super) fn export(&self) -> Files {
        let size = self.entries.len() as u64;
        let mut files = self.unsigned();
        files.insert(CHECKPOINT_PATH.into(), self.checkpoint(size).to_string().into_bytes());
        files
    }

    fn unsigned(&self) -> Files {
        let size = self.entries.len() as u64;
        let growth = TileWriter::default().append(&self.leaves()).unwrap();
        let tiles = growth.tiles.into_iter().map(|(id, bytes)| (id.to_string(), bytes));
        let mut files: Files = tiles.collect();
        for bundle in bundles_for_growth(0, size) {
            let start = (bundle.index() * TILE_WIDTH) as usize;
            let entries = &self.entries[start..start + usize::from(bundle.width())];
            files.insert(bundle.to_string(), encode_bundle(entries).unwrap());
        }
        let lines: String = self.lines.iter().map(|line| line.clone() + "\n").collect();
        files.insert(PAYLOADS_PATH.into(), lines.into_bytes());
        files
    }

    /// The signed checkpoint of the first `size` events.
    pub(super) fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        let leaves = &self.leaves()[..size as usize];
        let root = TileWriter::default().append(leaves).unwrap().root;
        sign(&log_key(), size, root)
    }

    fn leaves(&self) -> Vec<Hash> {
        self.entries.iter().map(|entry| leaf_hash(entry)).collect()
    }
}

/// A checkpoint signed by `key`, under the key's name.
pub(super) fn sign(key: &TestKey, size: u64, root: Hash) -> SignedCheckpoint {
    let checkpoint = Checkpoint { origin: key.log().name().clone(), size, root };
    let line = key.sign_note(&checkpoint.to_text());
    SignedCheckpoint::new(checkpoint, vec![line]).unwrap()
}

/// Entry and payload line of an event.
pub(super) fn event(index: u64, kind: &str) -> (Vec<u8>, String) {
    let (salt, payload) =
        (Hash::sha256(&[b"salt", &index.to_be_bytes()]), format!("{{\"n\":{index}}}"));
    let id = event_id(index);
    let envelope = Envelope {
        id: EventId::parse(&id).unwrap(),
        kind: EventKind::new(kind).unwrap(),
        time: EventTime::new("2026-01-31T12:00:00.000000Z").unwrap(),
        actor: "person-7f3a".into(),
        subject: Subject { kind: "job".into(), id: index.to_string() },
        payload_sha256: payload_digest(salt.as_bytes(), payload.as_bytes()),
    };
    let payload = serde_json::to_string(&payload).unwrap();
    let line =
        format!(r#"{{"index":{index},"event_id":"{id}","salt":"{salt}","payload":{payload}}}"#);
    (envelope.encode().unwrap(), line)
}

pub(super) fn event_id(index: u64) -> String {
    format!("01920000-0000-7000-8000-{index:012x}")
}

/// The name a file has in `files`, whatever its width.
fn path_of(files: &Files, full: &str) -> String {
    let partial = format!("{full}.p/");
    files.keys().find(|path| *path == full || path.starts_with(&partial)).unwrap().clone()
}

/// Changes the entries of one bundle.
pub(super) fn edit_bundle(files: &mut Files, index: u64, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let path = path_of(files, &BundleId::new(index, 256).unwrap().to_string());
    let bytes = files.get_mut(&path).unwrap();
    let mut entries: Vec<_> =
        decode_bundle(bytes).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    edit(&mut entries);
    *bytes = encode_bundle(&entries).unwrap();
}

/// Changes the hashes of one tile.
pub(super) fn edit_tile(
    files: &mut Files,
    level: u8,
    index: u64,
    edit: impl FnOnce(&mut Vec<Hash>),
) {
    let path = path_of(files, &TileId::new(level, index, 256).unwrap().to_string());
    let bytes = files.get_mut(&path).unwrap();
    let mut hashes = decode_tile(TileId::parse(&path).unwrap(), bytes).unwrap();
    edit(&mut hashes);
    *bytes = encode_tile(&hashes);
}

/// Replaces an entry and its level-0 hash together.
pub(super) fn rewrite(files: &mut Files, index: u64, entry: Vec<u8>) {
    let (block, within) = (index / TILE_WIDTH, (index % TILE_WIDTH) as usize);
    edit_tile(files, 0, block, |hashes| hashes[within] = leaf_hash(&entry));
    edit_bundle(files, block, |entries| entries[within] = entry);
}

/// Changes the lines of the payload file.
pub(super) fn edit_lines(files: &mut Files, edit: impl FnOnce(&mut Vec<String>)) {
    let bytes = files.get_mut(PAYLOADS_PATH).unwrap();
    let mut lines: Vec<String> =
        std::str::from_utf8(bytes).unwrap().lines().map(String::from).collect();
    edit(&mut lines);
    *bytes = (lines.join("\n") + "\n").into_bytes();
}

/// Verifies with the log's key.
pub(super) fn verify(files: &Files) -> Report {
    verify_export(files, &log_key().log(), None)
}

/// Verifies with the log's key against an older checkpoint.
pub(super) fn verify_against(files: &Files, trusted: &SignedCheckpoint) -> Report {
    verify_export(files, &log_key().log(), Some(trusted))
}

/// The findings, one a line.
pub(super) fn text(report: &Report) -> String {
    report.findings.iter().map(|finding| format!("{finding}\n")).collect()
}
