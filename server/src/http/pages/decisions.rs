//! A gate's decision: every verdict, and the exact facts it was made on.

use actix_web::web::{Data, Path};
use askama::Template;
use serde_json::Value;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::{Stamp, pretty, words};
use super::links;
use super::session::Member;
use super::shell::{Section, Shell};
use super::verdicts::VerdictView;
use crate::app::App;

#[derive(Template)]
#[template(path = "decision.html")]
struct DecisionPage {
    shell: Shell,
    decision_id: Uuid,
    gate: String,
    allow: bool,
    decided_at: Stamp,
    event_id: Uuid,
    subject_kind: String,
    subject: Option<String>,
    pack_version: String,
    pack_digest: String,
    engine: String,
    facts_digest: String,
    verdicts: Vec<VerdictView>,
    facts: String,
}

/// `GET /decisions/{decision_id}`
pub async fn decision(app: Data<App>, member: Member, decision_id: Path<Uuid>) -> PageResult {
    let row = app.store.decision_get(*decision_id).await?;
    let recorded =
        |name: &str| row.record.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let facts: Option<Value> = serde_json::from_str(&row.facts).ok();
    let gate = words(&row.gate);
    page(&DecisionPage {
        shell: member.shell(format!("Decision: {gate}"), Section::None),
        decision_id: row.decision_id,
        gate,
        allow: row.allow,
        decided_at: Stamp::new(row.decided_at),
        event_id: row.event_id,
        subject: links::subject(&row.subject_kind, &row.subject_id),
        pack_version: recorded("pack_version"),
        engine: recorded("engine"),
        facts_digest: recorded("facts_digest"),
        verdicts: VerdictView::of_record(&row.record),
        facts: facts.map_or_else(|| row.facts.clone(), |facts| pretty(&facts)),
        subject_kind: row.subject_kind,
        pack_digest: row.pack_digest,
    })
}
