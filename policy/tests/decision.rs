//! The decision as a record: digests, dates, bounds, replay.

#![allow(clippy::unwrap_used)]

mod support;

use chancery_policy::{
    Decision, FACTS_BYTES_MAX, Facts, PolicyError, ReplayDifference, RuleResult, decide, replay,
};
use serde_json::json;
use sha2::{Digest, Sha256};

fn base() -> Facts {
    support::facts(&support::base())
}

#[test]
fn the_record_names_pack_engine_and_facts() {
    let facts = base();
    let decision = decide(support::pack(), &facts);
    let canonical = facts.canonical_json().unwrap();
    assert_eq!(decision.facts_digest, hex::encode(Sha256::digest(canonical.as_bytes())));
    assert_eq!(decision.pack_digest, support::pack().digest());
    assert_eq!(decision.engine, "regorus 0.14.1");
    let lock = include_str!("../../Cargo.lock");
    assert!(
        lock.contains("name = \"regorus\"\nversion = \"0.14.1\""),
        "the engine's name is stale"
    );
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&json).unwrap(), decision);
}

#[test]
fn a_date_of_application_is_reported_and_waits_only_where_asked() {
    let unclassified = json!({ "system": { "risk": { "annex_iii_area": null } } });
    let mut facts = support::facts(&support::patched(&unclassified));
    let rule = "ai_act_6_classification";
    for (enforce_early, now, in_force, allow) in [
        (true, "2026-11-24T09:00:00Z", false, false),
        (false, "2026-11-24T09:00:00Z", false, true),
        (false, "2027-12-01T23:59:59Z", false, true),
        (false, "2027-12-02T00:00:00Z", true, false),
        (false, "2027-12-02T00:30:00+01:00", false, true),
    ] {
        facts.organisation.enforce_early = enforce_early;
        facts.now = now.to_owned();
        let decision = decide(support::pack(), &facts);
        let verdict = support::verdict(&decision, rule).unwrap();
        assert_eq!((verdict.in_force, decision.allow), (in_force, allow), "{now} {enforce_early}");
        assert_eq!(verdict.enforced, in_force || enforce_early);
        assert_eq!(verdict.reason.starts_with("applies from 2027-12-02"), !in_force);
        assert_eq!(verdict.result, RuleResult::Fail);
    }
}

#[test]
fn early_enforcement_is_the_default() {
    let mut value = support::base();
    value["organisation"].as_object_mut().unwrap().remove("enforce_early");
    assert!(support::facts(&value).organisation.enforce_early);
}

#[test]
fn numbers_that_are_none_deny() {
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut facts = support::facts(&support::patched(&json!({ "gate": "after_evaluation" })));
        facts.outcome.as_mut().unwrap().attributes[0].parity_difference = Some(number);
        let decision = decide(support::pack(), &facts);
        assert!(!decision.allow);
        assert!(decision.verdicts.iter().all(|verdict| verdict.result == RuleResult::Error));
        assert!(decision.verdicts[0].reason.contains("/outcome/attributes/0/parity_difference"));
        assert_eq!(decision.facts_digest, "");
        replay(support::pack(), &facts, &decision).unwrap();
    }
}

#[test]
fn oversized_facts_deny_and_do_not_parse() {
    let mut facts = base();
    facts.job.as_mut().unwrap().columns = vec!["c".repeat(64); FACTS_BYTES_MAX / 64];
    assert!(!decide(support::pack(), &facts).allow);
    let json = serde_json::to_vec(&facts).unwrap();
    assert!(matches!(Facts::parse(&json), Err(PolicyError::FactsTooLarge { .. })));
}

#[test]
fn unknown_and_deeply_nested_facts_do_not_parse() {
    let mut value = support::base();
    value["system"]["risk"]["profilling"] = json!(false);
    let misspelt = Facts::parse(value.to_string().as_bytes());
    assert!(matches!(misspelt, Err(PolicyError::FactsMalformed { .. })));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(Facts::parse(deep.as_bytes()), Err(PolicyError::FactsMalformed { .. })));
}

#[test]
fn replay_finds_every_change_to_the_record() {
    let facts = base();
    let pack = support::pack();
    let record = decide(pack, &facts);
    let difference = |change: &dyn Fn(&mut Decision)| {
        let mut changed = record.clone();
        change(&mut changed);
        replay(pack, &facts, &changed).unwrap_err()
    };
    use ReplayDifference as D;
    let found = difference(&|record| record.allow = false);
    assert!(matches!(found, D::Allow { recorded: false, actual: true }));
    let found = difference(&|record| record.pack_digest.clear());
    assert!(matches!(found, D::Pack { .. }));
    let found = difference(&|record| record.pack_version.clear());
    assert!(matches!(found, D::PackVersion { .. }));
    let found = difference(&|record| record.engine.clear());
    assert!(matches!(found, D::Engine { .. }));
    let found = difference(&|record| record.facts_digest.clear());
    assert!(matches!(found, D::Facts { .. }));
    let found = difference(&|record| record.gate = chancery_policy::GatePoint::AtInference);
    assert!(matches!(found, D::Gate { .. }));
    let found = difference(&|record| record.verdicts[2].reason.push('.'));
    assert!(matches!(found, D::Verdict { rule, .. } if rule == record.verdicts[2].rule));
    let found = difference(&|record| drop(record.verdicts.pop()));
    assert!(matches!(found, D::Verdict { recorded: None, actual: Some(_), .. }));
    let mut other = facts.clone();
    other.actor.id.push('x');
    assert!(matches!(replay(pack, &other, &record), Err(D::Facts { .. })));
}
