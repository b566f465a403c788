//! The Merkle tree of RFC 6962 §2.1 and RFC 9162 §2.1: hashes, proofs and their verification.
//!
//! The functions over a slice of leaf hashes are the plain reference: they recompute whole
//! subtrees. [`Frontier`] and [`crate::tile`] do the same work in O(log n) and are tested
//! against them.

mod frontier;
mod verify;

pub use frontier::Frontier;
pub use verify::{verify_consistency, verify_inclusion};

use crate::{AuditError, Hash};

/// `SHA256(0x00 ‖ data)`.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash::sha256(&[&[0], data])
}

/// `SHA256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut message = [1; 1 + 2 * Hash::LENGTH];
    message[1..33].copy_from_slice(left.as_bytes());
    message[33..].copy_from_slice(right.as_bytes());
    Hash::sha256(&[&message])
}

/// Root of the tree without leaves, `SHA256("")`.
pub fn empty_root() -> Hash {
    Hash::sha256(&[])
}

/// Root of the tree over `leaves` (leaf hashes, in order).
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(split_point(leaves.len() as u64) as usize);
            node_hash(&root(left), &root(right))
        }
    }
}

/// Audit path of leaf `index`, leaf sibling first (RFC 9162 §2.1.3.1).
///
/// # Errors
/// [`AuditError::OutOfRange`] if there is no such leaf.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Result<Vec<Hash>, AuditError> {
    let size = leaves.len() as u64;
    if index >= size {
        return Err(AuditError::OutOfRange { what: "leaf index", value: index, size });
    }
    Ok(path(leaves, index as usize))
}

fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let middle = split_point(leaves.len() as u64) as usize;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) = if index < middle {
        (path(left, index), root(right))
    } else {
        (path(right, index - middle), root(left))
    };
    proof.push(sibling);
    proof
}

/// Proof that the tree over the first `old_size` leaves is a prefix of the tree over all
/// (RFC 9162 §2.1.4.1). Empty for `old_size` 0 and for the whole size.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the old tree is larger than this one.
pub fn consistency_proof(leaves: &[Hash], old_size: u64) -> Result<Vec<Hash>, AuditError> {
    let size = leaves.len() as u64;
    if old_size > size {
        return Err(AuditError::OutOfRange { what: "old size", value: old_size, size });
    }
    if old_size == 0 {
        return Ok(Vec::new());
    }
    Ok(subproof(leaves, old_size as usize, Known::Yes))
}

/// Whether the verifier already holds the root of the subtree at hand.
#[derive(Clone, Copy)]
enum Known {
    Yes,
    No,
}

fn subproof(leaves: &[Hash], old: usize, known: Known) -> Vec<Hash> {
    if old == leaves.len() {
        return match known {
            Known::Yes => Vec::new(),
            Known::No => vec![root(leaves)],
        };
    }
    let middle = split_point(leaves.len() as u64) as usize;
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) = if old <= middle {
        (subproof(left, old, known), root(right))
    } else {
        (subproof(right, old - middle, Known::No), root(left))
    };
    proof.push(sibling);
    proof
}

/// The largest power of two below `size`; `size` is at least 2.
pub(crate) fn split_point(size: u64) -> u64 {
    1 << (u64::BITS - 1 - size.saturating_sub(1).max(1).leading_zeros())
}

#[cfg(test)]
mod tests;
