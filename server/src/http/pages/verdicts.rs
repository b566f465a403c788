//! A gate's verdicts as rows of a table.

use chancery_policy::{Decision, RuleResult, Severity, Verdict};
use serde_json::Value;

/// One verdict.
#[derive(Debug)]
pub struct VerdictView {
    /// Article.
    pub article: String,
    /// Rule.
    pub rule: String,
    /// Result as prose.
    pub result: &'static str,
    /// Style of the result.
    pub class: &'static str,
    /// What a failure leads to, and whether it counts now.
    pub effect: &'static str,
    /// Why.
    pub reason: String,
    /// What to do; empty unless it failed.
    pub remedy: String,
}

impl VerdictView {
    /// Of one verdict.
    pub fn new(verdict: &Verdict) -> Self {
        let (result, class) = match verdict.result {
            RuleResult::Pass => ("pass", "good"),
            RuleResult::Fail if verdict.denies() => ("fail", "bad"),
            RuleResult::Fail => ("fail", "warn"),
            RuleResult::NotApplicable => ("not applicable", "quiet"),
            RuleResult::Error => ("error", "bad"),
        };
        let failed = matches!(verdict.result, RuleResult::Fail | RuleResult::Error);
        Self {
            article: verdict.article.clone(),
            rule: verdict.rule.clone(),
            result,
            class,
            effect: effect(verdict),
            reason: verdict.reason.clone(),
            remedy: if failed { verdict.remedy.clone() } else { String::new() },
        }
    }

    /// Of a recorded decision; denials first, what does not apply last. Empty when it does not parse,
    /// which the page of the decision shows as raw JSON anyway.
    pub fn of_record(record: &Value) -> Vec<Self> {
        let Ok(decision) = serde_json::from_value::<Decision>(record.clone()) else {
            return Vec::new();
        };
        let mut verdicts = decision.verdicts;
        verdicts.sort_by_key(|verdict| (!verdict.denies(), rank(verdict.result)));
        verdicts.iter().map(Self::new).collect()
    }
}

fn rank(result: RuleResult) -> u8 {
    match result {
        RuleResult::Error | RuleResult::Fail => 0,
        RuleResult::Pass => 1,
        RuleResult::NotApplicable => 2,
    }
}

fn effect(verdict: &Verdict) -> &'static str {
    match (verdict.severity, verdict.enforced, verdict.in_force) {
        (Severity::Report, _, _) => "reported",
        (Severity::Block, true, true) => "blocks",
        (Severity::Block, true, false) => "blocks, enforced early",
        (Severity::Block, false, _) => "not in force yet",
    }
}
