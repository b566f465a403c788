//! Request bodies, and problem details for what the framework refuses by itself.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, PathConfig, QueryConfig};
use actix_web::{FromRequest, HttpRequest};

use super::problem::Problem;
use crate::error::Error;

/// The bytes of a request, at most as many as the configuration allows.
pub struct Body(pub Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        Box::pin(async move { bytes.await.map(Self).map_err(|error| Problem(refused(&error))) })
    }
}

fn refused(error: &actix_web::Error) -> Error {
    match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge,
        _ => Error::invalid("body", error.to_string()),
    }
}

/// A path that does not parse names nothing.
pub(super) fn path_config() -> PathConfig {
    PathConfig::default().error_handler(|_, request| {
        Problem(Error::NotFound { what: "resource", name: request.path().to_owned() }).into()
    })
}

/// A query that does not parse is the caller's to mend.
pub(super) fn query_config() -> QueryConfig {
    QueryConfig::default()
        .error_handler(|error, _| Problem(Error::invalid("query", error.to_string())).into())
}
