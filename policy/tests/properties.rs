//! Properties over arbitrary facts.

#![allow(clippy::unwrap_used)]

mod support;

use chancery_policy::{Facts, RuleResult, decide, replay};
use proptest::prelude::*;
use serde_json::{Value, json};

const LEGAL_BASIS: &str = "gdpr_6_legal_basis";
const GATES: [&str; 5] = [
    "dataset_registration",
    "before_training",
    "after_evaluation",
    "before_deployment",
    "at_inference",
];

/// The JSON pointers of every member below `value`, arrays included.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => return,
    };
    for (name, child) in children {
        let pointer = format!("{at}/{name}");
        found.push(pointer.clone());
        pointers(child, &pointer, found);
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match value.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(name)),
        Some(Value::Array(items)) => {
            let at: usize = name.parse().unwrap();
            if at < items.len() {
                items.remove(at);
            }
        }
        _ => {}
    }
}

fn parse(value: &Value) -> Option<Facts> {
    Facts::parse(value.to_string().as_bytes()).ok()
}

/// Whether the legal-basis rule stops these facts.
fn stopped(facts: &Facts) -> bool {
    let decision = decide(support::pack(), facts);
    let verdict = support::verdict(&decision, LEGAL_BASIS).unwrap();
    matches!(verdict.result, RuleResult::Fail | RuleResult::Error)
}

/// Facts that the legal-basis rule may or may not stop.
fn legal_basis_facts() -> impl Strategy<Value = Value> {
    let letter = prop::sample::select(vec!["6(1)(a)", "6(1)(b)", "6(1)(f)", "6(1)(g)", ""]);
    let purpose = prop::sample::select(vec!["credit_scoring", "research", "advertising"]);
    let gate =
        prop::sample::select(vec!["dataset_registration", "before_training", "at_inference"]);
    let grounds = prop::collection::vec((letter.clone(), purpose.clone()), 0..4);
    let purposes = prop::collection::vec(purpose.clone(), 0..3);
    let assessment = prop::option::of(prop::sample::select(vec!["LIA-3", " "]));
    (gate, letter, purpose, grounds, purposes, assessment).prop_map(
        |(gate, letter, purpose, grounds, purposes, assessment)| {
            let grounds: Vec<_> = grounds
                .into_iter()
                .map(|(basis, purpose)| json!({ "basis": basis, "purpose": purpose }))
                .collect();
            support::patched(&json!({
                "gate": gate,
                "dataset": { "purposes": purposes, "legal_bases": grounds },
                "job": {
                    "purpose": purpose,
                    "legal_basis": letter,
                    "legitimate_interest_assessment": assessment,
                },
            }))
        },
    )
}

/// Facts in the right shape with values from nowhere.
fn arbitrary_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "NaN",
            "-1",
            "1e400",
            "0000-00-00",
            "9999-12-31",
            "6(1)(f)",
            "%v"
        ])
        .prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
        Just(json!([""])),
        Just(json!({})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_facts_never_panic_and_always_replay(
        gate in prop::sample::select(GATES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), arbitrary_value()), 1..4),
    ) {
        let mut value = support::patched(&json!({ "gate": gate }));
        for (at, new) in changes {
            let before = value.clone();
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            *value.pointer_mut(at.get(&all).as_str()).unwrap() = new;
            // Most changes break the type of a member, and a parser that says so is all there is.
            if parse(&value).is_none() {
                value = before;
            }
        }
        let facts = parse(&value).unwrap();
        let decision = decide(support::pack(), &facts);
        let denied = decision.verdicts.iter().any(|verdict| verdict.denies());
        prop_assert_eq!(decision.allow, !denied);
        prop_assert!(replay(support::pack(), &facts, &decision).is_ok());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = Facts::parse(&bytes);
    }

    #[test]
    fn removing_a_fact_never_lifts_a_denial_for_want_of_a_legal_basis(
        value in legal_basis_facts(),
        at in any::<prop::sample::Index>(),
    ) {
        let Some(facts) = parse(&value) else { return Ok(()) };
        prop_assume!(stopped(&facts));
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        // Dropping a surplus entry from a list is a correction, not a missing fact: a purpose
        // without a ground may be withdrawn. Members of objects are facts.
        all.retain(|pointer| !pointer.ends_with(|c: char| c.is_ascii_digit()));
        let removed: &String = at.get(&all);
        let mut less = value.clone();
        remove(&mut less, removed);
        if let Some(less) = parse(&less) {
            prop_assert!(stopped(&less), "removing {removed} lifted the denial");
        }
    }
}

/// Every single fact, not a sample of them: where the base is allowed, its removal may deny, and
/// where the legal basis is missing, no removal allows.
#[test]
fn no_single_removal_supplies_a_legal_basis() {
    for gate in ["before_training", "before_deployment", "at_inference"] {
        let value = support::patched(&json!({ "gate": gate, "job": { "legal_basis": null } }));
        assert!(stopped(&parse(&value).unwrap()));
        let mut all = Vec::new();
        pointers(&value, "", &mut all);
        for pointer in all {
            let mut less = value.clone();
            remove(&mut less, &pointer);
            if let Some(less) = parse(&less) {
                assert!(stopped(&less), "{gate}: removing {pointer} lifted the denial");
            }
        }
    }
}
