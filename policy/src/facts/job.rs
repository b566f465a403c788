//! The job: what it reads, why, on which ground, and what was fixed before it ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A job, asked for or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFacts {
    /// Id of the job.
    pub id: String,
    /// Kind of work, such as `training`.
    pub kind: String,
    /// The purpose of this processing.
    pub purpose: String,
    /// The letter of GDPR Art. 6(1) it relies on, written `6(1)(a)` to `6(1)(f)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Where the balancing test for `6(1)(f)` is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legitimate_interest_assessment: Option<String>,
    /// Columns the model reads.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Columns left out to minimise the data.
    #[serde(default)]
    pub minimised_excluded: Vec<String>,
    /// For a protected or special column the model reads all the same: why it must.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub column_justifications: BTreeMap<String, String>,
    /// Privacy loss the job will spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<Allowance>,
    /// Privacy loss left in the scarcest budget in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_remaining: Option<Allowance>,
    /// Thresholds fixed before the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_metrics: Option<DeclaredMetrics>,
    /// When the run started, RFC 3339; absent before it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Whether people are subject to its decisions alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automated_decision: Option<AutomatedDecision>,
    /// The conditions for special categories in bias work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias_mitigation: Option<BiasMitigation>,
}

/// An amount of (ε, δ) privacy loss, as plain decimals of up to 18 whole and 30 fractional
/// digits. Text, because the comparison must be exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// ε, such as `0.5`.
    pub epsilon: String,
    /// δ, such as `0.00001`.
    pub delta: String,
}

/// Thresholds fixed before the run (AI Act Art. 9).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredMetrics {
    /// Least accuracy, in `[0, 1]`.
    pub accuracy_min: f64,
    /// Greatest demographic parity difference, in `[0, 1]`.
    pub parity_difference_max: f64,
    /// Greatest equalized odds difference, in `[0, 1]`.
    pub equalized_odds_difference_max: f64,
    /// When they were fixed, RFC 3339.
    pub declared_at: String,
    /// Lower-case hex SHA-256 of the declaration as logged.
    pub digest: String,
}

/// Automated individual decision-making (GDPR Art. 22).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutomatedDecision {
    /// Whether a decision with legal or similar effect is based solely on automated processing.
    pub solely: bool,
    /// The exception relied on, written `22(2)(a)` to `22(2)(c)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception_22_2: Option<String>,
    /// How a person reaches a human who can change the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub human_review_route: Option<String>,
}

/// The six conditions of AI Act Art. 4a for special categories in bias work, and the grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BiasMitigation {
    /// Why other data, synthetic or anonymised, cannot do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_alternative_data: Option<String>,
    /// Whether re-use is technically limited and the data are pseudonymised.
    pub reuse_limited_and_pseudonymised: bool,
    /// The access control in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_control: Option<String>,
    /// Whether the data go to nobody else.
    pub no_transmission: bool,
    /// The date (`YYYY-MM-DD`) or RFC 3339 time by which they are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_by: Option<String>,
    /// The reason as it stands in the record of processing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_reason: Option<String>,
    /// When the grant to this job ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_expires_at: Option<String>,
}
