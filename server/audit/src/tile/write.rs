//! What a sequencer must persist when leaves are appended.

use super::{
    LEVELS, TILE_WIDTH, TileId, TileReader, encode_tile, hashes_at,
    read::{frontier_of_edge, read_tile},
    tile_root,
};
use crate::{AuditError, Hash};

/// The right edge of a tree: the hashes of its partial tiles, one list a level. All that is
/// needed to append, however large the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWriter {
    size: u64,
    /// Level 0 first; list l has `(size / 256^l) mod 256` hashes.
    edge: Vec<Vec<Hash>>,
}

/// The outcome of an append: what to store before the new root may be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Number of leaves now.
    pub size: u64,
    /// Root of the tree now.
    pub root: Hash,
    /// Every tile that is new or wider, in the order of [`super::tiles_for_growth`].
    pub tiles: Vec<(TileId, Vec<u8>)>,
}

impl Default for TileWriter {
    fn default() -> Self {
        Self { size: 0, edge: vec![Vec::new(); LEVELS.into()] }
    }
}

impl TileWriter {
    /// The edge of a tree of `size` leaves from its partial tiles, level 0 first; levels beyond
    /// the last list have no partial tile.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] if a level has another number of hashes than the size demands.
    pub fn from_edge(size: u64, mut edge: Vec<Vec<Hash>>) -> Result<Self, AuditError> {
        if edge.len() > LEVELS.into() {
            return Err(AuditError::malformed("right edge", "too many levels"));
        }
        edge.resize(LEVELS.into(), Vec::new());
        frontier_of_edge(size, &edge)?;
        Ok(Self { size, edge })
    }

    /// The edge of a stored tree of `size` leaves. The caller compares [`TileWriter::root`] with
    /// the root it has signed before it trusts the store.
    ///
    /// # Errors
    /// [`AuditError::Unreadable`] or [`AuditError::Malformed`] if a tile is missing or wrong.
    pub fn restore<R: TileReader>(reader: &R, size: u64) -> Result<Self, AuditError> {
        let mut edge = vec![Vec::new(); LEVELS.into()];
        for tile in Self::partial_tiles(size) {
            edge[usize::from(tile.level())] = read_tile(reader, tile)?;
        }
        Self::from_edge(size, edge)
    }

    /// The partial tiles of a tree of `size` leaves, lowest level first: what
    /// [`TileWriter::restore`] reads.
    pub fn partial_tiles(size: u64) -> Vec<TileId> {
        (0..LEVELS)
            .filter_map(|level| TileId::in_tree(level, hashes_at(level, size) / TILE_WIDTH, size))
            .collect()
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree.
    ///
    /// # Errors
    /// None in practice: the edge always fits the size.
    pub fn root(&self) -> Result<Hash, AuditError> {
        frontier_of_edge(self.size, &self.edge).map(|frontier| frontier.root())
    }

    /// Appends leaf hashes and returns every tile that is new or wider. The writer has then
    /// moved on: if storing fails, drop it and restore it from what is stored.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] if the size would exceed a u64.
    pub fn append(&mut self, leaves: &[Hash]) -> Result<Growth, AuditError> {
        let old_size = self.size;
        self.size = old_size.checked_add(leaves.len() as u64).ok_or(AuditError::OutOfRange {
            what: "append of leaves",
            value: leaves.len() as u64,
            size: old_size,
        })?;
        let (mut tiles, mut incoming) = (Vec::new(), leaves.to_vec());
        for level in 0..LEVELS {
            if incoming.is_empty() {
                break;
            }
            let first = hashes_at(level, old_size) / TILE_WIDTH;
            let edge = &mut self.edge[usize::from(level)];
            edge.append(&mut incoming);
            incoming = cut_tiles(level, first, edge, &mut tiles)?;
        }
        Ok(Growth { size: self.size, root: self.root()?, tiles })
    }
}

/// Cuts the hashes of one level into tiles, leaves the partial one in `edge` and returns the
/// roots of the full ones: only those go up a level.
fn cut_tiles(
    level: u8,
    first: u64,
    edge: &mut Vec<Hash>,
    tiles: &mut Vec<(TileId, Vec<u8>)>,
) -> Result<Vec<Hash>, AuditError> {
    let (mut full_roots, mut last) = (Vec::new(), Vec::new());
    for (index, hashes) in (first..).zip(edge.chunks(TILE_WIDTH as usize)) {
        let tile = TileId::new(level, index, hashes.len() as u16)?;
        tiles.push((tile, encode_tile(hashes)));
        if tile.is_full() {
            full_roots.push(tile_root(hashes));
        } else {
            last = hashes.to_vec();
        }
    }
    *edge = last;
    Ok(full_roots)
}
