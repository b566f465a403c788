//! Errors as problem details (RFC 9457): a stable type, what, where, and what to do.

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use chancery_policy::Decision;
use serde_json::{Value, json};

use crate::error::Error;

/// An [`Error`] on its way out.
#[derive(Debug)]
pub struct Problem(pub Error);

/// Result of a handler.
pub type HttpResult = Result<HttpResponse, Problem>;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        class(&self.0).0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, kind, title) = class(&self.0);
        if status.is_server_error() {
            tracing::error!(error = %self.0, "request failed");
        }
        let mut body = json!({
            "type": format!("urn:chancery:problem:{kind}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail(&self.0),
        });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, extensions(&self.0)) {
            body.extend(more);
        }
        let mut response = HttpResponse::build(status);
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        response.insert_header(ContentType(mime())).body(body.to_string())
    }
}

/// The answer where nothing is served.
pub async fn not_found(request: HttpRequest) -> HttpResponse {
    Problem(Error::NotFound { what: "resource", name: request.path().to_owned() }).error_response()
}

/// Status, type and title: one row for each blame.
pub(super) fn class(error: &Error) -> (StatusCode, &'static str, &'static str) {
    match error {
        Error::Invalid { .. } => {
            (StatusCode::BAD_REQUEST, "invalid-request", "The request cannot be used")
        }
        Error::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large"),
        Error::Unauthenticated(_) => {
            (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in to do this")
        }
        Error::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden", "You may not do this"),
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", "Not found"),
        Error::Conflict(_) => {
            (StatusCode::CONFLICT, "conflict", "This does not fit the present state")
        }
        Error::Denied { .. } => (StatusCode::FORBIDDEN, "denied-by-policy", "Denied by policy"),
        Error::Budget(_) => (
            StatusCode::CONFLICT,
            "privacy-budget-exhausted",
            "The privacy budget does not cover this",
        ),
        Error::Database(inner) if inner.is_unavailable() => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database cannot be reached")
        }
        Error::Dependency { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "A dependency failed")
        }
        Error::Integrity(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "integrity", "The record is damaged")
        }
        Error::Database(_) | Error::Bug(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
        }
    }
}

/// What may be said outside: a database's own words stay in the server's log.
fn detail(error: &Error) -> String {
    match error {
        Error::Database(inner) if inner.is_unavailable() => {
            "try again in a moment; nothing was changed".into()
        }
        Error::Database(_) | Error::Bug(_) => {
            "the server's log has the details; nothing was changed".into()
        }
        Error::Dependency { what, .. } => format!("{what} failed; try again in a moment"),
        Error::Denied { decision, .. } => explain(decision),
        other => other.to_string(),
    }
}

fn explain(decision: &Decision) -> String {
    let reasons: Vec<String> = decision
        .denials()
        .map(|v| format!("{} ({}): {}. {}", v.article, v.rule, v.reason, v.remedy))
        .collect();
    reasons.join(" ")
}

fn extensions(error: &Error) -> Value {
    match error {
        Error::Invalid { at, .. } => json!({ "at": at }),
        Error::Denied { decision_id, event_id, decision } => json!({
            "decision_id": decision_id,
            "receipt": crate::job::dataset::receipt(*event_id),
            "pack_digest": decision.pack_digest,
            "reasons": decision.denials().collect::<Vec<_>>(),
        }),
        _ => json!({}),
    }
}

fn mime() -> mime_type::Mime {
    "application/problem+json".parse().unwrap_or(mime_type::APPLICATION_JSON)
}

use actix_web::mime as mime_type;
