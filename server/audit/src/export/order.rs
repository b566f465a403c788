//! What happened to the leaves whose entry is not the one in the tile: altered, moved or gone.

use std::collections::HashMap;

use super::{
    block::Mismatch,
    report::{Fault, Finding},
};
use crate::Hash;

/// Explains mismatches whose tile hashes are taken to be right.
pub(super) fn explain(mismatches: &[&Mismatch]) -> Vec<Finding> {
    let by_hash = |side: fn(&Mismatch) -> Option<Hash>| -> HashMap<Hash, u64> {
        mismatches.iter().filter_map(|m| Some((side(m)?, m.index))).collect()
    };
    let standing = by_hash(|mismatch| mismatch.entry);
    let belonging = by_hash(|mismatch| mismatch.tile);
    mismatches.iter().map(|mismatch| explain_one(mismatch, &standing, &belonging)).collect()
}

/// `standing`: where each found entry stands. `belonging`: where each logged hash belongs.
fn explain_one(
    mismatch: &Mismatch,
    standing: &HashMap<Hash, u64>,
    belonging: &HashMap<Hash, u64>,
) -> Finding {
    let found_at = mismatch.tile.and_then(|logged| standing.get(&logged));
    let fault = match (mismatch.entry, mismatch.tile, found_at) {
        (None, None, _) => Fault::EntryMissing,
        (Some(_), None, _) => Fault::EntryUnexpected("one entry more".to_owned()),
        (_, Some(_), Some(at)) => {
            // Indices of leaves in memory are far below 2^63.
            Fault::EntryMoved { displacement: at.wrapping_sub(mismatch.index) as i64 }
        }
        (None, Some(_), None) => Fault::EntryMissing,
        // Another logged entry stands here, so this one was taken out rather than altered.
        (Some(entry), Some(_), None) if belonging.contains_key(&entry) => Fault::EntryMissing,
        (Some(_), Some(_), None) => Fault::EntryAltered,
    };
    Finding::of_leaf(mismatch.index, fault)
        .named(mismatch.event_id.clone())
        .of_kind(mismatch.event_kind.clone())
}
