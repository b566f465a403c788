//! Gates: facts in, decision out, and the decision on record with its event in one transaction.

use chancery_policy::{Decision, Facts, GatePoint, Pack, decide};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::decision::DecisionRow;
use crate::store::event::{Actor, EventDraft};
use crate::store::{Store, Tx};

/// The rule pack in force.
pub struct Gate {
    pack: Pack,
}

/// A recorded decision. Private fields: only [`Gate::decide`] makes one.
#[derive(Debug)]
pub struct Decided {
    decision_id: Uuid,
    decision: Decision,
    facts: String,
}

/// Proof that a gate said yes. Not `Clone`: it is used up by the step it allows.
#[derive(Debug)]
pub struct Admitted {
    decided: Decided,
}

impl Gate {
    /// Loads the rules that this build carries.
    ///
    /// # Errors
    /// A rule is not well formed.
    pub fn embedded() -> Result<Self> {
        let pack = Pack::embedded().map_err(|why| Error::bug(format!("the rule pack: {why}")))?;
        Ok(Self { pack })
    }

    /// The rules.
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Keeps the pack's text in the database before its first decision.
    ///
    /// # Errors
    /// The database fails.
    pub async fn register(&self, store: &Store) -> Result<()> {
        let sources = json!(self.pack.sources());
        store.pack_insert(self.pack.digest(), self.pack.version(), &sources).await?;
        Ok(())
    }

    /// Decides. Pure: the decision is recorded by [`Decided::record`].
    ///
    /// # Errors
    /// The facts cannot be written as canonical JSON.
    pub fn decide(&self, tx: &Tx, facts: &Facts) -> Result<Decided> {
        let decision = decide(&self.pack, facts);
        let facts = facts.canonical_json().map_err(Error::bug)?;
        Ok(Decided { decision_id: tx.clock().new_id(), decision, facts })
    }
}

/// What a decision is about, and the event that tells of it.
pub struct DecisionEvent<'a> {
    /// Past fact.
    pub kind: &'static str,
    /// Who caused it.
    pub actor: &'a Actor,
    /// Kind of the thing decided on.
    pub subject_kind: &'static str,
    /// Its identifier.
    pub subject_id: String,
    /// Facts of its own beside the decision.
    pub payload: Value,
}

impl Decided {
    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Its identifier.
    pub fn decision_id(&self) -> Uuid {
        self.decision_id
    }

    /// The proof, when the gate said yes.
    ///
    /// # Errors
    /// The denied decision itself.
    pub fn admitted(self) -> std::result::Result<Admitted, Box<Self>> {
        if self.decision.allow { Ok(Admitted { decided: self }) } else { Err(Box::new(self)) }
    }

    /// Writes event and decision; answers the event.
    ///
    /// # Errors
    /// The database fails.
    pub async fn record(&self, tx: &mut Tx, event: DecisionEvent<'_>) -> Result<Uuid> {
        let event_id = tx
            .event_append(EventDraft {
                kind: event.kind,
                actor: event.actor,
                subject_kind: event.subject_kind,
                subject_id: event.subject_id.clone(),
                payload: self.payload(event.payload),
            })
            .await?;
        let decided_at = tx.clock().now();
        tx.decision_insert(&DecisionRow {
            decision_id: self.decision_id,
            gate: gate_name(self.decision.gate).to_owned(),
            allow: self.decision.allow,
            subject_kind: event.subject_kind.to_owned(),
            subject_id: event.subject_id,
            facts: self.facts.clone(),
            record: serde_json::to_value(&self.decision).map_err(Error::bug)?,
            pack_digest: self.decision.pack_digest.clone(),
            decided_at,
            event_id,
        })
        .await?;
        Ok(event_id)
    }

    /// The denial as an answer to the caller.
    pub fn into_denial(self, event_id: Uuid) -> Error {
        Error::Denied { decision_id: self.decision_id, event_id, decision: Box::new(self.decision) }
    }

    fn payload(&self, more: Value) -> Value {
        json!({
            "decision": {
                "decision_id": self.decision_id,
                "gate": self.decision.gate,
                "allow": self.decision.allow,
                "engine": self.decision.engine,
                "pack_version": self.decision.pack_version,
                "pack_digest": self.decision.pack_digest,
                "facts_digest": self.decision.facts_digest,
                "verdicts": self.decision.verdicts,
            },
            "detail": more,
        })
    }
}

/// A gate point as it stands in records.
pub fn gate_name(gate: GatePoint) -> &'static str {
    match gate {
        GatePoint::DatasetRegistration => "dataset_registration",
        GatePoint::BeforeTraining => "before_training",
        GatePoint::AfterEvaluation => "after_evaluation",
        GatePoint::BeforeDeployment => "before_deployment",
        GatePoint::AtInference => "at_inference",
    }
}

impl Admitted {
    /// The decision behind the proof.
    pub fn decided(&self) -> &Decided {
        &self.decided
    }

    /// Its identifier.
    pub fn decision_id(&self) -> Uuid {
        self.decided.decision_id
    }
}
