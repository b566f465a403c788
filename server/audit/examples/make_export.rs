//! Writes a small export signed with the specification's fixed test key, for foreign verifiers.
//!
//! `cargo run -p chancery-audit --example make_export -- FOLDER [LEAVES]` makes
//! `FOLDER/export/…`, `FOLDER/log.vkey` and `FOLDER/leaf-<i>.tlog-proof` for some leaves.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use chancery_audit::{
    Hash,
    checkpoint::{Checkpoint, SignedCheckpoint},
    event::{Envelope, EventId, EventKind, EventTime, Subject, payload_digest},
    export::encode_payload_line,
    merkle::leaf_hash,
    note::{KeyName, SignatureLine, VerifierKey},
    proof::LogProof,
    tile::{
        TILE_WIDTH, TileId, TileReader, TileWriter, bundles_for_growth, encode_bundle,
        inclusion_proof_from_tiles,
    },
};
use ed25519_dalek::{Signer as _, SigningKey};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ORIGIN: &str = "audit.example.test/log1";
/// Every so many leaves a payload has been erased.
const ERASED_EVERY: u64 = 97;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: make_export FOLDER [LEAVES]")?;
    let size: u64 = arguments.next().as_deref().unwrap_or("700").parse()?;
    let folder = Path::new(&folder);
    let events: Vec<(Vec<u8>, String)> = (0..size).map(event).collect::<Outcome<_>>()?;

    let leaves: Vec<Hash> = events.iter().map(|(entry, _)| leaf_hash(entry)).collect();
    let growth = TileWriter::default().append(&leaves)?;
    let tiles = Tiles(growth.tiles.into_iter().collect());
    let (key, checkpoint) = sign(size, growth.root)?;

    let export = folder.join("export");
    for (tile, bytes) in &tiles.0 {
        write(&export.join(tile.to_string()), bytes)?;
    }
    for bundle in bundles_for_growth(0, size) {
        let start = (bundle.index() * TILE_WIDTH) as usize;
        let bundled = &events[start..start + usize::from(bundle.width())];
        let entries: Vec<&[u8]> = bundled.iter().map(|(entry, _)| entry.as_slice()).collect();
        write(&export.join(bundle.to_string()), &encode_bundle(&entries)?)?;
    }
    let lines: String = events.iter().map(|(_, line)| line.as_str()).collect();
    write(&export.join("payloads.jsonl"), lines.as_bytes())?;
    write(&export.join("checkpoint"), checkpoint.to_string().as_bytes())?;
    write(&folder.join("log.vkey"), key.to_string().as_bytes())?;
    for index in [0, size / 2, size.saturating_sub(1)] {
        let path = inclusion_proof_from_tiles(&tiles, index, size)?;
        let proof = LogProof { extra: None, index, path, checkpoint: checkpoint.clone() };
        let name = format!("leaf-{index}.tlog-proof");
        write(&folder.join(name), proof.to_string().as_bytes())?;
    }
    Ok(())
}

/// Entry and payload line of event `index`.
fn event(index: u64) -> Outcome<(Vec<u8>, String)> {
    let salt = Hash::sha256(&[b"make_export salt", &index.to_be_bytes()]);
    let payload = format!(r#"{{"epoch":{index},"note":"größer als \"null\""}}"#);
    let id =
        EventId::new((0x0192_0000_0000_7000_8000_u128 << 48 | u128::from(index)).to_be_bytes());
    let envelope = Envelope {
        id,
        kind: EventKind::new("epoch_finished")?,
        time: EventTime::new("2026-01-31T12:00:00.000000Z")?,
        actor: "worker-1".into(),
        subject: Subject { kind: "job".into(), id: format!("job-{}", index / 10) },
        payload_sha256: payload_digest(salt.as_bytes(), payload.as_bytes()),
    };
    let erased = index % ERASED_EVERY == ERASED_EVERY - 1;
    let revealed = (!erased).then_some((salt.as_bytes(), payload.as_str()));
    Ok((envelope.encode()?, encode_payload_line(index, id, revealed)?))
}

/// The checkpoint under the key whose seed is 00 01 … 1f.
fn sign(size: u64, root: Hash) -> Outcome<(VerifierKey, SignedCheckpoint)> {
    let signing = SigningKey::from_bytes(&std::array::from_fn(|i| i as u8));
    let origin = KeyName::new(ORIGIN)?;
    let key = VerifierKey::ed25519(origin.clone(), signing.verifying_key().as_bytes())?;
    let checkpoint = Checkpoint { origin: origin.clone(), size, root };
    let signature = signing.sign(checkpoint.to_text().as_bytes()).to_vec();
    let line = SignatureLine::new(origin, key.key_id(), signature);
    Ok((key, SignedCheckpoint::new(checkpoint, vec![line])?))
}

fn write(path: &Path, bytes: &[u8]) -> Outcome<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(fs::write(path, bytes)?)
}

/// Tiles in memory.
struct Tiles(BTreeMap<TileId, Vec<u8>>);

impl TileReader for Tiles {
    type Error = &'static str;

    fn read(&self, tile: TileId) -> Result<Vec<u8>, Self::Error> {
        self.0.get(&tile).cloned().ok_or("no such tile")
    }
}
