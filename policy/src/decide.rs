//! Facts in, decision out. Nothing here can fail: whatever goes wrong becomes a denial.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sha2::{Digest, Sha256};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::engine::{self, Rego};
use crate::{Decision, Facts, Pack, RuleMetadata, RuleResult, Severity, Verdict};

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
    let mut evaluator = prepare(pack, &canonical, &now);
    let mut verdicts: Vec<Verdict> = pack
        .rules_at(facts.gate)
        .map(|rule| {
            let finding = match &mut evaluator {
                Ok(rego) => ask_guarded(rego, rule),
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

/// A panic in the engine must end as a denial on the record, not as a request that vanished.
/// The engine is a clone made for this decision, so that nothing torn outlives it.
fn ask_guarded(rego: &mut Rego, rule: &RuleMetadata) -> Finding {
    let asked = catch_unwind(AssertUnwindSafe(|| ask(rego, rule)));
    match asked.unwrap_or_else(|_| Err("the engine panicked".to_owned())) {
        Ok(finding) => finding,
        Err(problem) => Finding::error(&problem),
    }
}

fn ask(rego: &mut Rego, rule: &RuleMetadata) -> Result<Finding, String> {
    match boolean(rego, rule, "applicable")? {
        Some(true) => {}
        Some(false) => {
            return Ok(Finding::new(
                RuleResult::NotApplicable,
                "the facts do not concern this rule",
            ));
        }
        None => return Err("`applicable` is undefined".to_owned()),
    }
    let passes = boolean(rego, rule, "pass")? == Some(true);
    let reasons = reasons(rego, rule)?;
    Ok(weigh(passes, &reasons))
}

/// A rule that passes and objects at once contradicts itself, and fails.
fn weigh(passes: bool, reasons: &[String]) -> Finding {
    match (passes, reasons.is_empty()) {
        (true, true) => Finding::new(RuleResult::Pass, "the evidence asked for is present"),
        (false, true) => Finding::new(RuleResult::Fail, "a fact that the rule needs is missing"),
        (_, false) => Finding::new(RuleResult::Fail, reasons.join("; ")),
    }
}

fn path(rule: &RuleMetadata, part: &str) -> String {
    format!("data.chancery.rules.{}.{part}", rule.id)
}

fn boolean(rego: &mut Rego, rule: &RuleMetadata, part: &str) -> Result<Option<bool>, String> {
    match rego.eval(&path(rule, part))? {
        None => Ok(None),
        Some(serde_json::Value::Bool(value)) => Ok(Some(value)),
        Some(_) => Err(format!("`{part}` is not a boolean")),
    }
}

/// The reasons in their set order, so that a replay finds the same text.
fn reasons(rego: &mut Rego, rule: &RuleMetadata) -> Result<Vec<String>, String> {
    let value = rego.eval(&path(rule, "reasons"))?.unwrap_or_else(|| serde_json::json!([]));
    serde_json::from_value(value).map_err(|_| "`reasons` is not a set of texts".to_owned())
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
