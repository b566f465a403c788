//! Errors as pages: the same classes and words as the API's problem details.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use chancery_policy::Verdict;

use super::shell::{Section, Shell};
use super::verdicts::VerdictView;
use crate::error::Error;
use crate::http::problem::{Problem, class};

/// An [`Error`] on its way out as a page.
#[derive(Debug)]
pub struct PageFault(pub Error);

/// Result of a page.
pub type PageResult = Result<HttpResponse, PageFault>;

impl From<Error> for PageFault {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for PageFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    shell: Shell,
    status: u16,
    title: &'static str,
    detail: String,
    decision: Option<String>,
    event: Option<String>,
    verdicts: Vec<VerdictView>,
}

impl ResponseError for PageFault {
    fn status_code(&self) -> StatusCode {
        class(&self.0).0
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        if status.is_server_error() {
            tracing::error!(error = %self.0, "a page failed");
        }
        let title = class(&self.0).2;
        let (decision, event, denials) = denial(&self.0);
        let page = FaultPage {
            shell: Shell::without_visitor(title, Section::None),
            status: status.as_u16(),
            title,
            detail: detail(&self.0),
            decision,
            event,
            verdicts: denials.iter().map(VerdictView::new).collect(),
        };
        respond(status, &page).unwrap_or_else(|_| HttpResponse::new(status))
    }
}

/// A page as a response. Pages are about people: nothing between here and the reader may keep them.
///
/// # Errors
/// The template fails, which would be a bug.
pub fn respond(status: StatusCode, page: &impl Template) -> PageResult {
    let body = page.render().map_err(Error::bug)?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header(("Cache-Control", "no-store"))
        .body(body))
}

/// A page that went well.
///
/// # Errors
/// The template fails, which would be a bug.
pub fn page(page: &impl Template) -> PageResult {
    respond(StatusCode::OK, page)
}

/// What may be said outside: a database's own words stay in the server's log.
fn detail(error: &Error) -> String {
    match error {
        Error::Database(inner) if inner.is_unavailable() => {
            "Try again in a moment. Nothing was changed.".into()
        }
        Error::Database(_) | Error::Bug(_) => {
            "The server’s log has the details. Nothing was changed.".into()
        }
        Error::Dependency { what, .. } => format!("{what} failed. Try again in a moment."),
        Error::Denied { .. } => "The rules below said no. The denial is on record.".into(),
        other => sentence(&other.to_string()),
    }
}

/// Errors are worded for JSON, in lower case and without a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", characters.as_str())
}

fn denial(error: &Error) -> (Option<String>, Option<String>, Vec<Verdict>) {
    match error {
        Error::Denied { decision_id, event_id, decision } => (
            Some(format!("/decisions/{decision_id}")),
            Some(format!("/events/{event_id}")),
            decision.denials().cloned().collect(),
        ),
        _ => (None, None, Vec::new()),
    }
}

/// Extractors of the API answer problem details; pages show the same error as a page.
impl From<Problem> for PageFault {
    fn from(problem: Problem) -> Self {
        Self(problem.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_escapes_what_was_asked_for() {
        let fault = PageFault(Error::NotFound { what: "page", name: "/<script>".into() });
        let page = FaultPage {
            shell: Shell::without_visitor(class(&fault.0).2, Section::None),
            status: 404,
            title: class(&fault.0).2,
            detail: detail(&fault.0),
            decision: None,
            event: None,
            verdicts: Vec::new(),
        };
        let html = page.to_string();
        assert!(html.contains("No page"));
        assert!(!html.contains("<script>"));
    }

    #[test]
    fn inner_words_stay_inside() {
        assert!(!detail(&Error::Bug("secret path".into())).contains("secret"));
        assert_eq!(sentence("try again"), "Try again.");
        assert_eq!(sentence(""), ".");
    }
}
