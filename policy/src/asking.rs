//! The Rego text through which rules are asked, generated when a pack is loaded.
//!
//! Every rule has one answer, which holds each of its parts in an array that is empty where the
//! part is undefined, and every gate the object of the answers of its rules. One evaluation then
//! answers for a whole gate, and what the rules share is computed once. An undefined part never
//! makes the answers of other rules undefined. An error, however, ends the whole evaluation, so
//! that each rule can also be asked alone.

use serde_json::Value;

use crate::{GatePoint, RuleMetadata};

/// Name under which the module of the gates is added. No file of a pack stands in its package.
pub(crate) const FILE: &str = "(gates)";

const PACKAGE: &str = "chancery.gates";
const GATES: [GatePoint; 5] = [
    GatePoint::DatasetRegistration,
    GatePoint::BeforeTraining,
    GatePoint::AfterEvaluation,
    GatePoint::BeforeDeployment,
    GatePoint::AtInference,
];

/// Name of the answer, which no file of a pack may hold.
pub(crate) const ANSWER_NAME: &str = "chancery_answer";

/// The answer, as it follows the text of every rule. It stands in the rule's own module, where
/// the engine finds the parts without a search through all modules.
///
/// `pass` and `reasons` are left alone where the rule does not apply: it may then lack the facts
/// that they would need.
pub(crate) const ANSWER: &str = r#"

chancery_answer := {
	"applicable": [part | part := applicable],
	"pass": [part | applicable == true; part := pass],
	"reasons": [part | applicable == true; part := reasons],
}
"#;

/// The module of the gates.
pub(crate) fn gates(rules: &[RuleMetadata]) -> String {
    let gate = |gate: GatePoint| {
        let at_gate = rules.iter().filter(|rule| rule.gates.contains(&gate));
        let answers = at_gate.map(|rule| format!("\t\"{}\": {}", rule.id, rule_path(&rule.id)));
        // One answer a line: the parser takes no lines beyond 1024 columns.
        format!("\n{} := {{\n{}\n}}\n", name(gate), answers.collect::<Vec<_>>().join(",\n"))
    };
    format!("package {PACKAGE}\n{}", GATES.map(gate).concat())
}

/// Path of the answer of one rule.
pub(crate) fn rule_path(id: &str) -> String {
    format!("data.chancery.rules.{id}.{ANSWER_NAME}")
}

/// Path of the answers of all rules at a gate.
pub(crate) fn gate_path(gate: GatePoint) -> String {
    format!("data.{PACKAGE}.{}", name(gate))
}

fn name(gate: GatePoint) -> &'static str {
    match gate {
        GatePoint::DatasetRegistration => "dataset_registration",
        GatePoint::BeforeTraining => "before_training",
        GatePoint::AfterEvaluation => "after_evaluation",
        GatePoint::BeforeDeployment => "before_deployment",
        GatePoint::AtInference => "at_inference",
    }
}

/// What a rule answered; a part that is undefined is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) applicable: Option<bool>,
    pub(crate) pass: Option<bool>,
    /// In their set order, so that a replay finds the same text.
    pub(crate) reasons: Vec<String>,
}

impl Answer {
    /// Reads the answer of one rule.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let part = |name: &str| value.get(name).and_then(|defined| defined.get(0));
        Ok(Self {
            applicable: part("applicable").map(|value| boolean("applicable", value)).transpose()?,
            pass: part("pass").map(|value| boolean("pass", value)).transpose()?,
            reasons: part("reasons").map(texts).transpose()?.unwrap_or_default(),
        })
    }
}

fn boolean(part: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("`{part}` is not a boolean"))
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let text = |item: &Value| item.as_str().map(str::to_owned);
    let texts = value.as_array().and_then(|items| items.iter().map(text).collect());
    texts.ok_or_else(|| "`reasons` is not a set of texts".to_owned())
}
