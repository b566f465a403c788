//! Accuracy and fairness of a model as figures, tables and drawings.

use chancery_kernels::evaluate::Evaluation;
use chancery_kernels::fairness::{AttributeFairness, Estimate, GroupMetrics, Verdict};
use serde_json::Value;

use crate::http::pages::chart::BarChart;
use crate::http::pages::format::{number, percent};

/// What was measured.
pub struct EvaluationView {
    /// Rows held out.
    pub n: u64,
    /// Share of right decisions.
    pub accuracy: String,
    /// Its interval.
    pub accuracy_interval: String,
    /// In nats.
    pub log_loss: String,
    /// Lowest probability decided positive.
    pub threshold: String,
    /// Fewest rows that count as evidence.
    pub minimum_group_size: u64,
    /// One for each protected attribute.
    pub attributes: Vec<AttributeView>,
}

/// Fairness over the groups of one attribute.
pub struct AttributeView {
    /// Its name.
    pub attribute: String,
    /// For addresses on the page.
    pub anchor: String,
    /// Selection rates.
    pub chart: BarChart,
    /// Difference of selection rates with its interval.
    pub parity_difference: String,
    /// Lowest over highest selection rate.
    pub parity_ratio: String,
    /// Larger difference of true and false positive rates.
    pub equalized_odds_difference: String,
    /// The four-fifths indicator as prose.
    pub four_fifths: &'static str,
    /// Its style.
    pub four_fifths_class: &'static str,
    /// Groups.
    pub groups: Vec<GroupRow>,
}

/// A row of the table.
pub struct GroupRow {
    /// Group.
    pub group: String,
    /// Rows.
    pub n: u64,
    /// Whether it is too small to judge.
    pub too_few: bool,
    /// Selection rate, its interval, true and false positive rate, accuracy.
    pub rates: [String; 5],
}

impl EvaluationView {
    /// Of a stored evaluation; none when it does not parse.
    pub fn of_record(record: &Value) -> Option<Self> {
        let evaluation: Evaluation = serde_json::from_value(record.clone()).ok()?;
        let attributes = evaluation.attributes.iter().enumerate();
        Some(Self {
            n: evaluation.n,
            accuracy: percent(evaluation.accuracy.value),
            accuracy_interval: interval(evaluation.accuracy),
            log_loss: number(evaluation.log_loss),
            threshold: evaluation.rule.threshold.to_string(),
            minimum_group_size: evaluation.rule.minimum_group_size,
            attributes: attributes.map(|(position, of)| AttributeView::new(position, of)).collect(),
        })
    }
}

impl AttributeView {
    fn new(position: usize, fairness: &AttributeFairness) -> Self {
        let anchor = format!("fairness-{position}");
        let (four_fifths, four_fifths_class) = match fairness.four_fifths {
            Verdict::Pass => ("pass", "good"),
            Verdict::Fail => ("fail", "bad"),
            Verdict::InsufficientEvidence => ("insufficient evidence", "warn"),
        };
        Self {
            attribute: fairness.attribute.clone(),
            chart: BarChart::selection_rates(&anchor, fairness),
            anchor,
            parity_difference: fairness.parity_difference.map_or_else(unknown, |difference| {
                let (low, high) = (number(difference.low), number(difference.high));
                format!("{} ({low} to {high})", number(difference.value))
            }),
            parity_ratio: fairness.parity_ratio.map_or_else(unknown, number),
            equalized_odds_difference: fairness
                .equalized_odds_difference
                .map_or_else(unknown, number),
            four_fifths,
            four_fifths_class,
            groups: fairness.groups.iter().map(|group| row(group, fairness)).collect(),
        }
    }
}

fn row(group: &GroupMetrics, fairness: &AttributeFairness) -> GroupRow {
    let rate = |estimate: Option<Estimate>| estimate.map_or_else(unknown, |e| percent(e.value));
    GroupRow {
        group: group.group.clone(),
        n: group.n,
        too_few: fairness.insufficient.contains(&group.group),
        rates: [
            rate(group.selection_rate),
            group.selection_rate.map_or_else(unknown, interval),
            rate(group.tpr),
            rate(group.fpr),
            rate(group.accuracy),
        ],
    }
}

fn interval(estimate: Estimate) -> String {
    format!("{} to {}", percent(estimate.low), percent(estimate.high))
}

fn unknown() -> String {
    "—".into()
}
