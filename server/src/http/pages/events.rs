//! The record: a list to browse, and for each event what an auditor needs to check it alone.

use actix_web::web::{Data, Path, Query};
use askama::Template;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::{Stamp, pretty, words};
use super::links;
use super::people::People;
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;
use crate::error::{Error, Result};
use crate::proofs;
use crate::store::event::EventRow;

const PAGE: usize = 50;

/// `?kind=…&before=…`
#[derive(Debug, Deserialize)]
pub struct EventFilter {
    kind: Option<String>,
    before: Option<Uuid>,
}

/// An event in a list.
#[derive(Debug)]
pub struct EventLine {
    /// Identifier.
    pub event_id: Uuid,
    /// Kind as prose.
    pub kind: String,
    /// When.
    pub at: Stamp,
    /// Who.
    pub actor: String,
    /// Kind of its subject.
    pub subject_kind: String,
    /// Page of its subject.
    pub subject: Option<String>,
    /// Place in the tree, or that it waits.
    pub leaf: String,
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    shell: Shell,
    kinds: Vec<KindOption>,
    filter: String,
    events: Vec<EventLine>,
    older: Option<String>,
    paged: bool,
}

struct KindOption {
    kind: String,
    count: i64,
    selected: bool,
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    shell: Shell,
    line: EventLine,
    actor_id: String,
    subject_id: String,
    decision: Option<String>,
    payload: Option<String>,
    payload_text: String,
    salt: String,
    entry: String,
    leaf: Option<LeafView>,
    log_key: String,
    origin: String,
}

struct LeafView {
    index: i64,
    size: i64,
    proof: String,
}

impl EventLine {
    /// Of a row.
    pub fn new(event: &EventRow, people: &People) -> Self {
        Self {
            event_id: event.event_id,
            kind: words(&event.kind),
            at: Stamp::new(event.recorded_at),
            actor: people.actor(&event.actor),
            subject_kind: event.subject_kind.clone(),
            subject: links::event_subject(&event.kind, &event.subject_kind, &event.subject_id),
            leaf: event.leaf_index.map_or_else(|| "waiting".into(), |index| index.to_string()),
        }
    }
}

/// `GET /events`
pub async fn events(app: Data<App>, member: Member, filter: Query<EventFilter>) -> PageResult {
    let people = People::load(&app.store).await?;
    // A form sends an empty field for "all".
    let kind = filter.kind.as_deref().filter(|kind| !kind.is_empty());
    // One more than shown tells whether there are older ones.
    let mut rows = app.store.event_list(kind, filter.before, PAGE as i64 + 1).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let kinds = app.store.event_kind_list().await?;
    page(&EventsPage {
        shell: member.shell("Events", Section::Events),
        kinds: kinds.into_iter().map(|(of, count)| option(of, count, kind)).collect(),
        filter: kind.map(words).unwrap_or_default(),
        older: rows.last().filter(|_| more).map(|last| older(kind, last.event_id)),
        events: rows.iter().map(|event| EventLine::new(event, &people)).collect(),
        paged: filter.before.is_some(),
    })
}

/// `GET /events/{event_id}`
pub async fn event(app: Data<App>, member: Member, event_id: Path<Uuid>) -> PageResult {
    let people = People::load(&app.store).await?;
    let event = app.store.event_get(*event_id).await?;
    let payload = event.payload_json();
    let decision = payload.pointer("/decision/decision_id").and_then(Value::as_str);
    let line = EventLine::new(&event, &people);
    page(&EventPage {
        shell: member.shell(format!("Event: {}", line.kind), Section::Events),
        leaf: leaf(&app, &event).await?,
        line,
        decision: decision.map(|id| format!("/decisions/{id}")),
        payload: event.payload.is_some().then(|| pretty(&payload)),
        payload_text: lossy(event.payload.as_deref().unwrap_or_default()),
        salt: event.salt.as_deref().map(hex::encode).unwrap_or_default(),
        entry: lossy(&event.entry),
        actor_id: event.actor,
        subject_id: event.subject_id,
        log_key: app.log_key.to_string(),
        origin: app.config.log_origin.clone(),
    })
}

async fn leaf(app: &App, event: &EventRow) -> Result<Option<LeafView>> {
    let Some(leaf_index) = event.leaf_index else { return Ok(None) };
    let head = app.store.log_head().await?;
    let index = u64::try_from(leaf_index).map_err(Error::bug)?;
    let proof = proofs::inclusion(&app.store, &head, index).await?;
    Ok(Some(LeafView { index: leaf_index, size: head.size, proof: proof.to_string() }))
}

fn option(kind: String, count: i64, wanted: Option<&str>) -> KindOption {
    let selected = wanted == Some(kind.as_str());
    KindOption { kind, count, selected }
}

fn older(kind: Option<&str>, before: Uuid) -> String {
    // A kind that found events is one we recorded: letters and underscores.
    kind.map_or_else(
        || format!("/events?before={before}"),
        |kind| format!("/events?kind={kind}&before={before}"),
    )
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
