//! Which facts a report states, and where in which event each stands.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// An event as claims see it.
pub struct Fact {
    /// Past fact.
    pub kind: String,
    /// Identifier.
    pub event_id: Uuid,
    /// Its payload; null when erased.
    pub payload: Value,
}

/// Claims on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Claims in reading order.
    pub claims: Vec<Claim>,
}

/// One stated fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// What is stated.
    pub label: String,
    /// The value as it stands in the event; absent reads "not provided".
    pub value: Option<Value>,
    /// The event it stands in.
    pub event_id: Option<Uuid>,
    /// Place in the event's payload (RFC 6901).
    pub pointer: Option<String>,
}

struct Wanted {
    title: &'static str,
    event_kinds: &'static [&'static str],
    fields: &'static [(&'static str, &'static str)],
}

const WANTED: &[Wanted] = &[
    Wanted {
        title: "Purpose and risk (AI Act Art. 6, Annex III)",
        event_kinds: &["system_registered"],
        fields: &[
            ("System", "/card/name"),
            ("Intended purpose", "/card/intended_purpose"),
            ("Annex III area", "/card/risk/annex_iii_area"),
            ("Annex III point", "/card/risk/annex_iii_point"),
            ("Profiling", "/card/risk/profiling"),
            ("Overseer", "/card/overseer"),
            ("Impact assessment (GDPR Art. 35)", "/card/dpia_reference"),
        ],
    },
    Wanted {
        title: "Data governance (AI Act Art. 10)",
        event_kinds: &["dataset_registered"],
        fields: &[
            ("Dataset", "/detail/registration/card/name"),
            ("Digest of the training split", "/detail/registration/training_blob"),
            ("Digest of the held-out split", "/detail/registration/evaluation_blob"),
            ("Training rows", "/detail/training_rows"),
            ("Origin", "/detail/registration/card/origin"),
            ("Collection", "/detail/registration/card/collection"),
            ("Preparation", "/detail/registration/card/preparation"),
            ("Assumptions", "/detail/registration/card/assumptions"),
            ("Representativeness", "/detail/registration/card/representativeness"),
            ("Known gaps", "/detail/registration/card/known_gaps"),
            ("Protected attributes", "/detail/registration/card/schema/protected"),
            ("Retention until", "/detail/registration/card/retention_until"),
        ],
    },
    Wanted {
        title: "Lawfulness (GDPR Art. 5, 6, 22)",
        event_kinds: &["job_admitted"],
        fields: &[
            ("Purpose of processing", "/detail/spec/purpose"),
            ("Legal basis", "/detail/spec/legal_basis"),
            ("Legitimate-interest assessment", "/detail/spec/legitimate_interest_assessment"),
            ("Columns left out", "/detail/spec/minimised_excluded"),
            ("Solely automated decision", "/detail/spec/automated_decision/solely"),
            ("Thresholds fixed before the run", "/detail/spec/declared_metrics"),
        ],
    },
    Wanted {
        title: "Training",
        event_kinds: &["job_settled"],
        fields: &[
            ("State", "/state"),
            ("Artefact SHA-256", "/detail/artefact_sha256"),
            ("Parameters", "/detail/parameters"),
            ("Device", "/detail/device"),
            ("Processor seconds", "/detail/processor_seconds"),
        ],
    },
];

/// All sections over the events of one model.
pub fn sections(events: &[Fact]) -> Vec<Section> {
    let mut sections: Vec<Section> = WANTED.iter().map(|wanted| fixed(wanted, events)).collect();
    let evaluated = ["model_passed_evaluation", "model_failed_evaluation"];
    let measured = events.iter().find(|event| evaluated.contains(&event.kind.as_str()));
    // Every attempt that may have touched the data is spent: the loss is their sum.
    sections.push(repeated(
        "Privacy loss of each attempt; the total is their sum",
        events,
        "budget_committed",
        &[("ε spent, in 10⁻⁹", "/epsilon_nano"), ("δ spent, in 10⁻¹⁵", "/delta_femto")],
    ));
    sections.push(performance(measured));
    sections.extend(measured.map(fairness));
    sections.push(repeated(
        "Approvals (four eyes)",
        events,
        "approval_recorded",
        &[("Verdict", "/verdict"), ("Key", "/key_id"), ("Received", "/received_at")],
    ));
    sections.push(repeated(
        "Deployment",
        events,
        "deployment_activated",
        &[("Name", "/detail/name"), ("Artefact SHA-256", "/detail/artefact_sha256")],
    ));
    sections.extend(events.iter().filter_map(verdicts));
    sections
}

fn fixed(wanted: &Wanted, events: &[Fact]) -> Section {
    let event = events.iter().rfind(|event| wanted.event_kinds.contains(&event.kind.as_str()));
    let claims =
        wanted.fields.iter().map(|(label, pointer)| claim(label, event, pointer)).collect();
    Section { title: wanted.title.into(), claims }
}

fn performance(measured: Option<&Fact>) -> Section {
    let at = |name: &str| format!("/detail/evaluation/{name}");
    let claims = [
        ("Held-out rows", "n"),
        ("Accuracy", "accuracy/value"),
        ("Accuracy, lower 95%", "accuracy/low"),
        ("Accuracy, upper 95%", "accuracy/high"),
        ("Log loss, nats", "log_loss"),
    ];
    Section {
        title: "Performance (AI Act Art. 15)".into(),
        claims: claims.iter().map(|(label, name)| claim(label, measured, &at(name))).collect(),
    }
}

/// One block of claims for each protected attribute and group.
fn fairness(measured: &Fact) -> Section {
    let payload = &measured.payload;
    let mut claims = Vec::new();
    let attributes = items(payload, "/detail/evaluation/attributes");
    for (position, attribute) in attributes.iter().enumerate() {
        let at = format!("/detail/evaluation/attributes/{position}");
        let name = attribute.get("attribute").and_then(Value::as_str).unwrap_or("?");
        for (label, field) in [
            ("parity difference", "parity_difference/value"),
            ("parity difference, lower 95%", "parity_difference/low"),
            ("parity difference, upper 95%", "parity_difference/high"),
            ("parity ratio", "parity_ratio"),
            ("equalized-odds difference", "equalized_odds_difference"),
            ("four-fifths indicator", "four_fifths"),
        ] {
            claims.push(claim(
                &format!("{name}: {label}"),
                Some(measured),
                &format!("{at}/{field}"),
            ));
        }
        for (number, group) in items(attribute, "/groups").iter().enumerate() {
            let group = group.get("group").and_then(Value::as_str).unwrap_or("?");
            for (label, field) in [("n", "n"), ("selection rate", "selection_rate/value")] {
                let pointer = format!("{at}/groups/{number}/{field}");
                claims.push(claim(&format!("{name} = {group}: {label}"), Some(measured), &pointer));
            }
        }
    }
    Section { title: "Fairness by group".into(), claims }
}

fn repeated(title: &str, events: &[Fact], kind: &str, fields: &[(&str, &str)]) -> Section {
    let mut claims: Vec<Claim> = events
        .iter()
        .filter(|event| event.kind == kind)
        .flat_map(|event| fields.iter().map(move |(label, at)| claim(label, Some(event), at)))
        .collect();
    if claims.is_empty() {
        claims = fields.iter().map(|(label, at)| claim(label, None, at)).collect();
    }
    Section { title: title.into(), claims }
}

/// The verdicts of a gate decision, when the event carries one.
fn verdicts(event: &Fact) -> Option<Section> {
    let payload = &event.payload;
    let gate = payload.pointer("/decision/gate")?.as_str()?.to_owned();
    let mut claims = vec![claim("Allowed", Some(event), "/decision/allow")];
    claims.push(claim("Rule pack", Some(event), "/decision/pack_digest"));
    for (position, verdict) in items(payload, "/decision/verdicts").iter().enumerate() {
        let text = |key: &str| verdict.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        let label = format!("{} ({})", text("article"), text("rule"));
        claims.push(claim(&label, Some(event), &format!("/decision/verdicts/{position}/result")));
    }
    Some(Section { title: format!("Gate: {}", gate.replace('_', " ")), claims })
}

fn claim(label: &str, event: Option<&Fact>, pointer: &str) -> Claim {
    let value = event.and_then(|event| event.payload.pointer(pointer).cloned());
    let found = value.as_ref().is_some_and(|value| !value.is_null());
    Claim {
        label: label.to_owned(),
        value: value.filter(|value| !value.is_null()),
        event_id: event.filter(|_| found).map(|event| event.event_id),
        pointer: found.then(|| pointer.to_owned()),
    }
}

fn items(value: &Value, pointer: &str) -> Vec<Value> {
    value.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}
