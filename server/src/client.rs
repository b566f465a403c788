//! A client of the REST API, for the command line and the demo.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// Talks to one server with one token.
pub struct Client {
    agent: ureq::Agent,
    server: String,
    token: String,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON body; text bodies come as a JSON string.
    pub body: Value,
}

impl Client {
    /// A client of `server`, such as `http://127.0.0.1:8787`.
    pub fn new(server: &str, token: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .new_agent();
        Self { agent, server: server.trim_end_matches('/').to_owned(), token: token.to_owned() }
    }

    /// GET.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn get(&self, path: &str) -> Result<Reply> {
        let sent = self
            .agent
            .get(format!("{}{path}", self.server))
            .header("Authorization", format!("Bearer {}", self.token))
            .call();
        self.reply(path, sent)
    }

    /// POST of a JSON body, repeatable under `idempotency_key` if one is given.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn post<T: Serialize>(
        &self,
        path: &str,
        body: &T,
        idempotency_key: Option<&str>,
    ) -> Result<Reply> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.server))
            .header("Authorization", format!("Bearer {}", self.token));
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.reply(path, request.send_json(body))
    }

    /// PUT of bytes.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<Reply> {
        let sent = self
            .agent
            .put(format!("{}{path}", self.server))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/octet-stream")
            .send(bytes);
        self.reply(path, sent)
    }

    fn reply(
        &self,
        path: &str,
        sent: std::result::Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Reply> {
        let failed =
            |why: ureq::Error| Error::dependency(format!("asking {}{path}", self.server), why);
        let mut response = sent.map_err(failed)?;
        let status = response.status().as_u16();
        let text =
            response.body_mut().with_config().limit(64 << 20).read_to_string().map_err(failed)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, body })
    }
}

impl Reply {
    /// The body, when the server answered with `status`.
    ///
    /// # Errors
    /// Another status: what the server said.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status == status {
            return Ok(self.body);
        }
        let detail = self.body.get("detail").and_then(Value::as_str).map(str::to_owned);
        Err(Error::Conflict(format!(
            "the server answered {} instead of {status}: {}",
            self.status,
            detail.unwrap_or_else(|| self.body.to_string())
        )))
    }

    /// A text field of the body.
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}
