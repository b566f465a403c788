//! Quality and fairness of a model on rows it was not trained on.
//!
//! The figures describe the evaluation rows exactly; they are no part of the training loss.

use serde::{Deserialize, Serialize};

use crate::fairness::{self, AttributeFairness, Estimate};
use crate::intervals::proportion;
use crate::model::log_loss_and_accuracy;
use crate::predict::predict;
use crate::tabular::TabularData;
use crate::{KernelError, TrainedModel};

/// How probabilities become decisions, and how large a group must be to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRule {
    /// Lowest probability that is decided positive.
    pub threshold: f64,
    /// Fewest rows of a group that counts as evidence.
    pub minimum_group_size: u64,
}

impl Default for EvaluationRule {
    fn default() -> Self {
        Self { threshold: 0.5, minimum_group_size: 30 }
    }
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Rows.
    pub n: u64,
    /// The rule applied.
    pub rule: EvaluationRule,
    /// Share of right decisions.
    pub accuracy: Estimate,
    /// Mean negative log probability of the true label, in nats.
    pub log_loss: f64,
    /// One for each protected attribute of the schema.
    pub attributes: Vec<AttributeFairness>,
}

/// Evaluates `model` on `data`.
///
/// # Errors
/// [`KernelError::Spec`] for a threshold outside (0, 1), [`KernelError::Mismatch`] where the rows
/// were read under another schema or feature list.
pub fn evaluate(
    model: &TrainedModel,
    data: &TabularData,
    rule: &EvaluationRule,
) -> Result<Evaluation, KernelError> {
    if !(rule.threshold > 0.0 && rule.threshold < 1.0) {
        return Err(KernelError::spec("threshold", "is not inside (0, 1)", "give 0.5, say"));
    }
    let probabilities = predict(model, data)?;
    let decisions: Vec<bool> =
        probabilities.iter().map(|&p| f64::from(p) >= rule.threshold).collect();
    let right = decisions.iter().zip(data.labels()).filter(|(d, label)| d == label).count();
    let n = data.rows() as u64;
    let accuracy = proportion(right as u64, n)
        .ok_or_else(|| KernelError::Mismatch("there are no rows to evaluate on".into()))?;
    let attributes = data.protected().iter().map(|column| {
        fairness::from_predictions(&decisions, data.labels(), column, rule.minimum_group_size)
    });
    Ok(Evaluation {
        n,
        rule: *rule,
        accuracy,
        log_loss: log_loss_and_accuracy(&probabilities, data.labels()).0,
        attributes: attributes.collect::<Result<_, _>>()?,
    })
}

impl Evaluation {
    /// Fairness over the groups of `attribute`, where it is protected.
    pub fn attribute(&self, attribute: &str) -> Option<&AttributeFairness> {
        self.attributes.iter().find(|fairness| fairness.attribute == attribute)
    }
}
