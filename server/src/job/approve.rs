//! Approvals: a person signs a DSSE envelope with a key that the server does not hold.

use chancery_audit::Hash;
use chancery_audit::dsse::{Envelope, Statement, Subject, pae};
use chancery_audit::note::{KeyName, VerifierKey};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::dataset::receipt;
use crate::clock::rfc3339;
use crate::error::{Error, Result};
use crate::keys::SigningKey;
use crate::store::event::{Actor, EventDraft};
use crate::store::model::{ApprovalRow, ModelRow};
use crate::store::principal::{Principal, PrincipalKey};
use crate::store::{Store, Tx};

/// in-toto predicate type of an approval.
pub const APPROVAL_PREDICATE: &str = "urn:chancery:predicate:approval:v1";
/// DSSE payload type.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What an approver signs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalPredicate {
    /// `approve` or `reject`.
    pub verdict: Verdict,
    /// The model.
    pub model_id: Uuid,
    /// The event with the evaluation that was read.
    pub evaluation_event_id: Uuid,
    /// Why.
    pub comment: String,
    /// When it was signed, RFC 3339.
    pub signed_at: String,
}

/// An approver's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// May be deployed.
    Approve,
    /// Must not be deployed.
    Reject,
}

impl Verdict {
    /// As it stands in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// Roles whose verdict counts.
pub const APPROVING: [&str; 2] = ["reviewer", "data_protection_officer"];

/// Name of a public key: its SHA-256 in hexadecimal.
pub fn key_id(public_key: &[u8]) -> String {
    hex::encode(digest(&SHA256, public_key))
}

/// Makes the signed envelope on the approver's side.
///
/// # Errors
/// Serialisation, which would be a bug.
pub fn sign(
    key: &SigningKey,
    model_name: &str,
    artefact_sha256: &str,
    predicate: &ApprovalPredicate,
) -> Result<Envelope> {
    let predicate = serde_json::to_value(predicate).map_err(Error::bug)?;
    let digest = Hash::from_hex(artefact_sha256)
        .map_err(|why| Error::invalid("artefact_sha256", why.to_string()))?;
    let subject = vec![Subject::sha256(model_name, digest)];
    let body =
        Statement::new(subject, APPROVAL_PREDICATE, predicate).to_vec().map_err(Error::bug)?;
    let signature = key.sign(&pae(PAYLOAD_TYPE, &body));
    let key_id = key_id(&key.public_key());
    Ok(Envelope::new(PAYLOAD_TYPE, &body, &[(key_id.as_str(), signature.as_slice())]))
}

/// Records an approval or a rejection.
///
/// # Errors
/// The signature is not by a registered key of the caller, it is about another model, the model did not
/// pass its gate, the caller submitted it, or has spoken already.
pub async fn approve(
    store: &Store,
    who: &Principal,
    model_id: Uuid,
    envelope: &Envelope,
) -> Result<Value> {
    let job_id = store.model_get(model_id).await?.job_id;
    store
        .run_tx("approve", async |tx| {
            let submitter = tx.job_lock(job_id).await?.submitter;
            let model = tx.model_read(model_id).await?;
            if submitter == who.principal_id {
                return Err(Error::Forbidden {
                    needed: "of another person: whoever submits a model does not approve it".into(),
                });
            }
            if !model.gate_passed {
                return Err(Error::Conflict(
                    "this model failed its evaluation gate and cannot be approved".into(),
                ));
            }
            let keys = tx.principal_keys(who.principal_id).await?;
            let (key, predicate) = verify(envelope, &keys, &model)?;
            record(tx, who, &model, key, &predicate, envelope).await
        })
        .await
}

/// Checks an envelope against the keys of one person and the model it is for.
///
/// # Errors
/// [`Error::Invalid`] saying which part does not hold.
pub fn verify<'a>(
    envelope: &Envelope,
    keys: &'a [PrincipalKey],
    model: &ModelRow,
) -> Result<(&'a PrincipalKey, ApprovalPredicate)> {
    let trusted: Vec<VerifierKey> = keys.iter().map(verifier_of).collect::<Result<_>>()?;
    let verified = envelope.verify(&trusted).map_err(|_| {
        Error::invalid(
            "/signatures",
            "no signature is by a key registered for you; register it first",
        )
    })?;
    if verified.payload_type != PAYLOAD_TYPE {
        return Err(Error::invalid("/payloadType", format!("must be {PAYLOAD_TYPE}")));
    }
    let signer = verified.signers.first().map(|key| key.public_key());
    let key = keys
        .iter()
        .find(|key| Some(key.public_key.as_slice()) == signer)
        .ok_or_else(|| Error::bug("a verified signer is none of the keys it was verified with"))?;
    let statement = Statement::parse(&verified.payload)
        .map_err(|why| Error::invalid("/payload", why.to_string()))?;
    if statement.predicate_type != APPROVAL_PREDICATE {
        return Err(Error::invalid(
            "/payload/predicateType",
            format!("must be {APPROVAL_PREDICATE}"),
        ));
    }
    let artefact = Hash::from_hex(&model.artefact_digest).map_err(Error::bug)?;
    if !statement.is_about(&artefact) {
        return Err(Error::invalid("/payload/subject", "the digest is not that of this model"));
    }
    let predicate: ApprovalPredicate = serde_json::from_value(statement.predicate)
        .map_err(|why| Error::invalid("/payload/predicate", why.to_string()))?;
    if predicate.comment.trim().is_empty() {
        return Err(Error::invalid("/payload/predicate/comment", "say why"));
    }
    if predicate.model_id != model.model_id
        || predicate.evaluation_event_id != model.registered_event_id
    {
        return Err(Error::invalid(
            "/payload/predicate",
            "it is about another model or evaluation",
        ));
    }
    Ok((key, predicate))
}

/// Keys of people have no name of their own; the pseudonym serves.
fn verifier_of(key: &PrincipalKey) -> Result<VerifierKey> {
    let name = KeyName::new(key.principal_id.to_string()).map_err(Error::bug)?;
    let public_key = key.public_key.as_slice().try_into().map_err(Error::bug)?;
    VerifierKey::ed25519(name, public_key).map_err(Error::bug)
}

async fn record(
    tx: &mut Tx,
    who: &Principal,
    model: &ModelRow,
    key: &PrincipalKey,
    predicate: &ApprovalPredicate,
    envelope: &Envelope,
) -> Result<Value> {
    let envelope = serde_json::to_value(envelope).map_err(Error::bug)?;
    let now = tx.clock().now();
    let event_id = tx
        .event_append(EventDraft {
            kind: "approval_recorded",
            actor: &Actor::Principal(who.principal_id),
            subject_kind: "model",
            subject_id: model.model_id.to_string(),
            payload: json!({
                "verdict": predicate.verdict,
                "key_id": key.key_id,
                "envelope": envelope,
                "received_at": rfc3339(now),
            }),
        })
        .await?;
    let approval_id = tx.clock().new_id();
    tx.approval_insert(&ApprovalRow {
        approval_id,
        model_id: model.model_id,
        approver: who.principal_id,
        key_id: key.key_id.clone(),
        verdict: predicate.verdict.as_str().to_owned(),
        envelope,
        event_id,
    })
    .await?;
    Ok(json!({
        "approval_id": approval_id,
        "verdict": predicate.verdict,
        "receipt": receipt(event_id),
    }))
}
