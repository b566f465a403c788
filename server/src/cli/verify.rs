//! Offline verification: a folder or a report, and a public key. No database, no network.

use std::path::Path;
use std::process::ExitCode;

use chancery_audit::Hash;
use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_audit::export::{CHECKPOINT_PATH, ExportReader, Report, verify_export};
use chancery_audit::merkle::{leaf_hash, verify_inclusion};
use chancery_audit::note::VerifierKey;
use chancery_audit::proof::LogProof;
use chancery_audit::tile::{BundleId, decode_bundle, inclusion_proof_from_tiles};

use super::arguments::VerifyOptions;
use crate::error::{Error, Result};
use crate::export::ExportFolder;

/// Findings that are printed; the first is the one to look at.
const FINDINGS_SHOWN: usize = 20;

/// `chancery verify`
pub fn verify(options: &VerifyOptions) -> Result<ExitCode> {
    let key = read_key(&options.key)?;
    let trusted = options.trusted.as_deref().map(read_checkpoint).transpose()?;
    if let Some(why) = unverifiable(&options.export, &key, trusted.as_ref()) {
        println!("CANNOT VERIFY: {why}");
        return Ok(ExitCode::from(2));
    }
    let report = verify_export(&ExportFolder(options.export.clone()), &key, trusted.as_ref());
    print!("{}", describe(&report));
    Ok(if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why there is nothing to judge: that is no evidence of tampering.
fn unverifiable(
    export: &Path,
    key: &VerifierKey,
    trusted: Option<&SignedCheckpoint>,
) -> Option<String> {
    let path = export.join(CHECKPOINT_PATH);
    if !path.exists() {
        return Some(format!(
            "{} holds no export: there is no {}",
            export.display(),
            path.display()
        ));
    }
    let own = read_checkpoint(&path).ok()?; // unreadable is for the verifier to judge
    for checkpoint in [Some(&own), trusted].into_iter().flatten() {
        let origin = &checkpoint.checkpoint().origin;
        if origin != key.name() {
            return Some(format!("a checkpoint is of {origin}, the key of {}", key.name()));
        }
    }
    None
}

/// `chancery prove`
pub fn prove(export: &Path, index: u64) -> Result<ExitCode> {
    let folder = ExportFolder(export.to_owned());
    let checkpoint = read_checkpoint(&export.join(CHECKPOINT_PATH))?;
    let size = checkpoint.checkpoint().size;
    let path = inclusion_proof_from_tiles(&folder, index, size)
        .map_err(|why| Error::invalid("export", why.to_string()))?;
    // A proof that does not hold is not handed out.
    let leaf = leaf_of(&folder, index, size)?;
    verify_inclusion(index, size, &leaf, &path, &checkpoint.checkpoint().root)
        .map_err(|why| Error::Integrity(format!("the export: {why}; see `chancery verify`")))?;
    print!("{}", LogProof { extra: None, index, path, checkpoint });
    Ok(ExitCode::SUCCESS)
}

/// `chancery verify-report`
pub fn verify_report(report: &Path, key: &str) -> Result<ExitCode> {
    let bytes = std::fs::read(report)
        .map_err(|why| Error::dependency(format!("reading {}", report.display()), why))?;
    let check = crate::report::verify_report(&bytes, &read_key(key)?)?;
    for fault in &check.faults {
        println!("FAULT {fault}");
    }
    println!(
        "{} claims proven by {} events, {} not provided, {} faults",
        check.claims_proven,
        check.events_proven,
        check.claims_not_provided,
        check.faults.len()
    );
    Ok(if check.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The report as a person reads it: the verdict first, then what is wrong, the first event first.
pub fn describe(report: &Report) -> String {
    let verdict = if report.is_ok() { "OK" } else { "TAMPERED" };
    let root = report.root().map_or_else(|| "none".into(), |root| root.to_string());
    let mut text = format!("{verdict}: {} events, root {root}\n", report.size());
    if report.erased > 0 {
        text.push_str(&format!("{} payloads were erased, which is no fault\n", report.erased));
    }
    for finding in report.findings.iter().take(FINDINGS_SHOWN) {
        text.push_str(&format!("{finding}\n"));
    }
    if let Some(more @ 1..) = report.findings.len().checked_sub(FINDINGS_SHOWN) {
        text.push_str(&format!("and {more} more findings\n"));
    }
    text
}

/// A verifier key given as text or as a file.
///
/// # Errors
/// Neither a key nor a file that holds one.
pub fn read_key(key: &str) -> Result<VerifierKey> {
    if let Ok(key) = VerifierKey::parse(key) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(key).map_err(|why| {
        Error::invalid("--key", format!("{key:?} is neither a verifier key nor a file: {why}"))
    })?;
    VerifierKey::parse(text.trim())
        .map_err(|why| Error::invalid("--key", format!("{key} holds no verifier key: {why}")))
}

fn leaf_of(folder: &ExportFolder, index: u64, size: u64) -> Result<Hash> {
    let damaged = |why: String| Error::Integrity(format!("the export: {why}"));
    let bundle =
        BundleId::in_tree(index / 256, size).ok_or_else(|| damaged("no such leaf".into()))?;
    let bytes = folder.read(&bundle.to_string()).map_err(damaged)?;
    let bytes = bytes.ok_or_else(|| damaged(format!("{bundle} is missing")))?;
    let entries = decode_bundle(&bytes).map_err(|why| damaged(why.to_string()))?;
    let position = usize::try_from(index % 256).map_err(Error::bug)?;
    let entry = entries.get(position).ok_or_else(|| damaged(format!("{bundle} is too short")))?;
    Ok(leaf_hash(entry))
}

fn read_checkpoint(path: &Path) -> Result<SignedCheckpoint> {
    let bytes = std::fs::read(path)
        .map_err(|why| Error::dependency(format!("reading {}", path.display()), why))?;
    SignedCheckpoint::parse(&bytes)
        .map_err(|why| Error::invalid(path.display().to_string(), why.to_string()))
}
