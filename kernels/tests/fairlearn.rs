//! Fairness figures equal to Fairlearn's on the same decisions
//! (fixture: `tests/oracles/fairlearn_adult.py`).
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::collections::BTreeMap;

use chancery_kernels::fairness::{AttributeFairness, GroupMetrics, from_predictions};
use serde::Deserialize;

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixture {
    decisions: String,
    accuracy: f64,
    attributes: BTreeMap<String, Figures>,
}

#[derive(Deserialize)]
struct Figures {
    parity_difference: f64,
    parity_ratio: f64,
    equal_opportunity_difference: f64,
    equalized_odds_difference: f64,
    groups: BTreeMap<String, BTreeMap<String, f64>>,
}

fn close(ours: Option<f64>, theirs: f64, what: &str) {
    let ours = ours.unwrap();
    assert!((ours - theirs).abs() < TOLERANCE, "{what}: {ours} vs {theirs}");
}

fn group_equals(ours: &GroupMetrics, theirs: &BTreeMap<String, f64>) {
    let value = |estimate: Option<chancery_kernels::fairness::Estimate>| estimate.map(|e| e.value);
    let measured = [
        ("n", Some(ours.n as f64)),
        ("selection_rate", value(ours.selection_rate)),
        ("tpr", value(ours.tpr)),
        ("fpr", value(ours.fpr)),
        ("fnr", value(ours.fnr)),
        ("ppv", value(ours.ppv)),
        ("accuracy", value(ours.accuracy)),
    ];
    for (name, value) in measured {
        close(value, theirs[name], &format!("{} of {}", name, ours.group));
    }
}

fn attribute_equals(ours: &AttributeFairness, theirs: &Figures) {
    let name = &ours.attribute;
    close(ours.parity_difference.map(|e| e.value), theirs.parity_difference, name);
    close(ours.parity_ratio, theirs.parity_ratio, name);
    let opportunity = ours.equal_opportunity_difference.map(|e| e.value);
    close(opportunity, theirs.equal_opportunity_difference, name);
    close(ours.equalized_odds_difference, theirs.equalized_odds_difference, name);
    assert_eq!(ours.groups.len(), theirs.groups.len());
    ours.groups.iter().for_each(|group| group_equals(group, &theirs.groups[&group.group]));
}

#[test]
fn figures_by_sex_and_race_equal_fairlearns() {
    let json = include_str!("fixtures/fairlearn_adult.json");
    let fixture: Fixture = serde_json::from_str(json).unwrap();
    let test = support::adult_table("adult.test.gz");
    let decisions: Vec<bool> = fixture.decisions.bytes().map(|b| b == b'1').collect();
    let right = decisions.iter().zip(test.labels()).filter(|(d, l)| d == l).count();
    close(Some(right as f64 / test.rows() as f64), fixture.accuracy, "accuracy");
    assert_eq!(fixture.attributes.len(), 2);
    for (name, figures) in &fixture.attributes {
        let column = test.protected_column(name).unwrap();
        let ours = from_predictions(&decisions, test.labels(), column, 1).unwrap();
        attribute_equals(&ours, figures);
    }
    // The published figures for this model.
    let by_sex = &fixture.attributes["sex"];
    assert!((by_sex.parity_difference - 0.176_302).abs() < 5e-7);
    assert!((by_sex.equalized_odds_difference - 0.089_305).abs() < 5e-7);
}
