//! Golden cases: a base of facts that every gate allows, and patches on it.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chancery_policy::{Decision, Facts, Pack, Verdict};
use serde_json::Value;

/// The embedded pack, loaded once a test binary.
pub fn pack() -> &'static Pack {
    static PACK: OnceLock<Pack> = OnceLock::new();
    PACK.get_or_init(|| Pack::embedded().unwrap())
}

/// The folder of the golden cases.
pub fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// The facts that every gate allows.
pub fn base() -> Value {
    read(&cases().join("base.json"))
}

/// Reads a JSON file.
pub fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The base facts under a merge patch (RFC 7396): `null` removes a member.
pub fn patched(patch: &Value) -> Value {
    let mut facts = base();
    merge(&mut facts, patch);
    facts
}

/// Typed facts from JSON.
pub fn facts(value: &Value) -> Facts {
    Facts::parse(value.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// The verdict of one rule.
pub fn verdict<'a>(decision: &'a Decision, rule: &str) -> Option<&'a Verdict> {
    decision.verdicts.iter().find(|verdict| verdict.rule == rule)
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let members = target.as_object_mut().unwrap();
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
