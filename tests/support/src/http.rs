//! Requests as they go over the wire, for what a well-behaved client never sends.

use anyhow::Result;
use serde_json::Value;
use ureq::http::{HeaderMap, Request};

/// What came back.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Sends a request with these headers and these bytes.
///
/// # Errors
/// The server cannot be reached.
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Result<Answer> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .build()
        .new_agent();
    let body: Vec<u8> = body.into();
    let mut response = if method == "GET" {
        agent.run(request.body(())?)?
    } else {
        agent.run(request.body(body)?)?
    };
    let headers = response.headers().clone();
    let status = response.status().as_u16();
    Ok(Answer { status, headers, body: response.body_mut().read_to_vec()? })
}

/// The header of a token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}
