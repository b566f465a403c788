//! All blocks of an export, read by several threads.

use std::ops::Range;

use super::{
    ExportReader,
    block::{self, Block, Keep},
    payloads::PayloadTable,
    report::{Fault, Finding},
};
use crate::{Hash, tile::TILE_WIDTH};

/// Blocks read before asking whether the export has come to its end: about a million leaves.
const WAVE_BLOCKS: u64 = 4096;

/// The blocks of an export, in order.
pub(super) struct Scan {
    pub(super) size: u64,
    pub(super) blocks: Vec<Block>,
    /// Whether every block was read. A forged size must not make a small export cost more than
    /// it holds, so reading stops after a wave without a single file.
    pub(super) complete: bool,
}

impl Scan {
    /// Roots of the full blocks as the entries have them; `None` where one is missing.
    pub(super) fn entry_roots(&self) -> Vec<Option<Hash>> {
        self.full_blocks().iter().map(|block| block.entry_root).collect()
    }

    /// Roots of the full blocks as the level-0 tiles have them; the entries stand in for a tile
    /// that is missing.
    pub(super) fn tile_roots(&self) -> Vec<Option<Hash>> {
        self.full_blocks().iter().map(|block| block.tile_root.or(block.entry_root)).collect()
    }

    /// The blocks that hold 256 leaves.
    pub(super) fn full_blocks(&self) -> &[Block] {
        let full = usize::try_from(self.size / TILE_WIDTH).unwrap_or(usize::MAX);
        &self.blocks[..full.min(self.blocks.len())]
    }

    /// The block that holds leaf `index`.
    pub(super) fn block_of(&self, index: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(index / TILE_WIDTH).ok()?)
    }

    pub(super) fn erased(&self) -> u64 {
        self.blocks.iter().map(|block| block.erased).sum()
    }

    /// What the blocks found by themselves, and what was not read at all.
    pub(super) fn into_findings(self) -> Vec<Finding> {
        let read = (self.blocks.len() as u64).saturating_mul(TILE_WIDTH);
        let rest = (!self.complete)
            .then(|| Finding::of_range(read, self.size.saturating_sub(read), Fault::EntryMissing));
        self.blocks.into_iter().flat_map(|block| block.findings).chain(rest).collect()
    }
}

/// Reads all blocks of a tree of `size` leaves. The hashes of the blocks that `size` and
/// `trusted_size` cut through are kept.
pub(super) fn run<R: ExportReader + Sync>(
    reader: &R,
    payloads: &PayloadTable<'_>,
    size: u64,
    trusted_size: Option<u64>,
) -> Scan {
    let cut = |at: u64| (!at.is_multiple_of(TILE_WIDTH)).then_some(at / TILE_WIDTH);
    let kept = [cut(size), trusted_size.and_then(cut)];
    let one = |index: u64| {
        let keep = if kept.contains(&Some(index)) { Keep::Hashes } else { Keep::RootsOnly };
        block::scan(reader, payloads, index, size, keep)
    };
    let (count, mut blocks) = (size.div_ceil(TILE_WIDTH), Vec::new());
    let mut next = 0;
    while next < count {
        let wave = next..next.saturating_add(WAVE_BLOCKS).min(count);
        next = wave.end;
        let scanned = map_in_order(wave, &one);
        let anything = scanned.iter().any(|block| block.present);
        blocks.extend(scanned);
        if !anything {
            break;
        }
    }
    let complete = blocks.len() as u64 == count;
    Scan { size, blocks, complete }
}

/// `one` of every index, in order; the range is cut into one piece a core.
#[cfg(not(target_arch = "wasm32"))]
fn map_in_order<T: Send>(range: Range<u64>, one: &(impl Fn(u64) -> T + Sync)) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let piece = (range.end - range.start).div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let pieces: Vec<_> = range
            .clone()
            .step_by(piece as usize)
            .map(|start| {
                let end = start.saturating_add(piece).min(range.end);
                scope.spawn(move || (start..end).map(one).collect::<Vec<_>>())
            })
            .collect();
        let joined = pieces.into_iter().map(|piece| piece.join());
        // A panic of the caller's reader is the caller's: it goes on where it came from.
        joined.flat_map(|r| r.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// `one` of every index, in order, where there are no threads.
#[cfg(target_arch = "wasm32")]
fn map_in_order<T: Send>(range: Range<u64>, one: &(impl Fn(u64) -> T + Sync)) -> Vec<T> {
    range.map(one).collect()
}
