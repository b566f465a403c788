//! Fairness of decisions by group, as Fairlearn computes it, with intervals and a floor on group
//! size: a group too small to judge reads as insufficient evidence, never as a pass.

use serde::{Deserialize, Serialize};

use crate::KernelError;
pub use crate::intervals::Estimate;
use crate::intervals::{difference, proportion};
use crate::tabular::ProtectedColumn;

/// Lowest ratio of selection rates under the four-fifths rule (29 CFR 1607.4 D). It is an
/// indicator of United States employment practice, no general test of fairness.
const FOUR_FIFTHS: f64 = 0.8;

/// Decisions of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupMetrics {
    /// Name of the group.
    pub group: String,
    /// Rows.
    pub n: u64,
    /// Rows whose true label is positive.
    pub positives: u64,
    /// Share of rows decided positive.
    pub selection_rate: Option<Estimate>,
    /// True positive rate.
    pub tpr: Option<Estimate>,
    /// False positive rate.
    pub fpr: Option<Estimate>,
    /// False negative rate.
    pub fnr: Option<Estimate>,
    /// Positive predictive value.
    pub ppv: Option<Estimate>,
    /// Share of right decisions.
    pub accuracy: Option<Estimate>,
}

/// Decisions over the groups of one protected attribute.
///
/// Differences are between the groups with the highest and the lowest rate among those of
/// sufficient size, and absent where fewer than two have the rate. The interval does not allow for
/// the two groups having been picked for their rates, so with many groups it is too narrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeFairness {
    /// The protected attribute.
    pub attribute: String,
    /// Its groups with at least one row.
    pub groups: Vec<GroupMetrics>,
    /// Demographic parity: difference of selection rates.
    pub parity_difference: Option<Estimate>,
    /// Lowest over highest selection rate; 1 where nobody is selected.
    pub parity_ratio: Option<f64>,
    /// Difference of true positive rates.
    pub equal_opportunity_difference: Option<Estimate>,
    /// Larger of the differences of true and of false positive rates.
    pub equalized_odds_difference: Option<f64>,
    /// Whether the parity ratio reaches four fifths.
    pub four_fifths: Verdict,
    /// Groups below the minimum size: they are in no difference.
    pub insufficient: Vec<String>,
}

/// Outcome of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds for all groups.
    Pass,
    /// It does not hold between groups of sufficient size.
    Fail,
    /// It holds as far as groups are large enough, and some are not.
    InsufficientEvidence,
}

/// Fairness of `predictions` against `labels` over the groups of one attribute.
///
/// # Errors
/// [`KernelError::Mismatch`] where lengths differ or a code names no group.
pub fn from_predictions(
    predictions: &[bool],
    labels: &[bool],
    column: &ProtectedColumn,
    minimum_group_size: u64,
) -> Result<AttributeFairness, KernelError> {
    let groups = group_metrics(predictions, labels, column)?;
    let (judged, small): (Vec<&GroupMetrics>, Vec<&GroupMetrics>) =
        groups.iter().partition(|group| group.n >= minimum_group_size.max(1));
    let insufficient: Vec<String> = small.iter().map(|group| group.group.clone()).collect();
    let selection = extremes(&judged, |group| group.selection_rate);
    let tpr = extremes(&judged, |group| group.tpr).map(spread);
    let fpr = extremes(&judged, |group| group.fpr).map(spread);
    let parity_ratio = selection.map(ratio);
    Ok(AttributeFairness {
        attribute: column.attribute.clone(),
        parity_difference: selection.map(spread),
        parity_ratio,
        equal_opportunity_difference: tpr,
        equalized_odds_difference: tpr.zip(fpr).map(|(t, f)| t.value.max(f.value)),
        four_fifths: verdict(parity_ratio, insufficient.is_empty()),
        insufficient,
        groups,
    })
}

/// Counts of one group's decisions.
#[derive(Clone, Copy, Default)]
struct Confusion {
    true_positive: u64,
    false_positive: u64,
    true_negative: u64,
    false_negative: u64,
}

fn group_metrics(
    predictions: &[bool],
    labels: &[bool],
    column: &ProtectedColumn,
) -> Result<Vec<GroupMetrics>, KernelError> {
    if predictions.len() != labels.len() || labels.len() != column.codes.len() {
        return Err(KernelError::Mismatch(
            "predictions, labels and group codes differ in length".into(),
        ));
    }
    let mut counts = vec![Confusion::default(); column.groups.len()];
    for ((&predicted, &label), &code) in predictions.iter().zip(labels).zip(&column.codes) {
        let confusion = counts.get_mut(code as usize).ok_or_else(|| {
            KernelError::Mismatch(format!("`{}` has no group {code}", column.attribute))
        })?;
        *match (predicted, label) {
            (true, true) => &mut confusion.true_positive,
            (true, false) => &mut confusion.false_positive,
            (false, false) => &mut confusion.true_negative,
            (false, true) => &mut confusion.false_negative,
        } += 1;
    }
    let named = column.groups.iter().zip(counts);
    Ok(named.map(|(name, c)| c.metrics(name)).filter(|group| group.n > 0).collect())
}

impl Confusion {
    fn metrics(self, group: &str) -> GroupMetrics {
        let Self { true_positive, false_positive, true_negative, false_negative } = self;
        let positives = true_positive + false_negative;
        let negatives = true_negative + false_positive;
        let selected = true_positive + false_positive;
        let n = positives + negatives;
        GroupMetrics {
            group: group.to_owned(),
            n,
            positives,
            selection_rate: proportion(selected, n),
            tpr: proportion(true_positive, positives),
            fpr: proportion(false_positive, negatives),
            fnr: proportion(false_negative, positives),
            ppv: proportion(true_positive, selected),
            accuracy: proportion(true_positive + true_negative, n),
        }
    }
}

/// The highest and the lowest of a rate, where at least two groups have it.
fn extremes(
    groups: &[&GroupMetrics],
    rate: impl Fn(&GroupMetrics) -> Option<Estimate>,
) -> Option<(Estimate, Estimate)> {
    let rates: Vec<Estimate> = groups.iter().filter_map(|group| rate(group)).collect();
    let by_value = |a: &&Estimate, b: &&Estimate| a.value.total_cmp(&b.value);
    let highest = rates.iter().max_by(by_value)?;
    let lowest = rates.iter().min_by(by_value)?;
    (rates.len() >= 2).then_some((*highest, *lowest))
}

fn spread((highest, lowest): (Estimate, Estimate)) -> Estimate {
    difference(highest, lowest)
}

fn ratio((highest, lowest): (Estimate, Estimate)) -> f64 {
    if highest.value == 0.0 { 1.0 } else { lowest.value / highest.value }
}

fn verdict(ratio: Option<f64>, all_groups_judged: bool) -> Verdict {
    match ratio {
        Some(ratio) if ratio < FOUR_FIFTHS => Verdict::Fail,
        Some(_) if all_groups_judged => Verdict::Pass,
        _ => Verdict::InsufficientEvidence,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn column(codes: Vec<u32>) -> ProtectedColumn {
        let groups = vec!["a".into(), "b".into(), "c".into()];
        ProtectedColumn { attribute: "x".into(), groups, codes }
    }

    #[test]
    fn a_small_group_is_insufficient_evidence_and_never_a_pass() {
        let codes: Vec<u32> = [vec![0; 50], vec![1; 50], vec![2; 3]].concat();
        let predictions: Vec<bool> = (0..103).map(|i| i % 2 == 0).collect();
        let labels = vec![true; 103];
        let column = column(codes);
        let judged = from_predictions(&predictions, &labels, &column, 30).unwrap();
        assert_eq!(judged.insufficient, ["c"]);
        assert_eq!(judged.four_fifths, Verdict::InsufficientEvidence);
        assert_eq!(judged.parity_difference.unwrap().value, 0.0);
        // No negative label: no false positive rate, so no equalised odds either.
        assert_eq!(judged.equalized_odds_difference, None);
        let lax = from_predictions(&predictions, &labels, &column, 1).unwrap();
        assert_eq!(lax.four_fifths, Verdict::Fail);
    }

    #[test]
    fn lengths_and_codes_are_checked() {
        assert!(from_predictions(&[true], &[], &column(vec![0]), 1).is_err());
        assert!(from_predictions(&[true], &[true], &column(vec![3]), 1).is_err());
    }

    proptest! {
        #[test]
        fn rates_are_shares_and_differences_ordered(
            rows in proptest::collection::vec((any::<bool>(), any::<bool>(), 0_u32..3), 1..200)
        ) {
            let predictions: Vec<bool> = rows.iter().map(|r| r.0).collect();
            let labels: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let column = column(rows.iter().map(|r| r.2).collect());
            let judged = from_predictions(&predictions, &labels, &column, 1).unwrap();
            prop_assert_eq!(judged.groups.iter().map(|g| g.n).sum::<u64>(), rows.len() as u64);
            if let Some(d) = judged.parity_difference {
                prop_assert!(0.0 <= d.value && d.low <= d.value && d.value <= d.high);
            }
            for group in &judged.groups {
                let rate = group.selection_rate.unwrap();
                prop_assert!(0.0 <= rate.low && rate.low <= rate.value && rate.high <= 1.0);
            }
        }
    }
}
