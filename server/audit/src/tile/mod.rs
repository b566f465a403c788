//! Tiles (C2SP tlog-tiles): the tree cut into immutable files of 256 hashes.
//!
//! Hash i of tile n at level l is the root of the leaves `[(n·256+i)·256^l, (n·256+i+1)·256^l)`,
//! so a tile holds complete subtrees only, and the right edge is partial tiles.

mod bundle;
mod id;
mod read;
mod write;

pub(crate) use bundle::split_bundle;
pub use bundle::{ENTRY_LENGTH_MAX, decode_bundle, encode_bundle};
pub use id::{BundleId, TileId, bundles_for_growth, tiles_for_growth};
pub use read::{
    TileReader, consistency_proof_from_tiles, inclusion_proof_from_tiles, root_from_tiles,
};
pub use write::{Growth, TileWriter};

use crate::{AuditError, Hash, merkle};

/// Hashes of a full tile.
pub const TILE_WIDTH: u64 = 256;
/// Bits of a leaf index that one level takes.
pub(crate) const TILE_HEIGHT: u32 = 8;
/// Levels that a tree whose size is a u64 can have.
pub(crate) const LEVELS: u8 = 8;

/// Hashes of level `level` that a tree of `size` leaves has.
pub(crate) fn hashes_at(level: u8, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0)
}

/// Splits a tile's bytes into its hashes.
///
/// # Errors
/// [`AuditError::Malformed`] unless there are exactly `tile.width()` hashes.
pub fn decode_tile(tile: TileId, bytes: &[u8]) -> Result<Vec<Hash>, AuditError> {
    if bytes.len() != usize::from(tile.width()) * Hash::LENGTH {
        let reason = format!("{tile} has {} bytes", bytes.len());
        return Err(AuditError::malformed("tile", reason));
    }
    bytes.chunks_exact(Hash::LENGTH).map(Hash::try_from).collect()
}

/// Concatenates the hashes of a tile.
pub fn encode_tile(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// Root of the tree of `size` leaves over all the hashes `base` of `level`, and below it the
/// hashes of the partial tiles `edges`, level 0 first. `None` if the numbers do not fit.
pub(crate) fn root_over(size: u64, level: u8, base: &[Hash], edges: &[Vec<Hash>]) -> Option<Hash> {
    if edges.len() != usize::from(level) {
        return None;
    }
    let (mut edges, mut hashes) = (edges.to_vec(), base.to_vec());
    while !hashes.is_empty() {
        let full = hashes.chunks_exact(TILE_WIDTH as usize);
        edges.push(full.remainder().to_vec());
        hashes = full.map(tile_root).collect();
    }
    read::frontier_of_edge(size, &edges).ok().map(|frontier| frontier.root())
}

/// Root over the hashes of one tile: of a full one, its hash on the next level.
pub(crate) fn tile_root(hashes: &[Hash]) -> Hash {
    if !hashes.len().is_power_of_two() {
        return merkle::root(hashes);
    }
    // Every complete level fits into the front of the level below it.
    let mut nodes = hashes.to_vec();
    while nodes.len() > 1 {
        for i in 0..nodes.len() / 2 {
            nodes[i] = merkle::node_hash(&nodes[2 * i], &nodes[2 * i + 1]);
        }
        nodes.truncate(nodes.len() / 2);
    }
    nodes[0]
}

#[cfg(test)]
mod tests;
