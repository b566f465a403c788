//! Verification of Merkle proofs, step by step as RFC 9162 §2.1.3.2 and §2.1.4.2 have it.

use super::node_hash;
use crate::{AuditError, Hash};

/// Checks that `leaf` (a leaf hash) is leaf `index` of the tree of `size` leaves under `root`.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the tree has no such leaf, [`AuditError::ProofInvalid`] if the
/// proof has the wrong length or leads elsewhere.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), AuditError> {
    const INVALID: AuditError = AuditError::ProofInvalid("inclusion");
    if index >= size {
        return Err(AuditError::OutOfRange { what: "leaf index", value: index, size });
    }
    let mut position = Position { node: index, last: size - 1 };
    let mut computed = *leaf;
    for sibling in proof {
        if position.last == 0 {
            return Err(INVALID);
        }
        computed = match position.climb() {
            Sibling::Left => node_hash(sibling, &computed),
            Sibling::Right => node_hash(&computed, sibling),
        };
    }
    if position.last == 0 && computed == *root { Ok(()) } else { Err(INVALID) }
}

/// Checks that the tree of `new_size` leaves extends the tree of `old_size` leaves.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the old tree is the larger one, [`AuditError::ProofInvalid`] if
/// the proof has the wrong length or does not lead to both roots.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), AuditError> {
    const INVALID: AuditError = AuditError::ProofInvalid("consistency");
    if old_size > new_size {
        return Err(AuditError::OutOfRange { what: "old size", value: old_size, size: new_size });
    }
    if old_size == new_size {
        let same = proof.is_empty() && old_root == new_root;
        return if same { Ok(()) } else { Err(INVALID) };
    }
    if old_size == 0 {
        // Every tree extends the empty one, so long as it is the empty one that is claimed.
        let empty = proof.is_empty() && *old_root == super::empty_root();
        return if empty { Ok(()) } else { Err(INVALID) };
    }
    // A complete old tree is itself the first node of the path, and the proof leaves it out.
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(INVALID)?
    };
    if proof.is_empty() {
        return Err(INVALID);
    }
    let mut position = Position::above_complete_subtree(old_size, new_size);
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if position.last == 0 {
            return Err(INVALID);
        }
        match position.climb() {
            Sibling::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Sibling::Right => new = node_hash(&new, sibling),
        }
    }
    let holds = position.last == 0 && old == *old_root && new == *new_root;
    if holds { Ok(()) } else { Err(INVALID) }
}

/// Where the next hash of a proof stands beside the node computed so far.
enum Sibling {
    Left,
    Right,
}

/// A node on the way to the root: its index and the index of the last node on its level
/// (`fn` and `sn` in the RFC).
struct Position {
    node: u64,
    last: u64,
}

impl Position {
    /// The root of the largest complete subtree that ends the old tree.
    fn above_complete_subtree(old_size: u64, new_size: u64) -> Self {
        let (node, last) = (old_size - 1, new_size - 1);
        let levels = node.trailing_ones();
        Self { node: node >> levels, last: last >> levels }
    }

    /// Goes to the parent and says on which side the sibling was.
    fn climb(&mut self) -> Sibling {
        let side = if self.node & 1 == 1 || self.node == self.last {
            // A last node without a right sibling rises until it is a right child itself.
            while self.node & 1 == 0 && self.node != 0 {
                self.shift();
            }
            Sibling::Left
        } else {
            Sibling::Right
        };
        self.shift();
        side
    }

    fn shift(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
