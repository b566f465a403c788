//! Everything a rule may know. The server fills this in; the policy adds nothing to it.
//!
//! An absent `Option` is left out of the JSON: in Rego a missing member is undefined and denies,
//! while a `null` would be a defined, truthy value and could slip through a rule.

mod dataset;
mod job;
mod outcome;
mod system;

pub use dataset::{DatasetFacts, LegalBasis, SpecialCategory};
pub use job::{Allowance, AutomatedDecision, BiasMitigation, DeclaredMetrics, JobFacts};
pub use outcome::{AttributeOutcome, GroupOutcome, OutcomeFacts};
pub use system::{AnnexArea, ProhibitedPractices, RiskFacts, SystemFacts};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::PolicyError;

/// Greatest length of the facts as canonical JSON, in bytes. Rego terminates on every input
/// (no recursion, no open loop), so that a bound on the input bounds the evaluation.
pub const FACTS_BYTES_MAX: usize = 256 * 1024;

/// A point in a job's life at which rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatePoint {
    /// A dataset is about to be registered.
    DatasetRegistration,
    /// A job is about to be admitted.
    BeforeTraining,
    /// A run's outcome has been measured.
    AfterEvaluation,
    /// A model is about to be deployed.
    BeforeDeployment,
    /// A deployed model is about to answer.
    AtInference,
}

/// The input of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The time of the decision, RFC 3339. The only clock a rule sees.
    pub now: String,
    /// The gate asked for.
    pub gate: GatePoint,
    /// Who asks.
    pub actor: Actor,
    /// The organisation's limits.
    pub organisation: Organisation,
    /// The AI system; may be absent at `dataset_registration` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemFacts>,
    /// The dataset being registered, or the one the job reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetFacts>,
    /// The job; absent at `dataset_registration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobFacts>,
    /// The measured outcome, from `after_evaluation` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeFacts>,
    /// Attestations about the model to be deployed.
    #[serde(default)]
    pub approvals: Vec<Approval>,
    /// Who submitted what is being approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitter: Option<String>,
}

impl Facts {
    /// Parses facts from JSON. Unknown members are refused: a misspelt fact must not read as an
    /// absent one.
    ///
    /// # Errors
    /// [`PolicyError::FactsTooLarge`] or [`PolicyError::FactsMalformed`].
    pub fn parse(json: &[u8]) -> Result<Self, PolicyError> {
        check_length(json.len())?;
        serde_json::from_slice(json)
            .map_err(|error| PolicyError::FactsMalformed { problem: error.to_string() })
    }

    /// The facts as canonical JSON (RFC 8785).
    ///
    /// # Errors
    /// [`PolicyError::FactsMalformed`] for a number that is not finite, and
    /// [`PolicyError::FactsTooLarge`].
    pub fn canonical_json(&self) -> Result<String, PolicyError> {
        let malformed = |problem: String| PolicyError::FactsMalformed { problem };
        let value = serde_json::to_value(self).map_err(|error| malformed(error.to_string()))?;
        if let Some(place) = null_in(&value) {
            return Err(malformed(format!("{place} is not a finite number")));
        }
        let json = serde_json_canonicalizer::to_string(&value)
            .map_err(|error| malformed(error.to_string()))?;
        check_length(json.len())?;
        Ok(json)
    }
}

/// Where the first `null` stands. Absent facts are left out, and so a `null` can only be a number
/// that is not finite, which the serializer turned into one.
fn null_in(value: &Value) -> Option<String> {
    let below = |name: String, child| null_in(child).map(|place| format!("/{name}{place}"));
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, child)| below(at.to_string(), child))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, child)| below(name.clone(), child))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn check_length(actual: usize) -> Result<(), PolicyError> {
    if actual > FACTS_BYTES_MAX {
        return Err(PolicyError::FactsTooLarge { actual, limit: FACTS_BYTES_MAX });
    }
    Ok(())
}

/// Who asks for the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Pseudonymous id.
    pub id: String,
    /// Roles held.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// The limits an organisation has set for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Whether rules bind before their date of application.
    #[serde(default = "enforced_early")]
    pub enforce_early: bool,
    /// Limits on differences between groups.
    pub fairness: FairnessLimits,
    /// Limits on predictive quality.
    pub quality: QualityLimits,
    /// How many independent approvers a deployment needs.
    pub approvals_required: u32,
}

/// Early enforcement is the default, and waiting for the date the choice to be made.
fn enforced_early() -> bool {
    true
}

/// Limits on differences between groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FairnessLimits {
    /// Attributes whose differences deny; those of the other protected attributes are reported.
    /// None, while the dataset has protected attributes, denies.
    #[serde(default)]
    pub gated_attributes: Vec<String>,
    /// Greatest demographic parity difference, in `[0, 1]`.
    pub parity_difference_max: f64,
    /// Greatest equalized odds difference, in `[0, 1]`.
    pub equalized_odds_difference_max: f64,
    /// Least ratio of the lowest to the highest selection rate that goes unremarked.
    pub four_fifths_min: f64,
    /// Smallest group on which a figure counts as evidence, in samples.
    pub minimum_group_size: u32,
}

/// Limits on predictive quality.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityLimits {
    /// Least accuracy, in `[0, 1]`.
    pub accuracy_min: f64,
}

/// One attestation about the model to be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Pseudonymous id of the approver.
    pub approver: String,
    /// The role in which they decided.
    pub role: String,
    /// What the signed predicate says.
    pub predicate_decision: PredicateDecision,
    /// Whether the server verified the signature over the predicate.
    pub signature_verified: bool,
}

/// What an approver decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PredicateDecision {
    /// Deploy.
    Approve,
    /// Do not deploy.
    Reject,
}
