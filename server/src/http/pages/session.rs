//! Signing in with a token, signing out, and who may see a page.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Data, Form, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use serde::Deserialize;

use super::fault::{PageFault, PageResult, page, respond};
use super::shell::{Notice, NoticeQuery, Section, Shell};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::auth::{SESSION_COOKIE, Visitor, session_cookie};
use crate::job::people::token_digest;
use crate::job::session;
use crate::store::principal::{Principal, Session};

/// Somebody who is signed in. Everybody else is led to the sign-in page and back.
pub struct Member(Session);

/// Why a page is not shown.
#[derive(Debug)]
pub enum Turned {
    /// Not signed in: where to come back to.
    SignIn(String),
    /// Another error.
    Fault(PageFault),
}

impl FromRequest for Member {
    type Error = Turned;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self, Turned>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visitor = Visitor::from_request(request, payload);
        // A form cannot be sent again after signing in: its page is where to go back to.
        let back = if request.method().is_safe() { request.uri().to_string() } else { "/".into() };
        Box::pin(async move {
            visitor.await.map(|Visitor(session)| Self(session)).map_err(|problem| match problem.0 {
                Error::Unauthenticated(_) => Turned::SignIn(back),
                error => Turned::Fault(PageFault(error)),
            })
        })
    }
}

impl std::fmt::Display for Turned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignIn(_) => f.write_str("sign in first"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl ResponseError for Turned {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::SignIn(_) => StatusCode::SEE_OTHER,
            Self::Fault(fault) => fault.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::SignIn(back) => see_other(&format!("/sign-in?next={}", escape_query(back))),
            Self::Fault(fault) => fault.error_response(),
        }
    }
}

impl Member {
    /// Who.
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The frame of a page for them.
    pub fn shell(&self, title: impl Into<String>, section: Section) -> Shell {
        Shell::new(title, section, &self.0)
    }

    /// Lets a form through that one of our pages made for this session.
    ///
    /// # Errors
    /// The token is not that of this session.
    pub fn require_csrf(&self, given: &str) -> Result<()> {
        require_csrf(&self.0, given)
    }
}

/// Compares by digest, so that the time taken tells nothing of the token.
///
/// # Errors
/// The token is not that of this session.
pub fn require_csrf(session: &Session, given: &str) -> Result<()> {
    if token_digest(given) == token_digest(&session.csrf_token) {
        return Ok(());
    }
    Err(Error::Unauthenticated(
        "this form belongs to another session; load its page again and send it once more",
    ))
}

/// `?next=…` of the sign-in page.
#[derive(Debug, Default, Deserialize)]
pub struct SignInQuery {
    next: Option<String>,
    #[serde(default)]
    notice: Option<Notice>,
}

/// The sign-in form.
#[derive(Deserialize)]
pub struct SignInForm {
    token: String,
    next: String,
}

/// A form that holds nothing but its own token.
#[derive(Deserialize)]
pub struct PlainForm {
    /// The session's form token.
    pub csrf: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    next: String,
    refused: bool,
    session_hours: i64,
}

/// `GET /sign-in`
pub async fn sign_in_form(query: Query<SignInQuery>) -> PageResult {
    let query = query.into_inner();
    let shell = Shell::outside("Sign in").noticing(&NoticeQuery { notice: query.notice });
    let next = query.next.as_deref().map_or("/", local_path).to_owned();
    page(&SignInPage { shell, next, refused: false, session_hours: session::SESSION_HOURS })
}

/// `POST /sign-in`
pub async fn sign_in(app: Data<App>, request: HttpRequest, form: Form<SignInForm>) -> PageResult {
    require_same_site(request.headers())?;
    let next = local_path(&form.next).to_owned();
    let digest = token_digest(form.token.trim());
    let Some(principal) = app.store.principal_by_token(&digest).await? else {
        let shell = Shell::outside("Sign in");
        let session_hours = session::SESSION_HOURS;
        let refused = SignInPage { shell, next, refused: true, session_hours };
        return respond(StatusCode::UNAUTHORIZED, &refused);
    };
    let secret = session::sign_in(&app.store, &principal).await?;
    let mut response = see_other(&next);
    set_cookie(&mut response, &request, &secret, session::SESSION_HOURS * 3600)?;
    Ok(response)
}

/// `POST /sign-out`
pub async fn sign_out(
    app: Data<App>,
    request: HttpRequest,
    member: Member,
    form: Form<PlainForm>,
) -> PageResult {
    member.require_csrf(&form.csrf)?;
    let secret = session_cookie(request.headers()).unwrap_or_default();
    session::sign_out(&app.store, member.principal(), secret).await?;
    let mut response = super::done("/sign-in", Notice::SignedOut);
    set_cookie(&mut response, &request, "", 0)?;
    Ok(response)
}

/// The path itself when it stays on this server, else `/`. Browsers read `//host` and `/\host` as
/// another server, and drop tabs and line breaks before they look.
pub fn local_path(path: &str) -> &str {
    let bytes = path.as_bytes();
    let plain = bytes.iter().all(|&b| b.is_ascii_graphic() && b != b'\\');
    let local = bytes.first() == Some(&b'/') && bytes.get(1) != Some(&b'/');
    if plain && local && bytes.len() <= 2000 { path } else { "/" }
}

/// A stranger's page must not sign its visitor in as somebody else.
fn require_same_site(headers: &HeaderMap) -> Result<()> {
    let site = headers.get("Sec-Fetch-Site").and_then(|value| value.to_str().ok());
    if matches!(site, None | Some("same-origin" | "none")) {
        return Ok(());
    }
    Err(Error::Unauthenticated("sign in from the sign-in page of this server"))
}

fn set_cookie(
    response: &mut HttpResponse,
    request: &HttpRequest,
    value: &str,
    max_age_seconds: i64,
) -> Result<()> {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_seconds}{secure}"
    );
    let value = cookie.try_into().map_err(Error::bug)?;
    response.headers_mut().insert(actix_web::http::header::SET_COOKIE, value);
    Ok(())
}

fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("Location", location))
        .insert_header(("Cache-Control", "no-store"))
        .finish()
}

/// Keeps a path readable and a query of its own apart from ours.
fn escape_query(path: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
    path.bytes()
        .map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_local_paths_are_led_back_to() {
        for path in ["/", "/review", "/events?kind=job_admitted&before=0", "/models/1#gate"] {
            assert_eq!(local_path(path), path);
        }
        for path in [
            "",
            "review",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /",
            "/ü",
            "/a b",
        ] {
            assert_eq!(local_path(path), "/", "{path:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(2000))), "/");
    }

    #[test]
    fn queries_survive_the_detour() {
        let escaped = escape_query("/events?kind=a&before=b#c");
        assert_eq!(escaped, "/events%3Fkind%3Da%26before%3Db%23c");
    }

    #[test]
    fn a_foreign_page_cannot_sign_in() {
        let mut headers = HeaderMap::new();
        assert!(require_same_site(&headers).is_ok());
        for (site, fine) in
            [("same-origin", true), ("none", true), ("cross-site", false), ("same-site", false)]
        {
            headers.insert("Sec-Fetch-Site".parse().unwrap(), HeaderValue::from_static(site));
            assert_eq!(require_same_site(&headers).is_ok(), fine, "{site}");
        }
    }

    #[test]
    fn a_form_needs_the_token_of_its_own_session() {
        let principal =
            Principal { principal_id: uuid::Uuid::nil(), name: "n".into(), roles: Vec::new() };
        let session = Session { principal, csrf_token: "csrf_a".into() };
        assert!(require_csrf(&session, "csrf_a").is_ok());
        for other in ["", "csrf_", "csrf_ab", "csrf_b"] {
            assert!(require_csrf(&session, other).is_err());
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_back_is_a_local_path(path: String) {
            let safe = local_path(&path);
            prop_assert!(safe.starts_with('/') && !safe.starts_with("//") && !safe.contains('\\'));
        }
    }
}
