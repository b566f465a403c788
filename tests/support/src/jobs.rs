//! Jobs as tests look at them: submitted over HTTP, watched through their processes, judged by the
//! database's own rows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chancery::cli::block_on;
use chancery::client::Client;
use chancery::store::{DatabaseAddress, DatabaseRole};
use serde_json::Value;
use sqlx::Connection;
use uuid::Uuid;

use crate::Installation;

/// Generous, for machines that are busy: nothing asserts on time.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Submits a job that must be admitted.
///
/// # Errors
/// It is refused.
pub fn submit(client: &Client, spec: &Value) -> Result<Uuid> {
    let admitted = client.post("/api/v1/jobs", spec, None)?.expect(202)?;
    Ok(admitted["job_id"].as_str().context("a job id")?.parse()?)
}

/// Waits for a job's end.
///
/// # Errors
/// It does not end in [`PATIENCE`].
pub fn wait(client: &Client, job_id: Uuid) -> Result<Value> {
    until(&format!("the end of job {job_id}"), || {
        let job = client.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
        let ended = !matches!(job["state"].as_str(), Some("queued" | "running"));
        Ok(ended.then_some(job))
    })
}

/// Asks until there is an answer.
///
/// # Errors
/// None came in [`PATIENCE`].
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        ensure!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process that runs an attempt of a job, by its scratch folder.
pub fn process_of(job_id: Uuid) -> Option<u32> {
    let prefix = job_id.to_string();
    processes().find(|pid| {
        let Ok(folder) = std::fs::read_link(format!("/proc/{pid}/cwd")) else { return false };
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&prefix) && arguments(*pid).iter().any(|argument| argument == "run-job")
    })
}

/// Waits until a job has a process, and until that process works on the data.
///
/// # Errors
/// None appears.
pub fn working_process(client: &Client, job_id: Uuid) -> Result<u32> {
    until("a line of progress", || {
        let job = client.get(&format!("/api/v1/jobs/{job_id}"))?.expect(200)?;
        Ok(process_of(job_id).filter(|_| job["state"] == "running" && !job["progress"].is_null()))
    })
}

/// Every process there is.
pub fn processes() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A process's arguments; none when it is gone.
pub fn arguments(pid: u32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// kill -9.
///
/// # Errors
/// It is gone already.
pub fn kill_9(pid: u32) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw).context("a pid")?;
    Ok(rustix::process::kill_process(pid, rustix::process::Signal::KILL)?)
}

/// A shell script that stands in for the program.
///
/// # Errors
/// The file system refuses.
pub fn script(folder: &Path, name: &str, lines: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    // Written by another process: a descriptor open for writing here could be inherited by a child that
    // another test forks at this moment, and then the script could not be executed ("text file busy").
    let written = std::process::Command::new("sh")
        .args(["-c", r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#, "sh"])
        .arg(&path)
        .arg(lines)
        .status()?;
    ensure!(written.success(), "{} was not written", path.display());
    Ok(path)
}

/// Kinds and payloads of the events about a job, oldest first.
///
/// # Errors
/// The database fails.
pub fn events(installation: &Installation, job_id: Uuid) -> Result<Vec<(String, Value)>> {
    block_on(async {
        let store = installation.store(DatabaseRole::Auditor).await?;
        let rows = store.event_list_subject("job", &job_id.to_string()).await?;
        store.close().await;
        rows.into_iter()
            .map(|row| Ok((row.kind, serde_json::from_slice(&row.payload.unwrap_or_default())?)))
            .collect()
    })?
}

/// Kinds alone.
///
/// # Errors
/// The database fails.
pub fn kinds(installation: &Installation, job_id: Uuid) -> Result<Vec<String>> {
    Ok(events(installation, job_id)?.into_iter().map(|(kind, _)| kind).collect())
}

/// The states of a job's reservations, by attempt.
///
/// # Errors
/// The database fails.
pub fn reservations(address: &DatabaseAddress, job_id: Uuid) -> Result<Vec<String>> {
    block_on(async {
        let mut owner = address.connect_as_owner().await?;
        let sql = "select state from budget_reservation where job_id = $1 order by attempt";
        let states = sqlx::query_scalar(sql).bind(job_id).fetch_all(&mut owner).await?;
        owner.close().await?;
        Ok(states)
    })?
}
