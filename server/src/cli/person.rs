//! Commands of a person: keys, approvals, submissions. They talk to a server.

use std::path::Path;
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use uuid::Uuid;

use super::arguments::{ApproveOptions, Connection, KeysCommand, SubmitOptions, VerdictArgument};
use crate::client::Client;
use crate::clock::{Clock, rfc3339};
use crate::error::{Error, Result};
use crate::job::approve::{ApprovalPredicate, Verdict, sign};
use crate::keys::{SigningKey, read_secret};

/// `chancery keys …`
pub fn keys(command: &KeysCommand) -> Result<ExitCode> {
    match command {
        KeysCommand::New { out } => {
            println!("{}", BASE64.encode(SigningKey::create(out)?.public_key()));
        }
        KeysCommand::Public { key } => {
            println!("{}", BASE64.encode(SigningKey::read(key)?.public_key()));
        }
        KeysCommand::Register { key, connection } => {
            println!("{}", register(&connect(connection)?, &SigningKey::read(key)?)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `chancery approve`
pub fn approve(options: &ApproveOptions) -> Result<ExitCode> {
    let key = SigningKey::read(&options.key)?;
    let verdict = match options.verdict {
        VerdictArgument::Approve => Verdict::Approve,
        VerdictArgument::Reject => Verdict::Reject,
    };
    let client = connect(&options.connection)?;
    let answer = send_approval(&client, &key, options.model, verdict, &options.comment)?;
    println!("{answer:#}");
    Ok(ExitCode::SUCCESS)
}

/// `chancery submit`
pub fn submit(options: &SubmitOptions) -> Result<ExitCode> {
    let text = std::fs::read_to_string(&options.spec)
        .map_err(|why| Error::dependency(format!("reading {}", options.spec.display()), why))?;
    let spec: Value = serde_json::from_str(&text)
        .map_err(|why| Error::invalid(options.spec.display().to_string(), why.to_string()))?;
    // The same file again is the same request: a repeated command does not spend the budget twice.
    let key = (!options.again).then(|| crate::blob::digest_of(text.as_bytes()));
    let reply = connect(&options.connection)?.post("/api/v1/jobs", &spec, key.as_deref())?;
    println!("{:#}", reply.body);
    Ok(if reply.status == 202 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Registers the public half of a key as the caller's.
///
/// # Errors
/// The server refuses.
pub fn register(client: &Client, key: &SigningKey) -> Result<Value> {
    let body = json!({ "public_key": BASE64.encode(key.public_key()) });
    client.post("/api/v1/me/keys", &body, None)?.expect(201)
}

/// Signs a verdict on what the server says of a model, and sends it.
///
/// # Errors
/// The server refuses.
pub fn send_approval(
    client: &Client,
    key: &SigningKey,
    model_id: Uuid,
    verdict: Verdict,
    comment: &str,
) -> Result<Value> {
    let model = client.get(&format!("/api/v1/models/{model_id}"))?.expect(200)?;
    let text = |name: &str| model.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let predicate = ApprovalPredicate {
        verdict,
        model_id,
        evaluation_event_id: text("registered_event_id").parse().map_err(Error::bug)?,
        comment: comment.to_owned(),
        signed_at: rfc3339(Clock::System.now()),
    };
    let envelope = sign(key, &text("name"), &text("artefact_sha256"), &predicate)?;
    client.post(&format!("/api/v1/models/{model_id}/approvals"), &envelope, None)?.expect(201)
}

fn connect(connection: &Connection) -> Result<Client> {
    Ok(Client::new(&connection.server, &read_token(&connection.token_file)?))
}

/// Reads a token file.
///
/// # Errors
/// Missing, or readable by others.
pub fn read_token(path: &Path) -> Result<String> {
    let bytes = read_secret(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Error::invalid(path.display().to_string(), "this file holds no token"))?;
    Ok(text.trim().to_owned())
}
