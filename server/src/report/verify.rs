//! Checking a report offline: every claim against its event, every event against the signed log.

use std::collections::HashMap;

use chancery_audit::event::{Envelope, payload_digest};
use chancery_audit::merkle::{leaf_hash, verify_inclusion};
use chancery_audit::note::VerifierKey;
use chancery_audit::proof::LogProof;
use serde_json::Value;
use uuid::Uuid;

use super::{Claim, Evidence, Report};
use crate::error::{Error, Result};

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportCheck {
    /// Claims whose value stands in a proven event.
    pub claims_proven: usize,
    /// Claims without a value.
    pub claims_not_provided: usize,
    /// Events with a valid proof.
    pub events_proven: usize,
    /// What does not hold.
    pub faults: Vec<String>,
}

/// Checks a report against the log's key, which the reader has from elsewhere.
///
/// # Errors
/// The bytes are no report of this format.
pub fn verify_report(bytes: &[u8], log_key: &VerifierKey) -> Result<ReportCheck> {
    let report: Report =
        serde_json::from_slice(bytes).map_err(|why| Error::invalid("report", why.to_string()))?;
    let mut check = ReportCheck::default();
    let mut payloads = HashMap::new();
    for evidence in &report.evidence {
        match prove(evidence, &report.checkpoint, log_key) {
            Ok(payload) => {
                check.events_proven += 1;
                payloads.insert(evidence.event_id, payload);
            }
            Err(why) => check.faults.push(format!("event {}: {why}", evidence.event_id)),
        }
    }
    for claim in report.sections.iter().flat_map(|section| &section.claims) {
        check_claim(claim, &payloads, &mut check);
    }
    Ok(check)
}

fn check_claim(claim: &Claim, payloads: &HashMap<Uuid, Value>, check: &mut ReportCheck) {
    let Some(value) = &claim.value else {
        check.claims_not_provided += 1;
        return;
    };
    let (Some(event_id), Some(pointer)) = (&claim.event_id, &claim.pointer) else {
        check.faults.push(format!("{}: a value without its event", claim.label));
        return;
    };
    let stated = payloads.get(event_id).and_then(|payload| payload.pointer(pointer));
    if stated == Some(value) {
        check.claims_proven += 1;
    } else {
        check.faults.push(format!("{}: event {event_id} does not say so", claim.label));
    }
}

/// Leaf under the checkpoint, checkpoint under the key, payload under the leaf.
fn prove(
    evidence: &Evidence,
    checkpoint: &str,
    log_key: &VerifierKey,
) -> std::result::Result<Value, String> {
    let proof = LogProof::parse(evidence.proof.as_bytes()).map_err(|why| why.to_string())?;
    if proof.checkpoint.to_string() != checkpoint {
        return Err("its proof is for another checkpoint".into());
    }
    proof.checkpoint.verify(log_key, &[]).map_err(|why| why.to_string())?;
    let head = proof.checkpoint.checkpoint();
    let leaf = leaf_hash(evidence.entry.as_bytes());
    verify_inclusion(proof.index, head.size, &leaf, &proof.path, &head.root)
        .map_err(|why| why.to_string())?;
    let envelope = Envelope::decode(evidence.entry.as_bytes()).map_err(|why| why.to_string())?;
    if envelope.id.to_string() != evidence.event_id.to_string() {
        return Err("its leaf is another event's".into());
    }
    let (Some(salt), Some(payload)) = (&evidence.salt, &evidence.payload) else {
        return Ok(Value::Null); // erased: the leaf still stands
    };
    let salt = hex::decode(salt).ok().and_then(|salt| <[u8; 32]>::try_from(salt).ok());
    let salt = salt.ok_or("its salt is not 32 bytes")?;
    if payload_digest(&salt, payload.as_bytes()) != envelope.payload_sha256 {
        return Err("its payload was altered".into());
    }
    serde_json::from_str(payload).map_err(|why| why.to_string())
}
