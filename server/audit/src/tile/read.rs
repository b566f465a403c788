//! Roots and proofs read out of tiles in O(log n) hashes.
//!
//! Nothing here is authenticated: whoever needs that verifies the proof against a signed root.

use std::{cell::RefCell, collections::HashMap, fmt::Display};

use super::{LEVELS, TILE_HEIGHT, TILE_WIDTH, TileId, decode_tile, hashes_at, tile_root};
use crate::{
    AuditError, Hash,
    merkle::{Frontier, empty_root, node_hash, split_point},
};

/// Where tiles are stored.
pub trait TileReader {
    /// Why a tile cannot be read.
    type Error: Display;

    /// The bytes of `tile`: exactly `tile.width()` hashes. A store that has replaced a partial
    /// tile by a wider one answers with the front of that.
    ///
    /// # Errors
    /// Whatever the store says; also if the tile is not there.
    fn read(&self, tile: TileId) -> Result<Vec<u8>, Self::Error>;
}

impl<R: TileReader> TileReader for &R {
    type Error = R::Error;

    fn read(&self, tile: TileId) -> Result<Vec<u8>, Self::Error> {
        R::read(self, tile)
    }
}

/// Root of the tree of `size` leaves, from the tiles of its right edge.
///
/// # Errors
/// [`AuditError::Unreadable`] or [`AuditError::Malformed`] if a tile is missing or wrong.
pub fn root_from_tiles<R: TileReader>(reader: &R, size: u64) -> Result<Hash, AuditError> {
    if size == 0 {
        return Ok(empty_root());
    }
    Tree::new(reader, size).range_root(0, size)
}

/// Audit path of leaf `index` in the tree of `size` leaves, leaf sibling first.
///
/// # Errors
/// [`AuditError::OutOfRange`] if there is no such leaf; as [`root_from_tiles`].
pub fn inclusion_proof_from_tiles<R: TileReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange { what: "leaf index", value: index, size });
    }
    let tree = Tree::new(reader, size);
    let (mut proof, mut start, mut end) = (Vec::new(), 0, size);
    // From the root down; the path wants it from the leaf up.
    while end - start > 1 {
        let middle = start + split_point(end - start);
        if index < middle {
            proof.push(tree.range_root(middle, end)?);
            end = middle;
        } else {
            proof.push(tree.range_root(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proof that the tree of `size` leaves extends the one of `old_size`.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the old tree is the larger one; as [`root_from_tiles`].
pub fn consistency_proof_from_tiles<R: TileReader>(
    reader: &R,
    old_size: u64,
    size: u64,
) -> Result<Vec<Hash>, AuditError> {
    if old_size > size {
        return Err(AuditError::OutOfRange { what: "old size", value: old_size, size });
    }
    if old_size == 0 || old_size == size {
        return Ok(Vec::new());
    }
    let tree = Tree::new(reader, size);
    let (mut proof, mut start, mut end) = (Vec::new(), 0, size);
    while end != old_size {
        let middle = start + split_point(end - start);
        if old_size <= middle {
            proof.push(tree.range_root(middle, end)?);
            end = middle;
        } else {
            proof.push(tree.range_root(start, middle)?);
            start = middle;
        }
    }
    // The verifier knows the old root; it needs this subtree's root unless they are the same.
    if start != 0 {
        proof.push(tree.range_root(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The tiles of one tree size, each read once.
struct Tree<'r, R> {
    reader: &'r R,
    size: u64,
    tiles: RefCell<HashMap<TileId, Vec<Hash>>>,
}

impl<'r, R: TileReader> Tree<'r, R> {
    fn new(reader: &'r R, size: u64) -> Self {
        Self { reader, size, tiles: RefCell::default() }
    }

    /// Root of the leaves `[start, end)`, which the recursion of RFC 9162 may ask for: `start`
    /// is a multiple of the largest power of two in the length.
    fn range_root(&self, start: u64, end: u64) -> Result<Hash, AuditError> {
        let (mut parts, mut start) = (Vec::new(), start);
        while start < end {
            let height = (end - start).ilog2();
            parts.push(self.subtree_root(height, start >> height)?);
            start += 1 << height;
        }
        let mut parts = parts.into_iter().rev();
        let last = parts.next().unwrap_or_else(empty_root);
        Ok(parts.fold(last, |right, left| node_hash(&left, &right)))
    }

    /// Root of the complete subtree of 2^`height` leaves that is number `index` of its height.
    fn subtree_root(&self, height: u32, index: u64) -> Result<Hash, AuditError> {
        // A subtree of more than 2^63 leaves cannot lie in a tree whose size is a u64.
        let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(LEVELS);
        let within = height % TILE_HEIGHT;
        let first = index << within;
        let tile = TileId::in_tree(level, first / TILE_WIDTH, self.size)
            .ok_or(AuditError::OutOfRange { what: "subtree", value: index, size: self.size })?;
        let from = (first % TILE_WIDTH) as usize;
        let to = from + (1 << within);
        self.with_tile(tile, |hashes| hashes.get(from..to).map(tile_root))?
            .ok_or(AuditError::OutOfRange { what: "subtree", value: index, size: self.size })
    }

    fn with_tile<T>(&self, tile: TileId, then: impl FnOnce(&[Hash]) -> T) -> Result<T, AuditError> {
        if let Some(hashes) = self.tiles.borrow().get(&tile) {
            return Ok(then(hashes));
        }
        let hashes = read_tile(self.reader, tile)?;
        let result = then(&hashes);
        self.tiles.borrow_mut().insert(tile, hashes);
        Ok(result)
    }
}

/// Reads and splits one tile.
pub(super) fn read_tile<R: TileReader>(reader: &R, tile: TileId) -> Result<Vec<Hash>, AuditError> {
    let bytes = reader.read(tile).map_err(|error| AuditError::Unreadable {
        path: tile.to_string(),
        reason: error.to_string(),
    })?;
    decode_tile(tile, &bytes)
}

/// Frontier of a tree from the hashes of its partial tiles, level 0 first.
pub(crate) fn frontier_of_edge(size: u64, edge: &[Vec<Hash>]) -> Result<Frontier, AuditError> {
    let mut parts = Vec::new();
    for (level, hashes) in edge.iter().enumerate().rev() {
        let expected = u8::try_from(level).map_or(0, |level| hashes_at(level, size) % TILE_WIDTH);
        if hashes.len() as u64 != expected {
            let reason = format!("{} hashes at level {level}, not {expected}", hashes.len());
            return Err(AuditError::malformed("right edge", reason));
        }
        let mut rest = hashes.as_slice();
        while !rest.is_empty() {
            let (front, after) = rest.split_at(1 << rest.len().ilog2());
            parts.push(tile_root(front));
            rest = after;
        }
    }
    Frontier::from_parts(size, parts)
}
