//! Checking a report offline: the checkpoint under the key, every event under the checkpoint, and the claims
//! rebuilt from the events. Which events were left out cannot be seen here; the exported log shows it.

use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_audit::event::{Envelope, payload_digest};
use chancery_audit::merkle::{leaf_hash, verify_inclusion};
use chancery_audit::note::VerifierKey;
use chancery_audit::proof::LogProof;
use serde_json::Value;

use super::{Evidence, Fact, Report, claims};
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
    let checkpoint = match signed_checkpoint(&report, log_key) {
        Ok(checkpoint) => checkpoint,
        Err(why) => {
            check.faults.push(format!("the checkpoint: {why}"));
            return Ok(check);
        }
    };
    let mut facts = Vec::new();
    for evidence in &report.evidence {
        match prove(evidence, &checkpoint) {
            Ok(proven) => facts.push(proven),
            Err(why) => check.faults.push(format!("event {}: {why}", evidence.event_id)),
        }
    }
    check.events_proven = facts.len();
    check_identity(&report, &facts, &mut check);
    check_claims(&report, facts, &mut check);
    Ok(check)
}

/// A fact with the identifier of the thing it is about.
type Proven = (Fact, String);

fn signed_checkpoint(
    report: &Report,
    log_key: &VerifierKey,
) -> std::result::Result<SignedCheckpoint, String> {
    crate::sequencer::verified(&report.checkpoint, log_key).map_err(|why| why.to_string())
}

/// The report's head must be what the proven evaluation says.
fn check_identity(report: &Report, facts: &[Proven], check: &mut ReportCheck) {
    let evaluated = |(fact, _): &&Proven| {
        matches!(fact.kind.as_str(), "model_passed_evaluation" | "model_failed_evaluation")
    };
    let Some((fact, subject)) = facts.iter().find(evaluated) else {
        check.faults.push("no proven event tells of the model's evaluation".into());
        return;
    };
    if *subject != report.model_id.to_string() {
        check.faults.push("the evaluation is of another model".into());
    }
    let text =
        |fact: &Fact, at: &str| fact.payload.pointer(at).and_then(Value::as_str).map(String::from);
    if text(fact, "/detail/artefact_sha256") != Some(report.artefact_sha256.clone()) {
        check.faults.push("the evaluation is of another artefact".into());
    }
    let admitted = facts.iter().find(|(fact, _)| fact.kind == "job_admitted");
    let name = admitted.and_then(|(fact, _)| text(fact, "/detail/spec/name"));
    if name != Some(report.model_name.clone()) {
        check.faults.push("the job admitted has another name than the model".into());
    }
}

/// Rebuilds the claims from what was proven: a label, a pointer or a value that differs, and a claim that
/// was taken away, are all faults.
fn check_claims(report: &Report, facts: Vec<Proven>, check: &mut ReportCheck) {
    let facts: Vec<Fact> = facts.into_iter().map(|(fact, _)| fact).collect();
    let expected = claims::sections(&facts);
    let same = expected == report.sections;
    if !same {
        let differs = expected.iter().zip(&report.sections).find(|(a, b)| a != b);
        let title = differs.map_or("its sections", |(section, _)| section.title.as_str());
        check.faults.push(format!("{title}: the claims are not those that the events make"));
        return;
    }
    let claims = || report.sections.iter().flat_map(|section| &section.claims);
    check.claims_proven = claims().filter(|claim| claim.value.is_some()).count();
    check.claims_not_provided = claims().filter(|claim| claim.value.is_none()).count();
}

/// Leaf under the checkpoint, payload under the leaf, description under the leaf.
fn prove(
    evidence: &Evidence,
    checkpoint: &SignedCheckpoint,
) -> std::result::Result<Proven, String> {
    let proof = LogProof::parse(evidence.proof.as_bytes()).map_err(|why| why.to_string())?;
    if proof.checkpoint != *checkpoint {
        return Err("its proof is for another checkpoint".into());
    }
    let head = checkpoint.checkpoint();
    let leaf = leaf_hash(evidence.entry.as_bytes());
    verify_inclusion(proof.index, head.size, &leaf, &proof.path, &head.root)
        .map_err(|why| why.to_string())?;
    let envelope = Envelope::decode(evidence.entry.as_bytes()).map_err(|why| why.to_string())?;
    let described = envelope.id.to_string() == evidence.event_id.to_string()
        && envelope.kind.as_str() == evidence.kind
        && i64::try_from(proof.index) == Ok(evidence.leaf_index)
        && same_time(envelope.time.as_str(), &evidence.recorded_at);
    if !described {
        return Err("its leaf says otherwise than the report".into());
    }
    let payload = match (&evidence.salt, &evidence.payload) {
        (Some(salt), Some(payload)) => open_payload(salt, payload, &envelope)?,
        _ => Value::Null, // erased: the leaf still stands
    };
    let fact = Fact { kind: evidence.kind.clone(), event_id: evidence.event_id, payload };
    Ok((fact, envelope.subject.id))
}

fn open_payload(
    salt: &str,
    payload: &str,
    envelope: &Envelope,
) -> std::result::Result<Value, String> {
    let salt = hex::decode(salt).ok().and_then(|salt| <[u8; 32]>::try_from(salt).ok());
    let salt = salt.ok_or("its salt is not 32 bytes")?;
    if payload_digest(&salt, payload.as_bytes()) != envelope.payload_sha256 {
        return Err("its payload was altered".into());
    }
    serde_json::from_str(payload).map_err(|why| why.to_string())
}

fn same_time(a: &str, b: &str) -> bool {
    let parse = |text| {
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
    };
    parse(a).is_some() && parse(a) == parse(b)
}
