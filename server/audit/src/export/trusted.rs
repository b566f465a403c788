//! Comparison with an older checkpoint that was kept elsewhere.

use super::{
    report::{Fault, Finding},
    scan::Scan,
};
use crate::{
    Hash,
    checkpoint::{Checkpoint, SignedCheckpoint},
    note::VerifierKey,
    tile::{TILE_WIDTH, root_over},
};

/// Checks the trusted checkpoint itself and what the two headers alone tell. Returns it if the
/// leaves have to decide.
pub(super) fn check(
    trusted: &SignedCheckpoint,
    log: &VerifierKey,
    now: &Checkpoint,
    findings: &mut Vec<Finding>,
) -> Option<Checkpoint> {
    // Its signature covers its origin, and the key is the log's: it is a statement of this log.
    if let Err(error) = trusted.verify(log, &[]) {
        findings.push(Finding::of_log(Fault::TrustedCheckpoint(error.to_string())));
        return None;
    }
    let trusted = trusted.checkpoint();
    let trusted_size = trusted.size;
    if trusted_size > now.size {
        findings.push(Finding::of_log(Fault::RolledBack { trusted_size }));
        return None;
    }
    if trusted_size == now.size && trusted.root != now.root {
        findings.push(Finding::of_log(Fault::Forked { trusted_size }));
        return None;
    }
    Some(trusted.clone())
}

/// Whether the first leaves, as entries or as tiles, are those of the trusted checkpoint.
pub(super) fn is_prefix(trusted: &Checkpoint, scan: &Scan) -> bool {
    let cut = scan.block_of(trusted.size).and_then(|block| block.kept.as_ref());
    let entries = cut.and_then(|kept| kept.entries.as_deref());
    let tile = cut.and_then(|kept| kept.tile.as_deref());
    let root = |roots: Vec<Option<Hash>>, cut| prefix_root(trusted.size, &roots, cut);
    root(scan.entry_roots(), entries) == Some(trusted.root)
        || root(scan.tile_roots(), tile) == Some(trusted.root)
}

/// Root of the first `size` leaves: full blocks, and the hashes of the block that `size` cuts.
fn prefix_root(size: u64, block_roots: &[Option<Hash>], cut: Option<&[Hash]>) -> Option<Hash> {
    let full = usize::try_from(size / TILE_WIDTH).ok()?;
    let roots: Vec<Hash> = block_roots.get(..full)?.iter().copied().collect::<Option<_>>()?;
    let within = (size % TILE_WIDTH) as usize;
    let edge = if within == 0 { &[][..] } else { cut?.get(..within)? };
    root_over(size, 1, &roots, &[edge.to_vec()])
}
