//! Live progress of a job as server-sent events, resumable by `Last-Event-ID`.

use std::time::Duration;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, Stream};
use uuid::Uuid;

use super::auth::Caller;
use super::problem::HttpResult;
use crate::app::App;
use crate::error::Result;

const POLL: Duration = Duration::from_millis(300);

#[utoipa::path(get, path = "/api/v1/jobs/{job_id}/progress", tag = "jobs",
    params(("job_id" = String, Path), ("Last-Event-ID" = Option<i32>, Header)),
    responses((status = 200, description = "Server-sent events until the job has ended")))]
/// Live progress.
pub async fn job_progress(
    app: Data<App>,
    request: HttpRequest,
    _caller: Caller,
    job_id: Path<Uuid>,
) -> HttpResult {
    app.store.job_get(*job_id).await?;
    let last_event_id = request.headers().get("Last-Event-ID");
    let after = last_event_id.and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(-1);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        .insert_header(("Content-Encoding", "identity"))
        .streaming(frames(app, *job_id, after)))
}

struct Position {
    after: i32,
    ended: bool,
}

fn frames(
    app: Data<App>,
    job_id: Uuid,
    after: i32,
) -> impl Stream<Item = std::result::Result<Bytes, actix_web::Error>> {
    let start = Position { after, ended: false };
    stream::try_unfold(start, move |mut position| {
        let app = app.clone();
        async move {
            if position.ended {
                return Ok(None);
            }
            let frame =
                next_frame(&app, job_id, &mut position).await.map_err(super::problem::Problem)?;
            Ok(Some((Bytes::from(frame), position)))
        }
    })
}

/// Waits for news at most a few seconds, then sends a comment, so that a dead connection is noticed.
async fn next_frame(app: &App, job_id: Uuid, position: &mut Position) -> Result<String> {
    for _ in 0..20 {
        // State first: whatever was written before the end is read after it.
        let state = app.store.job_get(job_id).await?.state;
        let lines = app.store.job_progress_list(job_id, position.after).await?;
        let mut frame = String::new();
        for (sequence, line) in lines {
            position.after = sequence;
            frame.push_str(&format!("id: {sequence}\nevent: progress\ndata: {line}\n\n"));
        }
        if !matches!(state.as_str(), "queued" | "running") {
            position.ended = true;
            frame.push_str(&format!("event: ended\ndata: {{\"state\":\"{state}\"}}\n\n"));
        }
        if !frame.is_empty() {
            return Ok(frame);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(": still here\n\n".into())
}
