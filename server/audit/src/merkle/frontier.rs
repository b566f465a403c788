//! The compact range [0, n): the few hashes that suffice to append and to know the root.

use super::{empty_root, node_hash};
use crate::{AuditError, Hash};

/// Roots of the complete subtrees that make up a tree, from the largest (left) to the smallest:
/// one for every bit set in the size.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    parts: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] unless there is exactly one part for every bit set in `size`.
    pub fn from_parts(size: u64, parts: Vec<Hash>) -> Result<Self, AuditError> {
        if parts.len() != size.count_ones() as usize {
            let reason = format!("{} parts for a tree of {size} leaves", parts.len());
            return Err(AuditError::malformed("frontier", reason));
        }
        Ok(Self { size, parts })
    }

    /// The frontier of the tree over `leaves` (leaf hashes).
    pub fn from_leaves(leaves: &[Hash]) -> Self {
        let mut frontier = Self::default();
        leaves.iter().for_each(|leaf| frontier.append(*leaf));
        frontier
    }

    /// Appends a leaf hash; amortised O(1), at most O(log n).
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Every trailing one bit is a complete subtree of the node's height: they merge.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.parts.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.parts.push(node);
        self.size = self.size.saturating_add(1);
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The parts, largest subtree first.
    pub fn parts(&self) -> &[Hash] {
        &self.parts
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let mut parts = self.parts.iter().rev();
        let Some(last) = parts.next() else { return empty_root() };
        parts.fold(*last, |right, left| node_hash(left, &right))
    }
}
