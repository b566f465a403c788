//! What comes out of a gate.

use serde::{Deserialize, Serialize};

use crate::{GatePoint, Severity};

/// The answer of a gate, with the verdict of every rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Whether the gate lets the facts pass.
    pub allow: bool,
    /// The gate.
    pub gate: GatePoint,
    /// Version of the pack.
    pub pack_version: String,
    /// Lower-case hex digest of the pack, see [`crate::Pack::digest`].
    pub pack_digest: String,
    /// Name and version of the engine.
    pub engine: String,
    /// Lower-case hex SHA-256 of the facts as canonical JSON (RFC 8785). Empty where the facts
    /// have no canonical form; such a decision denies.
    pub facts_digest: String,
    /// Verdicts in the order of the rule ids.
    pub verdicts: Vec<Verdict>,
}

impl Decision {
    /// The verdicts on account of which the gate denies.
    pub fn denials(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.denies())
    }
}

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Id of the rule.
    pub rule: String,
    /// The article it restates.
    pub article: String,
    /// What it found.
    pub result: RuleResult,
    /// What a failure leads to.
    pub severity: Severity,
    /// Whether the rule already applies at the time of the decision.
    pub in_force: bool,
    /// Whether a failure counts now: in force, enforced early, or beyond any setting.
    pub enforced: bool,
    /// Why, in sentences for a reader.
    pub reason: String,
    /// What to do about a failure.
    pub remedy: String,
}

impl Verdict {
    /// Whether this verdict alone makes the gate deny.
    pub fn denies(&self) -> bool {
        let found = matches!(self.result, RuleResult::Fail | RuleResult::Error);
        found && self.enforced && self.severity == Severity::Block
    }
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleResult {
    /// The evidence asked for is present and within its limits.
    Pass,
    /// Evidence is absent, expired, insufficient or beyond a limit.
    Fail,
    /// The rule says that the facts do not concern it.
    NotApplicable,
    /// The rule could not be evaluated.
    Error,
}
