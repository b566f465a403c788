//! Facts in, decision out. Nothing here can fail: whatever goes wrong becomes a denial.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::asking::{self, Answer};
use crate::engine::{self, Rego};
use crate::{Decision, Facts, GatePoint, Pack, RuleMetadata, RuleResult, Severity, Verdict};

/// Longest message of the engine that is carried into a verdict, in characters.
const MESSAGE_CHARS_MAX: usize = 400;

/// Asks every rule of the pack that stands at `facts.gate`.
///
/// Allows only where no enforced blocking rule failed or raised an error, and where the gate has
/// a rule at all.
pub fn decide(pack: &Pack, facts: &Facts) -> Decision {
    let canonical = facts.canonical_json().map_err(|error| error.to_string());
    let now = OffsetDateTime::parse(&facts.now, &Rfc3339)
        .map(|now| now.to_offset(UtcOffset::UTC))
        .map_err(|_| "facts: `now` is not an RFC 3339 time".to_owned());
    let asking = prepare(pack, &canonical, &now).map(|rego| Asking::new(rego, facts.gate));
    let mut verdicts: Vec<Verdict> = pack
        .rules_at(facts.gate)
        .map(|rule| {
            let finding = match &asking {
                Ok(asking) => asking.finding(rule),
                Err(problem) => Finding::error(problem),
            };
            verdict(pack, facts, rule, now.as_ref().ok(), finding)
        })
        .collect();
    if verdicts.is_empty() {
        verdicts.push(empty_gate());
    }
    Decision {
        allow: !verdicts.iter().any(Verdict::denies),
        gate: facts.gate,
        pack_version: pack.version().to_owned(),
        pack_digest: pack.digest().to_owned(),
        engine: engine::NAME.to_owned(),
        facts_digest: canonical.map(|json| digest(&json)).unwrap_or_default(),
        verdicts,
    }
}

fn digest(json: &str) -> String {
    hex::encode(Sha256::digest(json.as_bytes()))
}

/// An engine with the facts as its input, or the problem that every rule will report.
fn prepare(
    pack: &Pack,
    canonical: &Result<String, String>,
    now: &Result<OffsetDateTime, String>,
) -> Result<Rego, String> {
    let json = canonical.as_ref().map_err(Clone::clone)?;
    now.as_ref().map_err(Clone::clone)?;
    let mut rego = pack.rego();
    rego.set_input(json)?;
    Ok(rego)
}

/// What a rule found, before its dates and severity are weighed.
struct Finding {
    result: RuleResult,
    reason: String,
}

impl Finding {
    fn new(result: RuleResult, reason: impl Into<String>) -> Self {
        Self { result, reason: reason.into() }
    }

    fn error(problem: &str) -> Self {
        let message: String = problem.chars().take(MESSAGE_CHARS_MAX).collect();
        Self::new(RuleResult::Error, format!("the rule could not be evaluated: {message}"))
    }
}

/// The answers of a gate's rules, asked together, and the means to ask one alone.
struct Asking {
    rego: Rego,
    together: serde_json::Map<String, Value>,
}

impl Asking {
    fn new(rego: Rego, gate: GatePoint) -> Self {
        let together = match eval_guarded(&rego, &asking::gate_path(gate)) {
            Ok(Some(Value::Object(answers))) => answers,
            // One rule's error ended the evaluation for all: each will be asked alone.
            _ => serde_json::Map::new(),
        };
        Self { rego, together }
    }

    fn finding(&self, rule: &RuleMetadata) -> Finding {
        let answer = match self.together.get(&rule.id) {
            Some(answer) => Answer::parse(answer),
            None => self.ask_alone(&rule.id),
        };
        answer.and_then(weigh).unwrap_or_else(|problem| Finding::error(&problem))
    }

    fn ask_alone(&self, id: &str) -> Result<Answer, String> {
        let answer = eval_guarded(&self.rego, &asking::rule_path(id))?;
        Answer::parse(&answer.ok_or("the rule has no answer")?)
    }
}

/// A panic in the engine must end as a denial on the record, not as a request that vanished.
/// Every evaluation has a clone of its own, so that nothing torn by an error reaches the next.
fn eval_guarded(rego: &Rego, path: &str) -> Result<Option<Value>, String> {
    let mut own = rego.clone();
    let evaluated = catch_unwind(AssertUnwindSafe(|| own.eval(path)));
    evaluated.unwrap_or_else(|_| Err("the engine panicked".to_owned()))
}

fn weigh(answer: Answer) -> Result<Finding, String> {
    let found = |result, reason: &str| Ok(Finding::new(result, reason));
    match (answer.applicable, answer.pass == Some(true), answer.reasons.is_empty()) {
        (None, ..) => Err("`applicable` is undefined".to_owned()),
        (Some(false), ..) => found(RuleResult::NotApplicable, "the facts do not concern this rule"),
        (Some(true), true, true) => found(RuleResult::Pass, "the evidence asked for is present"),
        (Some(true), false, true) => {
            found(RuleResult::Fail, "a fact that the rule needs is missing")
        }
        // A rule that passes and objects at once contradicts itself, and fails.
        (Some(true), _, false) => found(RuleResult::Fail, &answer.reasons.join("; ")),
    }
}

fn verdict(
    pack: &Pack,
    facts: &Facts,
    rule: &RuleMetadata,
    now: Option<&OffsetDateTime>,
    finding: Finding,
) -> Verdict {
    // Where the time cannot be read, every rule is taken to be in force.
    let in_force = match (now, rule.first_day()) {
        (Some(now), Some(day)) => now.date() >= day,
        _ => true,
    };
    let enforced = in_force || facts.organisation.enforce_early || pack.is_mandatory(&rule.id);
    let reason = match in_force {
        true => finding.reason,
        false => format!("applies from {}: {}", rule.applies_from, finding.reason),
    };
    Verdict {
        rule: rule.id.clone(),
        article: rule.article.clone(),
        result: finding.result,
        severity: rule.severity,
        in_force,
        enforced,
        reason,
        remedy: rule.remedy.clone(),
    }
}

/// Silence is not consent: a gate at which no rule stands denies, and says so.
fn empty_gate() -> Verdict {
    Verdict {
        rule: "gate_has_rules".to_owned(),
        article: "Chancery".to_owned(),
        result: RuleResult::Error,
        severity: Severity::Block,
        in_force: true,
        enforced: true,
        reason: "the pack has no rule at this gate".to_owned(),
        remedy: "Load a pack with at least one rule at this gate.".to_owned(),
    }
}
