//! Runs every file under `cases/`, and holds that every rule has the cases that show it works.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chancery_policy::{GatePoint, RuleResult, decide, replay};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    description: String,
    patch: Value,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    allow: Option<bool>,
    rule: String,
    result: RuleResult,
    #[serde(default)]
    reason_contains: String,
}

/// Every case file as (rule folder, file stem, case).
fn all() -> Vec<(String, String, Case)> {
    let folders = entries(support::cases()).into_iter().filter(|path| path.is_dir());
    folders
        .flat_map(|folder| {
            let rule = folder.file_name().unwrap().to_str().unwrap().to_owned();
            entries(folder).into_iter().map(move |file| (rule.clone(), file))
        })
        .map(|(rule, file)| {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            (rule, name, serde_json::from_value(support::read(&file)).unwrap())
        })
        .collect()
}

fn entries(folder: PathBuf) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// `None` where the case holds, else what differs.
fn difference(case: &Case) -> Option<String> {
    let facts = support::facts(&support::patched(&case.patch));
    let decision = decide(support::pack(), &facts);
    replay(support::pack(), &facts, &decision).unwrap();
    let Some(verdict) = support::verdict(&decision, &case.expect.rule) else {
        return Some("the rule was not asked at this gate".to_owned());
    };
    let holds = verdict.result == case.expect.result
        && verdict.reason.contains(&case.expect.reason_contains)
        && case.expect.allow.is_none_or(|allow| allow == decision.allow);
    if holds {
        return None;
    }
    let denials: Vec<_> = decision.denials().map(|v| (&v.rule, &v.reason)).collect();
    Some(format!("allow {}, {verdict:?}, denials {denials:?}", decision.allow))
}

#[test]
fn every_case_holds() {
    let differences: Vec<String> = all()
        .iter()
        .filter_map(|(rule, name, case)| {
            let found = difference(case)?;
            Some(format!("{rule}/{name} ({}): {found}", case.description))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_rule_has_its_kinds_of_case() {
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (rule, name, case) in all() {
        assert_eq!(rule, case.expect.rule, "{rule}/{name} expects another rule");
        let kind = name.split('_').next().unwrap().to_owned();
        let results: &[RuleResult] = match kind.as_str() {
            "pass" => &[RuleResult::Pass],
            "fail" | "missing" => &[RuleResult::Fail],
            "error" => &[RuleResult::Error],
            "not" => &[RuleResult::NotApplicable],
            other => panic!("{rule}/{name}: unknown kind {other}"),
        };
        assert!(results.contains(&case.expect.result), "{rule}/{name} is not of its kind");
        kinds.entry(rule).or_default().insert(kind);
    }
    for rule in support::pack().rules() {
        let has = kinds.remove(&rule.id).unwrap_or_default();
        for kind in ["pass", "fail", "missing", "error"] {
            assert!(has.contains(kind), "{} has no case of kind {kind}", rule.id);
        }
    }
    assert!(kinds.is_empty(), "cases for unknown rules: {kinds:?}");
}

#[test]
fn the_base_is_allowed_at_every_gate() {
    for gate in [
        GatePoint::DatasetRegistration,
        GatePoint::BeforeTraining,
        GatePoint::AfterEvaluation,
        GatePoint::BeforeDeployment,
        GatePoint::AtInference,
    ] {
        let mut facts = support::facts(&support::base());
        facts.gate = gate;
        let decision = decide(support::pack(), &facts);
        assert!(decision.allow, "{gate:?}: {:?}", decision.denials().collect::<Vec<_>>());
        assert!(decision.verdicts.iter().any(|verdict| verdict.result == RuleResult::Pass));
    }
}
