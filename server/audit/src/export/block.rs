//! One block of up to 256 leaves: its bundle, its level-0 tile and its payloads, compared.

use super::{
    ExportReader,
    payloads::{Payload, PayloadTable},
    report::{Fault, Finding},
};
use crate::{
    Hash,
    event::{Envelope, EventId},
    merkle::leaf_hash,
    tile::{BundleId, TILE_WIDTH, TileId, decode_tile, split_bundle, tile_root},
};

/// What is known of a block after reading it.
#[derive(Default)]
pub(super) struct Block {
    /// Index of the first leaf.
    pub(super) start: u64,
    /// Whether the bundle or the tile was there at all.
    pub(super) present: bool,
    /// Root over the entries' hashes; `None` if an entry is missing.
    pub(super) entry_root: Option<Hash>,
    /// Root over the level-0 tile; `None` if it is missing or damaged.
    pub(super) tile_root: Option<Hash>,
    /// The hashes themselves, of the few blocks whose parts are needed.
    pub(super) kept: Option<KeptHashes>,
    /// Leaves where entry and tile differ.
    pub(super) mismatches: Vec<Mismatch>,
    /// Ids of the events that could be read.
    pub(super) ids: Vec<(EventId, u64)>,
    /// Number of erased payloads.
    pub(super) erased: u64,
    /// What is wrong whichever of entry and tile is right.
    pub(super) findings: Vec<Finding>,
}

/// Leaf hashes of a block, by source; `None` like the roots.
pub(super) struct KeptHashes {
    pub(super) entries: Option<Vec<Hash>>,
    pub(super) tile: Option<Vec<Hash>>,
}

/// Whether to keep a block's leaf hashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Hashes,
    RootsOnly,
}

/// A leaf where entry and tile differ, or one of them is beyond the other's end.
pub(super) struct Mismatch {
    pub(super) index: u64,
    pub(super) entry: Option<Hash>,
    pub(super) tile: Option<Hash>,
    pub(super) event_id: Option<String>,
    pub(super) event_kind: Option<String>,
}

/// Reads and compares block `index` of a tree of `size` leaves.
pub(super) fn scan<R: ExportReader>(
    reader: &R,
    payloads: &PayloadTable<'_>,
    index: u64,
    size: u64,
    keep: Keep,
) -> Block {
    let start = index * TILE_WIDTH;
    let (Some(tile), Some(bundle)) =
        (TileId::in_tree(0, index, size), BundleId::in_tree(index, size))
    else {
        return Block { start, ..Block::default() };
    };
    let width = usize::from(tile.width());
    let mut block = Block { start, ..Block::default() };
    let bundle = reader.read(&bundle.to_string());
    let tile_bytes = reader.read(&tile.to_string());
    block.present = [&bundle, &tile_bytes].iter().any(|read| matches!(read, Ok(Some(_))));
    if !block.present {
        block.findings.push(Finding::of_range(start, width as u64, Fault::EntryMissing));
        return block;
    }

    let tile_hashes = read_hashes(tile, tile_bytes, start, &mut block.findings);
    let bytes = bundle.ok().flatten().unwrap_or_default();
    let (entries, rest) = split_bundle(&bytes);
    let hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    if !rest.is_empty() && entries.len() >= width {
        let fault = Fault::EntryUnexpected(format!("{} bytes after the last entry", rest.len()));
        block.findings.push(Finding::of_leaf(start + width as u64 - 1, fault));
    }
    for position in 0..width.max(entries.len()) {
        let entry = entries.get(position).copied().zip(hashes.get(position).copied());
        let expected = tile_hashes.as_ref().map(|tile| tile.get(position).copied());
        compare(&mut block, payloads, position, entry, expected.unwrap_or(entry.map(|e| e.1)));
    }

    let complete = (hashes.len() == width).then_some(hashes);
    block.entry_root = complete.as_deref().map(tile_root);
    block.tile_root = tile_hashes.as_deref().map(tile_root);
    if keep == Keep::Hashes {
        block.kept = Some(KeptHashes { entries: complete, tile: tile_hashes });
    }
    block
}

fn read_hashes(
    tile: TileId,
    read: Result<Option<Vec<u8>>, String>,
    start: u64,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Hash>> {
    match decode_read(tile, read) {
        Ok(hashes) => Some(hashes),
        Err(reason) => {
            let fault = Fault::TileMissing { path: tile.to_string(), reason };
            findings.push(Finding::of_range(start, tile.width().into(), fault));
            None
        }
    }
}

/// The hashes of a tile that was asked for, or in words why there are none.
pub(super) fn decode_read(
    tile: TileId,
    read: Result<Option<Vec<u8>>, String>,
) -> Result<Vec<Hash>, String> {
    let bytes = read?.ok_or("it is not there")?;
    decode_tile(tile, &bytes).map_err(|error| error.to_string())
}

/// Compares one leaf; without a tile the entry is compared with itself.
fn compare(
    block: &mut Block,
    payloads: &PayloadTable<'_>,
    position: usize,
    entry: Option<(&[u8], Hash)>,
    expected: Option<Hash>,
) {
    let index = block.start + position as u64;
    match entry {
        Some((bytes, hash)) if Some(hash) == expected => check_event(block, payloads, index, bytes),
        _ => {
            let decoded = entry.and_then(|(bytes, _)| Envelope::decode(bytes).ok());
            // The entry may lie about its id; the payload's line is another witness.
            let own_id = decoded.as_ref().map(|envelope| envelope.id.to_string());
            let event_id = payloads.event_id(index).or_else(|| own_id.clone());
            let event_kind = decoded.filter(|_| own_id == event_id).map(|e| e.kind.to_string());
            let entry = entry.map(|(_, hash)| hash);
            block.mismatches.push(Mismatch { index, entry, tile: expected, event_id, event_kind });
        }
    }
}

fn check_event(block: &mut Block, payloads: &PayloadTable<'_>, index: u64, bytes: &[u8]) {
    let envelope = match Envelope::decode(bytes) {
        Ok(envelope) => envelope,
        Err(error) => {
            let fault = Fault::EntryNotCanonical(error.to_string());
            let finding = Finding::of_leaf(index, fault).named(payloads.event_id(index));
            block.findings.push(finding);
            return;
        }
    };
    block.ids.push((envelope.id, index));
    if payloads.is_absent() {
        return;
    }
    match payloads.check(index, &envelope) {
        Ok(Payload::Intact) => {}
        Ok(Payload::Erased) => block.erased += 1,
        Err(fault) => {
            let finding = Finding::of_leaf(index, fault)
                .named(envelope.id.to_string())
                .of_kind(envelope.kind.to_string());
            block.findings.push(finding);
        }
    }
}
