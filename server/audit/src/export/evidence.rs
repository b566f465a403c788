//! The layers of an export, and which of them the signed root confirms.

use std::ops::Range;

use super::{
    block::Block,
    order,
    report::{Fault, Finding},
    scan::Scan,
};
use crate::{
    Hash,
    tile::{TILE_WIDTH, TileId, root_over, tile_root},
};

/// Hashes of level 1 and up as stored; `None` for a level with a damaged tile.
pub(super) type StoredLevels = Vec<Option<Vec<Hash>>>;

/// The part of the export that leads to the signed root.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Authority {
    /// The entries themselves.
    Entries,
    /// The level-0 tiles.
    Tiles,
    /// The stored tiles from this level up, with the right edges below.
    Level(u8, Edge),
}

/// Where the hashes of the last, partial block are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edge {
    Entries,
    Tile,
}

/// Everything that was read, by layer.
pub(super) struct Evidence<'a> {
    scan: &'a Scan,
    stored: &'a StoredLevels,
    /// Roots of the full blocks, by source.
    entry_roots: Vec<Option<Hash>>,
    tile_roots: Vec<Option<Hash>>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(scan: &'a Scan, stored: &'a StoredLevels) -> Self {
        Self { scan, stored, entry_roots: scan.entry_roots(), tile_roots: scan.tile_roots() }
    }

    /// Whether there is a hash for every leaf, right or wrong.
    pub(super) fn is_complete(&self) -> bool {
        self.scan.complete
            && self.tile_roots.iter().all(Option::is_some)
            && self.leaf_edge(Edge::Tile).is_some()
    }

    /// The lowest layer that leads to `root`.
    pub(super) fn authority(&self, root: Hash) -> Option<Authority> {
        if !self.scan.complete {
            return None;
        }
        let leads = |level, base: Option<&[Hash]>, edge| {
            base.is_some_and(|base| self.root(level, base, edge) == Some(root))
        };
        if leads(1, all(&self.entry_roots).as_deref(), Edge::Entries) {
            return Some(Authority::Entries);
        }
        if leads(1, all(&self.tile_roots).as_deref(), Edge::Tile) {
            return Some(Authority::Tiles);
        }
        (1..).zip(self.stored).find_map(|(level, hashes)| {
            let edge = [Edge::Entries, Edge::Tile]
                .into_iter()
                .find(|edge| leads(level, hashes.as_deref(), *edge))?;
            Some(Authority::Level(level, edge))
        })
    }

    /// Entry faults of the leaves that `concerned` picks, the tiles being taken for right.
    pub(super) fn explained(&self, concerned: impl Fn(u64) -> bool) -> Vec<Finding> {
        let mismatches = self.scan.blocks.iter().flat_map(|block| &block.mismatches);
        let concerned: Vec<_> = mismatches.filter(|m| concerned(m.index)).collect();
        order::explain(&concerned)
    }

    /// The level-0 tiles that differ from their entries, the entries being taken for right.
    pub(super) fn altered_leaf_tiles(&self, concerned: impl Fn(u64) -> bool) -> Vec<Finding> {
        let finding = |(index, block): (u64, &Block)| {
            let first = block.mismatches.first()?;
            let path = TileId::in_tree(0, index, self.scan.size)?.to_string();
            let finding = Finding::of_leaf(first.index, Fault::TileAltered { path });
            Some(finding.named(first.event_id.clone()).of_kind(first.event_kind.clone()))
        };
        let blocks = (0..).zip(&self.scan.blocks).filter(|(_, block)| concerned(block.start));
        blocks.filter_map(finding).collect()
    }

    /// The subtrees under the authoritative `level` that do not match it, as finely as the
    /// levels between allow; everything else is judged leaf by leaf.
    pub(super) fn rewritten_below(&self, level: u8, edge: Edge) -> Vec<Finding> {
        let (mut findings, mut intact) = (Vec::new(), Vec::new());
        if edge == Edge::Entries {
            intact.push(self.scan.size - self.scan.size % TILE_WIDTH..self.scan.size);
        }
        let span = TILE_WIDTH.pow(level.into());
        for (index, truth) in (0..).zip(self.stored_level(level).unwrap_or_default()) {
            let leaves = index * span..(index + 1) * span;
            if subtree(&self.tile_roots, &leaves) == Some(*truth) {
                continue;
            }
            if subtree(&self.entry_roots, &leaves) == Some(*truth) {
                intact.push(leaves);
                continue;
            }
            let ranges = self.refined(leaves).into_iter();
            findings.extend(ranges.map(|r| of_leaves(r, Fault::BlockRewritten)));
        }
        let is_intact = |leaf: u64| intact.iter().any(|range| range.contains(&leaf));
        findings.extend(self.altered_leaf_tiles(is_intact));
        findings.extend(self.explained(|leaf| !is_intact(leaf)));
        findings
    }

    /// The blocks that the level-1 tiles contradict, whichever is right.
    pub(super) fn contradicted(&self) -> Vec<Finding> {
        let blocks = self.contradicted_blocks(0..self.tile_roots.len() as u64);
        blocks.map(|range| of_leaves(range, Fault::BlockContradicted)).collect()
    }

    /// The upper tiles that are not what the authority rolls up to.
    pub(super) fn altered_upper_tiles(&self, authority: Option<Authority>) -> Vec<Finding> {
        let (mut level, base) = match authority {
            Some(Authority::Entries) => (1, all(&self.entry_roots)),
            Some(Authority::Tiles) => (1, all(&self.tile_roots)),
            Some(Authority::Level(level, _)) => (level, self.stored_level(level).map(Vec::from)),
            None => return Vec::new(),
        };
        let (mut findings, mut truth) = (Vec::new(), base.unwrap_or_default());
        while !truth.is_empty() {
            let width = TILE_WIDTH as usize;
            let stored = self.stored_level(level).unwrap_or(&truth);
            let pairs = truth.chunks(width).zip(stored.chunks(width));
            for (index, (truth, stored)) in (0..).zip(pairs) {
                let tile = TileId::in_tree(level, index, self.scan.size);
                if let Some(tile) = tile.filter(|_| truth != stored) {
                    let path = tile.to_string();
                    findings.push(Finding::of_log(Fault::TileAltered { path }));
                }
            }
            truth = truth.chunks_exact(width).map(tile_root).collect();
            level += 1;
        }
        findings
    }

    /// Root of the tree over the hashes `base` of `level` and the stored edges below it.
    fn root(&self, level: u8, base: &[Hash], edge: Edge) -> Option<Hash> {
        let mut edges = vec![self.leaf_edge(edge)?];
        for below in 1..level {
            let hashes = self.stored_level(below)?;
            edges.push(hashes.chunks_exact(TILE_WIDTH as usize).remainder().to_vec());
        }
        root_over(self.scan.size, level, base, &edges)
    }

    fn leaf_edge(&self, edge: Edge) -> Option<Vec<Hash>> {
        if self.scan.size.is_multiple_of(TILE_WIDTH) {
            return Some(Vec::new());
        }
        let kept = self.scan.blocks.last()?.kept.as_ref()?;
        match edge {
            Edge::Entries => kept.entries.clone(),
            Edge::Tile => kept.tile.clone().or_else(|| kept.entries.clone()),
        }
    }

    fn stored_level(&self, level: u8) -> Option<&[Hash]> {
        self.stored.get(usize::from(level).checked_sub(1)?)?.as_deref()
    }

    /// The blocks of a rewritten range that the level-1 tiles contradict, or else all of it,
    /// unless a block is missing: that is a finding already.
    fn refined(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let blocks = range.start / TILE_WIDTH..range.end / TILE_WIDTH;
        let contradicted: Vec<_> = self.contradicted_blocks(blocks.clone()).collect();
        let known = |block: u64| self.tile_roots.get(block as usize).is_some_and(Option::is_some);
        match contradicted.is_empty() {
            true if blocks.clone().all(known) => vec![range],
            _ => contradicted,
        }
    }

    fn contradicted_blocks(&self, blocks: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let contradicted = |block: &u64| {
            let at = *block as usize;
            let stored = self.stored_level(1).and_then(|hashes| hashes.get(at));
            let own = self.tile_roots.get(at).and_then(Option::as_ref);
            stored.zip(own).is_some_and(|(stored, own)| stored != own)
        };
        blocks.filter(contradicted).map(|block| block * TILE_WIDTH..(block + 1) * TILE_WIDTH)
    }
}

fn of_leaves(range: Range<u64>, fault: Fault) -> Finding {
    Finding::of_range(range.start, range.end - range.start, fault)
}

fn all(roots: &[Option<Hash>]) -> Option<Vec<Hash>> {
    roots.iter().copied().collect()
}

/// Root of the complete subtree over `leaves`, rolled up from the roots of full blocks.
fn subtree(block_roots: &[Option<Hash>], leaves: &Range<u64>) -> Option<Hash> {
    let start = usize::try_from(leaves.start / TILE_WIDTH).ok()?;
    let end = usize::try_from(leaves.end / TILE_WIDTH).ok()?;
    let mut hashes = all(block_roots.get(start..end)?)?;
    while hashes.len() > 1 {
        hashes = hashes.chunks(TILE_WIDTH as usize).map(tile_root).collect();
    }
    hashes.first().copied()
}
