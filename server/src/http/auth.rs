//! Who is asking: a bearer token for the API, a cookie for the dashboard.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use ring::digest::{Context, SHA256};

use super::problem::Problem;
use crate::app::App;
use crate::error::{Error, Result};
use crate::job::people::token_digest;
use crate::store::idempotency::IdempotencyKey;
use crate::store::principal::{Principal, Session};

/// Cookie of a dashboard session.
pub const SESSION_COOKIE: &str = "chancery_session";

type Extracted<T> = Pin<Box<dyn Future<Output = std::result::Result<T, Problem>>>>;

/// The owner of the request's token.
pub struct Caller(pub Principal);

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            if let Some(token) = bearer_token(request.headers()) {
                let found = app(&request)?.store.principal_by_token(&token_digest(token)).await?;
                return found.map(Self).ok_or(Problem(Error::Unauthenticated(
                    "this token is unknown or has expired",
                )));
            }
            let session = session(&request).await?;
            require_safe(&request)?;
            Ok(Self(session.principal))
        })
    }
}

/// A signed-in visitor of the dashboard.
pub struct Visitor(pub Session);

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(session(&request).await?)) })
    }
}

/// The key of a request that its sender may repeat, bound to method, path and body.
///
/// # Errors
/// The header is not 1–200 visible characters.
pub fn idempotency_key(
    request: &HttpRequest,
    who: &Principal,
    body: &[u8],
) -> Result<Option<IdempotencyKey>> {
    let Some(header) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let key = header
        .to_str()
        .ok()
        .filter(|key| (1..=200).contains(&key.len()))
        .ok_or_else(|| Error::invalid("Idempotency-Key", "use 1 to 200 visible characters"))?;
    let mut digest = Context::new(&SHA256);
    for part in [request.method().as_str().as_bytes(), request.path().as_bytes(), body] {
        digest.update(&(part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    Ok(Some(IdempotencyKey {
        principal_id: who.principal_id,
        key: key.to_owned(),
        request_sha256: digest.finish().as_ref().to_vec(),
    }))
}

/// The value of the session cookie.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == SESSION_COOKIE).then_some(value))
}

fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn session(request: &HttpRequest) -> std::result::Result<Session, Problem> {
    let unknown = || Problem(Error::Unauthenticated("send a token: Authorization: Bearer …"));
    let cookie = session_cookie(request.headers()).ok_or_else(unknown)?;
    let found = app(request)?.store.session_get(&token_digest(cookie)).await?;
    found.ok_or_else(unknown)
}

/// A cookie alone changes nothing through the API: only forms with their own token do (CSRF).
fn require_safe(request: &HttpRequest) -> Result<()> {
    if request.method().is_safe() {
        return Ok(());
    }
    Err(Error::Unauthenticated("a dashboard session may only read here; send a token"))
}

fn app(request: &HttpRequest) -> Result<&App> {
    request
        .app_data::<Data<App>>()
        .map(Data::get_ref)
        .ok_or_else(|| Error::bug("the server was started without its state"))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(session_cookie(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("a=1; chancery_session=chs_x; b=2"));
        assert_eq!(session_cookie(&headers), Some("chs_x"));
    }
}
