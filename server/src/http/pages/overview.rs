//! The first page: key figures, and what waits for the visitor.

use actix_web::web::Data;
use askama::Template;

use super::budgets::Meter;
use super::events::EventLine;
use super::fault::{PageResult, page};
use super::format::Stamp;
use super::people::People;
use super::review::{QueueItem, queue};
use super::session::Member;
use super::shell::{Section, Shell};
use crate::app::App;

const EVENTS_SHOWN: i64 = 8;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    log_origin: String,
    log_size: i64,
    published_at: Stamp,
    pending: i64,
    job_states: Vec<JobState>,
    meters: Vec<Meter>,
    waiting: Vec<QueueItem>,
    events: Vec<EventLine>,
    no_datasets: bool,
}

struct JobState {
    state: String,
    count: i64,
}

/// `GET /`
pub async fn overview(app: Data<App>, member: Member) -> PageResult {
    let people = People::load(&app.store).await?;
    let head = app.store.log_head().await?;
    let job_states = app.store.job_count_by_state().await?;
    let waiting = queue(&app, member.principal(), &people).await?;
    let events = app.store.event_list(None, None, EVENTS_SHOWN).await?;
    page(&OverviewPage {
        shell: member.shell("Overview", Section::Overview),
        log_origin: head.origin,
        log_size: head.size,
        published_at: Stamp::new(head.published_at),
        pending: app.store.event_pending_count().await?,
        job_states: job_states
            .into_iter()
            .map(|(state, count)| JobState { state, count })
            .collect(),
        meters: Meter::all(&app.store).await?,
        waiting: waiting.into_iter().filter(|item| item.waits_for_you).collect(),
        events: events.iter().map(|event| EventLine::new(event, &people)).collect(),
        no_datasets: app.store.dataset_list().await?.is_empty(),
    })
}
