//! Weakens the rules one reason at a time: each must be held by a golden case. Mandatory rules
//! cannot be altered at all, and are left out.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use chancery_policy::{Facts, Pack, decide};
use serde_json::Value;

const MANIFEST: &str = "pack.rego";

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The files that any rule needs: the manifest, the library and the mandatory rules.
fn common(root: &Path) -> Vec<(String, String)> {
    let mut sources = vec![(MANIFEST.to_owned(), text(&root.join(MANIFEST)))];
    for folder in ["lib", "ai_act"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
            if folder == "lib" || name.starts_with("ai_act/ai_act_5_") {
                sources.push((name, text(&path)));
            }
        }
    }
    sources
}

/// The source with one top-level statement that adds to these sets left out, for each of them.
fn mutants(source: &str, sets: &[&str]) -> Vec<(String, String)> {
    let statements: Vec<&str> = source.split("\n\n").collect();
    let adds =
        |statement: &str| sets.iter().any(|set| statement.contains(&format!("{set} contains ")));
    let is_reason = |at: &usize| adds(statements[*at]);
    (0..statements.len())
        .filter(is_reason)
        .map(|left_out| {
            let kept: Vec<_> = statements
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != left_out)
                .map(|(_, statement)| *statement)
                .collect();
            let mut still = kept.join("\n\n");
            for set in sets
                .iter()
                .filter(|set| !still.contains(&format!("{set} contains ")))
                .collect::<Vec<_>>()
            {
                still.push_str(&format!("\n\n{set} := set()\n"));
            }
            (statements[left_out].lines().next().unwrap().to_owned(), still)
        })
        .collect()
}

/// Facts, expected result and expected reason of every case of a rule.
fn cases(rule: &str) -> Vec<(Facts, Value, String)> {
    std::fs::read_dir(support::cases().join(rule))
        .unwrap()
        .map(|entry| {
            let case = support::read(&entry.unwrap().path());
            let facts = support::facts(&support::patched(&case["patch"]));
            let reason = case["expect"]["reason_contains"].as_str().unwrap_or_default().to_owned();
            (facts, case["expect"]["result"].clone(), reason)
        })
        .collect()
}

fn survives(pack: &Pack, rule: &str, cases: &[(Facts, Value, String)]) -> bool {
    cases.iter().all(|(facts, result, reason)| {
        let decision = decide(pack, facts);
        let verdict = support::verdict(&decision, rule).unwrap();
        serde_json::to_value(verdict.result).unwrap() == *result && verdict.reason.contains(reason)
    })
}

/// Rules are asked together: what stands beside one must not change its verdict.
fn unmoved_by_neighbours(alone: &Pack, rule: &str, cases: &[(Facts, Value, String)]) {
    for (facts, ..) in cases {
        let (full, alone) = (decide(support::pack(), facts), decide(alone, facts));
        assert_eq!(support::verdict(&full, rule), support::verdict(&alone, rule), "{rule}");
    }
}

#[test]
fn no_reason_can_be_left_out_unnoticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let common = common(&root);
    let (mut tried, mut survivors) = (0, Vec::new());
    for folder in ["ai_act", "approvals", "fairness", "gdpr", "privacy", "quality"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let rule = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if rule.starts_with("ai_act_5_") {
                continue;
            }
            let cases = cases(&rule);
            let alone =
                common.iter().cloned().chain([(format!("{folder}/{rule}.rego"), text(&path))]);
            unmoved_by_neighbours(&Pack::from_sources(alone.collect()).unwrap(), &rule, &cases);
            for (reason, mutant) in mutants(&text(&path), &["reasons"]) {
                tried += 1;
                let file = (format!("{folder}/{rule}.rego"), mutant);
                let sources = common.iter().cloned().chain([file]).collect();
                if survives(&Pack::from_sources(sources).unwrap(), &rule, &cases) {
                    survivors.push(format!("{rule}: {reason}"));
                }
            }
        }
    }
    assert!(tried > 40, "only {tried} reasons were found to leave out");
    assert!(survivors.is_empty(), "{} of {tried}:\n{}", survivors.len(), survivors.join("\n"));
}

/// The fairness rules share their objections, so that a mutant of the library must be noticed by
/// the cases of any of them.
#[test]
fn no_shared_objection_can_be_left_out_unnoticed() {
    const LIBRARY: &str = "lib/fairness.rego";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut others = common(&root);
    others.retain(|(file, _)| file != LIBRARY);
    let mut rules = Vec::new();
    for entry in std::fs::read_dir(root.join("fairness")).unwrap() {
        let path = entry.unwrap().path();
        let rule = path.file_stem().unwrap().to_str().unwrap().to_owned();
        others.push((format!("fairness/{rule}.rego"), text(&path)));
        rules.push((cases(&rule), rule));
    }
    let whole = others.iter().cloned().chain([(LIBRARY.to_owned(), text(&root.join(LIBRARY)))]);
    let whole = Pack::from_sources(whole.collect()).unwrap();
    assert!(rules.iter().all(|(cases, rule)| survives(&whole, rule, cases)));
    let sets = ["unsupported", "parity_objections", "odds_objections"];
    let mutants = mutants(&text(&root.join(LIBRARY)), &sets);
    assert_eq!(mutants.len(), 9, "objections were added: are they shared?");
    for (objection, mutant) in mutants {
        let file = (LIBRARY.to_owned(), mutant);
        let pack = Pack::from_sources(others.iter().cloned().chain([file]).collect()).unwrap();
        // Those that judge what the mutant concerns, on either side of the gate, must all notice.
        let survivors = rules.iter().filter(|(cases, rule)| survives(&pack, rule, cases));
        let survivors: Vec<_> = survivors.map(|(_, rule)| rule.as_str()).collect();
        let concerned = |rule: &&str| match objection.split_once('_').map(|(stem, _)| stem) {
            Some("parity") => rule.starts_with("fairness_parity"),
            Some("odds") => rule.starts_with("fairness_equalized"),
            _ => true,
        };
        let unnoticed: Vec<_> = survivors.into_iter().filter(concerned).collect();
        assert!(unnoticed.is_empty(), "{objection}: unnoticed by {unnoticed:?}");
    }
}
