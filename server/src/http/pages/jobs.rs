//! Jobs: those admitted, those refused, and one job with its progress.

use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use serde_json::Value;
use uuid::Uuid;

use super::assets;
use super::fault::{PageResult, page};
use super::format::{Stamp, delta, epsilon, number, percent, plain, pretty, words};
use super::people::People;
use super::session::{Member, PlainForm};
use super::shell::{Notice, NoticeQuery, Section, Shell};
use super::verdicts::VerdictView;
use crate::app::App;
use crate::error::Result;
use crate::job::cancel::cancel;
use crate::job::settle::{may_read_failure, public_failure};
use crate::store::job::JobRow;
use crate::store::overview::{JobReservation, RefusedJobRow};
use crate::store::principal::Principal;

const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    shell: Shell,
    jobs: Vec<JobLine>,
    refused: Vec<RefusedLine>,
}

struct JobLine {
    job_id: Uuid,
    name: String,
    kind: String,
    state: String,
    class: &'static str,
    submitter: String,
    created_at: Stamp,
}

struct RefusedLine {
    name: String,
    submitter: String,
    decided_at: Stamp,
    decision_id: Uuid,
    reason: String,
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    shell: Shell,
    job: JobLine,
    live: bool,
    cancel_requested: bool,
    may_cancel: bool,
    attempt: i32,
    attempts_max: i32,
    started_at: Option<Stamp>,
    failure: Option<String>,
    model_id: Option<Uuid>,
    decision_id: Uuid,
    admitted_event_id: Uuid,
    settled_event_id: Option<Uuid>,
    summary: Vec<(&'static str, String)>,
    spec: String,
    reservations: Vec<ReservationLine>,
    progress: Vec<ProgressLine>,
    verdicts: Vec<VerdictView>,
    events: Vec<super::events::EventLine>,
}

struct ReservationLine {
    attempt: i32,
    epsilon: String,
    delta: String,
    state: String,
    reserved_event_id: Uuid,
    settled_event_id: Option<Uuid>,
}

struct ProgressLine {
    sequence: i32,
    step: String,
    accuracy: String,
    loss: String,
    epsilon: String,
}

/// `GET /jobs`
pub async fn jobs(app: Data<App>, member: Member) -> PageResult {
    let people = People::load(&app.store).await?;
    let rows = app.store.job_list(SHOWN).await?;
    let refused = app.store.refused_job_list(SHOWN).await?;
    page(&JobsPage {
        shell: member.shell("Jobs", Section::Jobs),
        jobs: rows.iter().map(|row| JobLine::new(row, &people)).collect(),
        refused: refused.iter().map(|row| RefusedLine::new(row, &people)).collect(),
    })
}

/// `GET /jobs/{job_id}`
pub async fn job(
    app: Data<App>,
    member: Member,
    job_id: Path<Uuid>,
    notice: Query<NoticeQuery>,
) -> PageResult {
    let people = People::load(&app.store).await?;
    let row = app.store.job_get(*job_id).await?;
    let decision = app.store.decision_get(row.decision_id).await?;
    let model = app.store.model_by_job(row.job_id).await?;
    let events = app.store.event_list_subject("job", &row.job_id.to_string()).await?;
    let reservations = app.store.job_reservation_list(row.job_id).await?;
    let title = format!("Job {}", row.name);
    page(&JobPage {
        shell: member.shell(title, Section::Jobs).script(&assets::PROGRESS).noticing(&notice),
        live: matches!(row.state.as_str(), "queued" | "running"),
        may_cancel: may_cancel(&row, member.principal()),
        model_id: model.map(|model| model.model_id),
        summary: summary(&row.spec),
        spec: pretty(&row.spec),
        failure: failure(&row, member.principal()).as_ref().map(plain),
        started_at: row.started_at.map(Stamp::new),
        progress: progress(&app, row.job_id).await?,
        reservations: reservations.into_iter().map(reservation).collect(),
        verdicts: VerdictView::of_record(&decision.record),
        events: events.iter().map(|e| super::events::EventLine::new(e, &people)).collect(),
        cancel_requested: row.cancel_requested,
        attempt: row.attempt,
        attempts_max: row.attempts_max,
        decision_id: row.decision_id,
        admitted_event_id: row.admitted_event_id,
        settled_event_id: row.settled_event_id,
        job: JobLine::new(&row, &people),
    })
}

/// `POST /jobs/{job_id}/cancel`
pub async fn cancel_job(
    app: Data<App>,
    member: Member,
    job_id: Path<Uuid>,
    form: Form<PlainForm>,
) -> PageResult {
    member.require_csrf(&form.csrf)?;
    cancel(&app.store, member.principal(), *job_id).await?;
    Ok(super::done(&format!("/jobs/{job_id}"), Notice::Cancelled))
}

/// Whether to offer the button; [`cancel`] asks again.
/// Free text of a failure is for the submitter and administrators: it may quote data.
fn failure(row: &JobRow, who: &Principal) -> Option<Value> {
    let failure = row.failure.as_ref()?;
    let whole = may_read_failure(who, row);
    Some(if whole { failure.clone() } else { public_failure(failure) })
}

fn may_cancel(job: &JobRow, visitor: &Principal) -> bool {
    let open = matches!(job.state.as_str(), "queued" | "running") && !job.cancel_requested;
    let own = job.submitter == visitor.principal_id;
    open && (own || visitor.require(&["administrator"]).is_ok())
}

impl JobLine {
    fn new(row: &JobRow, people: &People) -> Self {
        Self {
            job_id: row.job_id,
            name: row.name.clone(),
            kind: row.kind.clone(),
            class: match row.state.as_str() {
                "succeeded" => "good",
                "failed" => "bad",
                "running" => "warn",
                _ => "quiet",
            },
            state: row.state.clone(),
            submitter: people.name(&row.submitter),
            created_at: Stamp::new(row.created_at),
        }
    }
}

impl RefusedLine {
    fn new(row: &RefusedJobRow, people: &People) -> Self {
        let denials = VerdictView::of_record(&row.record).into_iter().filter(|v| v.class == "bad");
        let articles: Vec<String> =
            denials.map(|v| format!("{} ({})", v.article, v.rule)).collect();
        Self {
            name: row.name.clone().unwrap_or_else(|| "erased".into()),
            submitter: people.actor(&row.actor),
            decided_at: Stamp::new(row.decided_at),
            decision_id: row.decision_id,
            reason: match row.event_kind.as_str() {
                "job_refused_for_budget" => "the privacy budget no longer covered it".into(),
                _ => articles.join(", "),
            },
        }
    }
}

/// What a reader wants to know of a specification before reading all of it.
fn summary(spec: &Value) -> Vec<(&'static str, String)> {
    let wanted = [
        ("Dataset", "/dataset"),
        ("AI system", "/system"),
        ("Purpose", "/purpose"),
        ("Legal basis", "/legal_basis"),
        ("Thresholds declared before the run", "/declared_metrics"),
        ("Columns read", "/training/features"),
        ("Columns left out", "/minimised_excluded"),
        ("Hidden layers", "/training/hidden"),
        ("Duration", "/training/duration"),
        ("Privacy", "/training/privacy"),
        ("Device", "/device"),
    ];
    let value = |pointer: &str| spec.pointer(pointer).map_or_else(|| plain(&Value::Null), plain);
    wanted.into_iter().map(|(label, pointer)| (label, value(pointer))).collect()
}

fn reservation(row: JobReservation) -> ReservationLine {
    ReservationLine {
        attempt: row.attempt,
        epsilon: epsilon(row.epsilon_nano),
        delta: delta(row.delta_femto),
        state: words(&row.state),
        reserved_event_id: row.reserved_event_id,
        settled_event_id: row.settled_event_id,
    }
}

async fn progress(app: &App, job_id: Uuid) -> Result<Vec<ProgressLine>> {
    let lines = app.store.job_progress_list(job_id, -1).await?;
    Ok(lines.iter().map(|(sequence, line)| progress_line(*sequence, line)).collect())
}

/// Must read as `progress.js` writes the rows that come later.
fn progress_line(sequence: i32, line: &Value) -> ProgressLine {
    let value = |name: &str, show: fn(f64) -> String| {
        line.get(name).and_then(Value::as_f64).map_or_else(|| "—".into(), show)
    };
    let whole = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
    ProgressLine {
        sequence,
        step: format!("{} of {}", whole("step"), whole("steps")),
        accuracy: value("accuracy", percent),
        loss: value("loss", number),
        epsilon: value("epsilon_so_far", number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_with_and_without_measurements() {
        let line = serde_json::json!({
            "step": 10, "steps": 40, "accuracy": 0.8123, "loss": 0.42, "epsilon_so_far": null
        });
        let read = progress_line(0, &line);
        assert_eq!(read.step, "10 of 40");
        assert_eq!((read.accuracy.as_str(), read.loss.as_str()), ("81.2 %", "0.4200"));
        assert_eq!(read.epsilon, "—");
        assert_eq!(progress_line(0, &Value::Null).step, "0 of 0");
    }

    #[test]
    fn a_summary_says_what_is_not_provided() {
        let summary = summary(&serde_json::json!({ "dataset": "adult" }));
        assert_eq!(summary[0], ("Dataset", "adult".to_owned()));
        assert_eq!(summary[3].1, "not provided");
    }
}
