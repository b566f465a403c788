//! Which of entries, level-0 tiles and upper tiles lead to the signed root, and so what changed.

use super::{
    ExportReader,
    block::decode_read,
    evidence::{Authority, Evidence, StoredLevels},
    report::{Fault, Finding},
    scan::Scan,
    trusted,
};
use crate::{
    checkpoint::Checkpoint,
    tile::{TILE_WIDTH, TileId, hashes_at},
};

/// Compares everything that was read with the root of the checkpoint.
pub(super) fn judge<R: ExportReader>(
    reader: &R,
    checkpoint: &Checkpoint,
    scan: &Scan,
    trusted: Option<&Checkpoint>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let stored = read_upper_levels(reader, scan, &mut findings);
    let evidence = Evidence::new(scan, &stored);
    let authority = evidence.authority(checkpoint.root);
    let prefix = trusted.map(|trusted| (trusted.size, trusted::is_prefix(trusted, scan)));
    if let Some((trusted_size, false)) = prefix {
        findings.push(Finding::of_log(match authority {
            // What was signed now is at hand, whole, and contradicts what was signed before.
            Some(Authority::Entries | Authority::Tiles) => Fault::Forked { trusted_size },
            _ => Fault::PrefixAltered { trusted_size },
        }));
    }
    findings.extend(match authority {
        Some(Authority::Entries) => evidence.altered_leaf_tiles(|_| true),
        Some(Authority::Tiles) => evidence.explained(|_| true),
        Some(Authority::Level(level, edge)) => evidence.rewritten_below(level, edge),
        None => without_authority(&evidence, scan, prefix),
    });
    findings.extend(evidence.altered_upper_tiles(authority));
    findings
}

/// Nothing leads to the root. What contradicts what is still worth saying.
fn without_authority(
    evidence: &Evidence<'_>,
    scan: &Scan,
    prefix: Option<(u64, bool)>,
) -> Vec<Finding> {
    let mut findings = evidence.contradicted();
    findings.extend(evidence.explained(|_| true));
    // Missing leaves explain a missing root by themselves.
    if evidence.is_complete() {
        // A trusted prefix that still holds clears the leaves before it.
        let start = prefix.filter(|(_, holds)| *holds).map_or(0, |(size, _)| size);
        let count = scan.size.saturating_sub(start);
        findings.push(match count {
            1.. if findings.is_empty() => Finding::of_range(start, count, Fault::RootMismatch),
            _ => Finding::of_log(Fault::RootMismatch),
        });
    }
    findings
}

/// All hashes of levels 1 and up, level 1 first; `None` for a level with a damaged tile.
fn read_upper_levels<R: ExportReader>(
    reader: &R,
    scan: &Scan,
    findings: &mut Vec<Finding>,
) -> StoredLevels {
    let mut levels = Vec::new();
    if !scan.complete {
        return levels;
    }
    for level in (1..).take_while(|level| hashes_at(*level, scan.size) > 0) {
        let mut hashes = Some(Vec::new());
        for index in 0..hashes_at(level, scan.size).div_ceil(TILE_WIDTH) {
            let Some(tile) = TileId::in_tree(level, index, scan.size) else { break };
            match decode_read(tile, reader.read(&tile.to_string())) {
                Ok(more) => hashes.iter_mut().for_each(|hashes| hashes.extend(&more)),
                Err(reason) => {
                    let path = tile.to_string();
                    findings.push(Finding::of_log(Fault::TileMissing { path, reason }));
                    hashes = None;
                }
            }
        }
        levels.push(hashes);
    }
    levels
}
