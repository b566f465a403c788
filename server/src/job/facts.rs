//! Facts for the gates, gathered from what is on record. The policy sees these and nothing else.

use chancery_kernels::evaluate::Evaluation;
use chancery_kernels::fairness::{AttributeFairness, GroupMetrics, Verdict};
use chancery_kernels::privacy::PrivacyLoss;
use chancery_policy as policy;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::dataset::{DatasetCard, DatasetRegistration};
use super::spec::{JobSpec, ledger_loss};
use super::system::SystemCard;
use crate::clock::rfc3339;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::budget::Loss;
use crate::store::dataset::{DatasetRow, SystemRow};
use crate::store::event::Actor;
use crate::store::job::JobRow;
use crate::store::model::ModelRow;
use crate::store::principal::Principal;

/// What facts are gathered from.
pub struct FactSources<'a> {
    /// Thresholds of the organisation.
    pub config: &'a Config,
    /// The decision's time.
    pub now: OffsetDateTime,
    /// The dataset concerned.
    pub dataset: &'a DatasetRow,
    /// The AI system concerned.
    pub system: &'a SystemRow,
}

/// Thresholds that a submitter fixes before the run (AI Act Art. 9).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredThresholds {
    /// Least accuracy.
    pub accuracy_min: f64,
    /// Greatest demographic parity difference.
    pub parity_difference_max: f64,
    /// Greatest equalized-odds difference.
    pub equalized_odds_difference_max: f64,
}

/// An approval whose signature was checked just now.
pub struct VerifiedApproval {
    /// Who.
    pub approver: Uuid,
    /// Roles held now.
    pub roles: Vec<String>,
    /// approve or reject.
    pub verdict: String,
    /// Whether the signature holds.
    pub signature_verified: bool,
    /// The event that records it.
    pub event_id: Uuid,
}

/// Facts for the registration of a dataset.
pub fn dataset_facts(
    config: &Config,
    now: OffsetDateTime,
    who: &Principal,
    dataset_id: Uuid,
    registration: &DatasetRegistration,
) -> policy::Facts {
    let card = &registration.card;
    let dataset = card_facts(&dataset_id.to_string(), &registration.training_blob, card);
    policy::Facts {
        dataset: Some(dataset),
        ..blank(config, now, policy::GatePoint::DatasetRegistration, actor_facts(who))
    }
}

/// Facts for the admission of a job.
///
/// # Errors
/// A stored card does not parse, which would be a bug.
pub fn job_facts(
    sources: &FactSources<'_>,
    submitter: &Principal,
    job_id: Uuid,
    spec: &JobSpec,
    loss: Option<&PrivacyLoss>,
    remaining: Loss,
) -> Result<policy::Facts> {
    let mut job = job_of(spec, job_id, sources.now)?;
    job.privacy = loss.map(ledger_loss).transpose()?.map(allowance);
    job.budget_remaining = Some(allowance(remaining));
    Ok(policy::Facts {
        system: Some(system_facts(sources.system)?),
        dataset: Some(dataset_of(sources.dataset)?),
        job: Some(job),
        submitter: Some(submitter.principal_id.to_string()),
        ..blank(
            sources.config,
            sources.now,
            policy::GatePoint::BeforeTraining,
            actor_facts(submitter),
        )
    })
}

/// Facts for the gate after evaluation.
///
/// # Errors
/// A stored card does not parse, which would be a bug.
pub fn evaluation_facts(
    sources: &FactSources<'_>,
    job: &JobRow,
    spec: &JobSpec,
    evaluation: &Evaluation,
) -> Result<policy::Facts> {
    let mut job_facts = job_of(spec, job.job_id, job.created_at)?;
    job_facts.started_at = job.started_at.map(rfc3339);
    Ok(policy::Facts {
        system: Some(system_facts(sources.system)?),
        dataset: Some(dataset_of(sources.dataset)?),
        job: Some(job_facts),
        outcome: Some(outcome_facts(evaluation)),
        submitter: Some(job.submitter.to_string()),
        ..blank(
            sources.config,
            sources.now,
            policy::GatePoint::AfterEvaluation,
            policy::Actor { id: Actor::System.to_string(), roles: Vec::new() },
        )
    })
}

/// Facts for a deployment: those after evaluation, with approvals.
///
/// # Errors
/// A stored card does not parse, which would be a bug.
pub fn deployment_facts(
    sources: &FactSources<'_>,
    who: &Principal,
    job: &JobRow,
    spec: &JobSpec,
    model: &ModelRow,
    approvals: &[VerifiedApproval],
) -> Result<policy::Facts> {
    let evaluation = serde_json::from_value(model.evaluation.clone()).map_err(Error::bug)?;
    Ok(policy::Facts {
        gate: policy::GatePoint::BeforeDeployment,
        actor: actor_facts(who),
        approvals: approvals.iter().map(approval_facts).collect(),
        ..evaluation_facts(sources, job, spec, &evaluation)?
    })
}

fn blank(
    config: &Config,
    now: OffsetDateTime,
    gate: policy::GatePoint,
    actor: policy::Actor,
) -> policy::Facts {
    let gates = &config.gates;
    policy::Facts {
        now: rfc3339(now),
        gate,
        actor,
        organisation: policy::Organisation {
            enforce_early: gates.enforce_early,
            fairness: policy::FairnessLimits {
                gated_attributes: gates.gated_attributes.clone(),
                parity_difference_max: gates.parity_difference_max,
                equalized_odds_difference_max: gates.equalized_odds_difference_max,
                four_fifths_min: gates.four_fifths_min,
                minimum_group_size: gates.minimum_group_size,
            },
            quality: policy::QualityLimits { accuracy_min: gates.accuracy_min },
            approvals_required: gates.approvals_required,
        },
        system: None,
        dataset: None,
        job: None,
        outcome: None,
        approvals: Vec::new(),
        submitter: None,
    }
}

fn actor_facts(who: &Principal) -> policy::Actor {
    policy::Actor { id: who.principal_id.to_string(), roles: who.roles.clone() }
}

fn system_facts(row: &SystemRow) -> Result<policy::SystemFacts> {
    let card: SystemCard = serde_json::from_value(row.card.clone()).map_err(Error::bug)?;
    Ok(policy::SystemFacts {
        id: row.system_id.to_string(),
        name: card.name,
        risk: card.risk,
        prohibited_practices: card.prohibited_practices,
        overseer: card.overseer,
        dpia_reference: card.dpia_reference,
        intended_purpose: Some(card.intended_purpose),
    })
}

fn dataset_of(row: &DatasetRow) -> Result<policy::DatasetFacts> {
    let card: DatasetCard = serde_json::from_value(row.card.clone()).map_err(Error::bug)?;
    Ok(card_facts(&row.dataset_id.to_string(), &row.training_blob, &card))
}

fn card_facts(id: &str, digest: &str, card: &DatasetCard) -> policy::DatasetFacts {
    policy::DatasetFacts {
        id: id.to_owned(),
        digest: digest.to_owned(),
        origin: card.origin.clone(),
        collection: card.collection.clone(),
        preparation: card.preparation.clone(),
        assumptions: card.assumptions.clone(),
        representativeness: card.representativeness.clone(),
        known_gaps: card.known_gaps.clone(),
        purposes: card.purposes.clone(),
        legal_bases: card.legal_bases.clone(),
        special_categories: card.special_categories.clone(),
        protected_attributes: card.schema.protected.clone(),
        retention_until: card.retention_until.clone(),
        personal_data: card.personal_data,
        large_scale: card.large_scale,
    }
}

fn job_of(spec: &JobSpec, job_id: Uuid, declared_at: OffsetDateTime) -> Result<policy::JobFacts> {
    Ok(policy::JobFacts {
        id: job_id.to_string(),
        kind: "training".into(),
        purpose: spec.purpose.clone(),
        legal_basis: spec.legal_basis.clone(),
        legitimate_interest_assessment: spec.legitimate_interest_assessment.clone(),
        columns: spec.training.features.clone(),
        minimised_excluded: spec.minimised_excluded.clone(),
        column_justifications: spec.column_justifications.clone(),
        privacy: None,
        budget_remaining: None,
        declared_metrics: spec
            .declared_metrics
            .map(|thresholds| declared(&thresholds, declared_at))
            .transpose()?,
        started_at: None,
        automated_decision: spec.automated_decision.clone(),
        bias_mitigation: spec.bias_mitigation.clone(),
    })
}

/// The thresholds stand in the admission event; their digest and time tie the run to it.
fn declared(
    thresholds: &DeclaredThresholds,
    declared_at: OffsetDateTime,
) -> Result<policy::DeclaredMetrics> {
    let canonical = chancery_audit::jcs::to_vec(thresholds).map_err(Error::bug)?;
    Ok(policy::DeclaredMetrics {
        accuracy_min: thresholds.accuracy_min,
        parity_difference_max: thresholds.parity_difference_max,
        equalized_odds_difference_max: thresholds.equalized_odds_difference_max,
        declared_at: rfc3339(declared_at),
        digest: crate::blob::digest_of(&canonical),
    })
}

/// Integers of the ledger as exact decimals.
fn allowance(loss: Loss) -> policy::Allowance {
    let decimal = |units: i64, scale: u32| {
        let base = 10_i64.pow(scale);
        format!("{}.{:0width$}", units / base, units % base, width = scale as usize)
    };
    policy::Allowance {
        epsilon: decimal(loss.epsilon_nano, 9),
        delta: decimal(loss.delta_femto, 15),
    }
}

fn approval_facts(approval: &VerifiedApproval) -> policy::Approval {
    let reviewing =
        |role: &&String| matches!(role.as_str(), "reviewer" | "data_protection_officer");
    policy::Approval {
        approver: approval.approver.to_string(),
        role: approval.roles.iter().find(reviewing).cloned().unwrap_or_default(),
        predicate_decision: match approval.verdict.as_str() {
            "approve" => policy::PredicateDecision::Approve,
            _ => policy::PredicateDecision::Reject,
        },
        signature_verified: approval.signature_verified,
    }
}

fn outcome_facts(evaluation: &Evaluation) -> policy::OutcomeFacts {
    policy::OutcomeFacts {
        accuracy: evaluation.accuracy.value,
        n: evaluation.n,
        groups: evaluation.attributes.iter().flat_map(groups_of).collect(),
        attributes: evaluation.attributes.iter().map(attribute_facts).collect(),
    }
}

fn groups_of(fairness: &AttributeFairness) -> impl Iterator<Item = policy::GroupOutcome> {
    fairness.groups.iter().map(|group| group_facts(&fairness.attribute, group))
}

fn group_facts(attribute: &str, group: &GroupMetrics) -> policy::GroupOutcome {
    policy::GroupOutcome {
        attribute: attribute.to_owned(),
        group: group.group.clone(),
        n: group.n,
        selection_rate: group.selection_rate.map(|e| e.value),
        tpr: group.tpr.map(|e| e.value),
        fpr: group.fpr.map(|e| e.value),
        fnr: group.fnr.map(|e| e.value),
        ppv: group.ppv.map(|e| e.value),
        accuracy: group.accuracy.map(|e| e.value),
    }
}

fn attribute_facts(fairness: &AttributeFairness) -> policy::AttributeOutcome {
    policy::AttributeOutcome {
        attribute: fairness.attribute.clone(),
        parity_difference: fairness.parity_difference.map(|e| e.value),
        parity_difference_ci: fairness.parity_difference.map(|e| [e.low, e.high]),
        parity_ratio: fairness.parity_ratio,
        equalized_odds_difference: fairness.equalized_odds_difference,
        smallest_group_n: fairness.groups.iter().map(|group| group.n).min().unwrap_or(0),
        insufficient: fairness.four_fifths == Verdict::InsufficientEvidence,
    }
}
