//! Offline verification of an export: is this the log that was signed, whole and unchanged, and
//! if not, which event is the first one tampered with?
//!
//! Layout, all paths relative: `checkpoint` (signed note), `tile/<L>/<N>[.p/<W>]`,
//! `tile/entries/<N>[.p/<W>]`, and `payloads.jsonl` with one line a leaf, in leaf order:
//! `{"index":n,"event_id":"…","salt":"<hex or null>","payload":"<exact bytes, or null when erased>"}`.
//!
//! Only the checkpoint is authenticated, so everything else is judged by whether it leads to the
//! root: the entries, the level-0 tiles, or, where both were rewritten, the tiles above them,
//! which then narrow the change down to a block of 256 leaves.

mod block;
mod evidence;
mod judge;
mod order;
mod payloads;
mod report;
mod scan;
mod trusted;

use std::collections::BTreeMap;

pub use report::{Fault, Finding, Report};

use crate::{checkpoint::SignedCheckpoint, event::EventId, note::VerifierKey};
use payloads::PayloadTable;
use scan::Scan;

/// Path of the signed checkpoint in an export.
pub const CHECKPOINT_PATH: &str = "checkpoint";
/// Path of the payloads in an export.
pub const PAYLOADS_PATH: &str = "payloads.jsonl";

/// Where an export lies: a folder, an archive, memory.
pub trait ExportReader {
    /// The bytes at a relative `path`, or `None` if there is nothing.
    ///
    /// # Errors
    /// Why the storage failed, in words. Verification reports it like a missing file.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String>;
}

impl ExportReader for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.get(path).cloned())
    }
}

/// Verifies an export against the log's key and, if there is one, an older checkpoint that was
/// kept elsewhere. Never fails: whatever is wrong is in the report.
///
/// Work is linear in the number of leaves and shared among the processor's cores.
pub fn verify_export<R: ExportReader + Sync>(
    reader: &R,
    log: &VerifierKey,
    trusted: Option<&SignedCheckpoint>,
) -> Report {
    let signed = match read_checkpoint(reader) {
        Ok(signed) => signed,
        Err(reason) => return Report::unreadable(reason),
    };
    let checkpoint = signed.checkpoint().clone();
    let mut findings = Vec::new();
    if let Err(error) = signed.verify(log, &[]) {
        findings.push(Finding::of_log(Fault::CheckpointSignature(error.to_string())));
    }
    let trusted =
        trusted.and_then(|trusted| trusted::check(trusted, log, &checkpoint, &mut findings));
    let payloads_file = reader.read(PAYLOADS_PATH).unwrap_or_default();
    let payloads = PayloadTable::new(payloads_file.as_deref(), checkpoint.size, &mut findings);

    let scan = scan::run(reader, &payloads, checkpoint.size, trusted.as_ref().map(|t| t.size));
    findings.extend(judge::judge(reader, &checkpoint, &scan, trusted.as_ref()));
    findings.extend(duplicates(&scan));
    let erased = scan.erased();
    findings.extend(scan.into_findings());
    Report::new(checkpoint, erased, findings)
}

fn read_checkpoint<R: ExportReader>(reader: &R) -> Result<SignedCheckpoint, String> {
    let bytes = reader.read(CHECKPOINT_PATH)?.ok_or("there is none")?;
    SignedCheckpoint::parse(&bytes).map_err(|error| error.to_string())
}

/// Every event whose id an earlier leaf has already used.
fn duplicates(scan: &Scan) -> Vec<Finding> {
    let mut ids: Vec<(EventId, u64)> =
        scan.blocks.iter().flat_map(|block| block.ids.iter().copied()).collect();
    ids.sort_unstable();
    let mut findings = Vec::new();
    for same in ids.chunk_by(|a, b| a.0 == b.0) {
        let (_, first_index) = same[0];
        findings.extend(same[1..].iter().map(|(id, index)| {
            Finding::of_leaf(*index, Fault::DuplicateEventId { first_index }).named(id.to_string())
        }));
    }
    findings
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
