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

/// The source with one top-level `reasons` statement left out, for each of them.
fn mutants(source: &str) -> Vec<(String, String)> {
    let statements: Vec<&str> = source.split("\n\n").collect();
    let is_reason = |at: &usize| statements[*at].contains("reasons contains ");
    (0..statements.len())
        .filter(is_reason)
        .map(|left_out| {
            let kept: Vec<_> = statements
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != left_out)
                .map(|(_, statement)| *statement)
                .collect();
            let still = if kept.iter().any(|kept| kept.contains("reasons contains ")) {
                kept.join("\n\n")
            } else {
                format!("{}\n\nreasons := set()\n", kept.join("\n\n"))
            };
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
            for (reason, mutant) in mutants(&text(&path)) {
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
