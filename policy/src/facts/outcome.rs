//! What the run measured.

use serde::{Deserialize, Serialize};

/// The measured outcome of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeFacts {
    /// Share of correct predictions on held-out data, in `[0, 1]`.
    pub accuracy: f64,
    /// Number of held-out samples.
    pub n: u64,
    /// Figures by group.
    #[serde(default)]
    pub groups: Vec<GroupOutcome>,
    /// Differences by protected attribute.
    #[serde(default)]
    pub attributes: Vec<AttributeOutcome>,
}

/// Figures of one group. A rate whose denominator is empty is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupOutcome {
    /// The protected attribute.
    pub attribute: String,
    /// The value shared by the group.
    pub group: String,
    /// Number of samples.
    pub n: u64,
    /// Share predicted positive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection_rate: Option<f64>,
    /// True positive rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpr: Option<f64>,
    /// False positive rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fpr: Option<f64>,
    /// False negative rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fnr: Option<f64>,
    /// Positive predictive value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ppv: Option<f64>,
    /// Share of correct predictions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

/// Differences between the groups of one protected attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeOutcome {
    /// The protected attribute.
    pub attribute: String,
    /// Greatest minus least selection rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity_difference: Option<f64>,
    /// Its confidence interval, `[low, high]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity_difference_ci: Option<[f64; 2]>,
    /// Least divided by greatest selection rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parity_ratio: Option<f64>,
    /// The greater of the differences in true and in false positive rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equalized_odds_difference: Option<f64>,
    /// Size of the smallest group, in samples.
    pub smallest_group_n: u64,
    /// Whether the measurement itself says that it is no evidence.
    pub insufficient: bool,
}
