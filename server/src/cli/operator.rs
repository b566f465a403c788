//! Commands of the operator: they work on the database itself.

use std::path::Path;
use std::process::ExitCode;

use chancery_policy::{Decision, Facts, Pack, replay as replay_decision};
use serde_json::Value;

use super::arguments::{LogCommand, PrincipalOptions};
use super::serve::{Database, begin_log, block_on};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::gate::gate_name;
use crate::job::people::{NewPrincipal, enrol};
use crate::store::decision::DecisionRow;
use crate::store::event::{Actor, EventRow};
use crate::store::{DatabaseRole, Store, migrate as migrations};

/// `chancery migrate`
pub fn migrate(config: &Config) -> Result<ExitCode> {
    let database = Database::open(config)?;
    block_on(migrations::migrate(&database.address))??;
    println!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

/// `chancery log …`
pub fn log(config: &Config, command: &LogCommand) -> Result<ExitCode> {
    let database = Database::open(config)?;
    match command {
        LogCommand::Create => {
            begin_log(config, &database.address)?;
            block_on(crate::app::record_installation(&database.address, &database.identity))??;
            println!("the log of {} has begun; its verifier key is", config.log_origin);
            println!("{}", crate::app::log_key(config)?);
            println!("Keep that key, and a copy of each checkpoint, outside this machine.");
        }
        LogCommand::Head => {
            let head = with_store(&database, DatabaseRole::App, async |s| s.log_head().await)?;
            print!("{}", head.note);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `chancery principal`
pub fn principal(config: &Config, options: &PrincipalOptions) -> Result<ExitCode> {
    if options.token_file.exists() {
        return Err(Error::invalid(
            "--token-file",
            format!("{} exists already; name a new file", options.token_file.display()),
        ));
    }
    let database = Database::open_existing(config)?;
    let new = NewPrincipal { name: options.name.clone(), roles: options.roles.clone() };
    let issued = with_store(&database, DatabaseRole::App, async |store| {
        enrol(store, &Actor::System, &new).await
    })?;
    crate::keys::write_secret(&options.token_file, issued.token.as_bytes())?;
    println!(
        "{} is enrolled; the token is in {} and nowhere else",
        options.name,
        options.token_file.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// `chancery export`
pub fn export(config: &Config, out: &Path) -> Result<ExitCode> {
    let database = Database::open_existing(config)?;
    let (exported, waiting) = with_store(&database, DatabaseRole::Auditor, async |store| {
        Ok((crate::export::export(store, out).await?, store.event_pending_count().await?))
    })?;
    println!("exported to {}: {} events", out.display(), exported.size);
    if waiting > 0 {
        println!(
            "not in it: {waiting} newer events that wait for the sequencer (`chancery serve`)"
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// `chancery replay`
pub fn replay(config: &Config) -> Result<ExitCode> {
    let database = Database::open_existing(config)?;
    let (same, different) = with_store(&database, DatabaseRole::Auditor, replay_all)?;
    for line in &different {
        println!("{line}");
    }
    println!("{same} decisions replayed the same, {} differ", different.len());
    Ok(if different.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Decides every recorded decision again, under the pack that decided it, and compares the record with
/// the event that tells of it.
///
/// # Errors
/// The database fails. A record that was altered is no error: it is told in the answer.
pub async fn replay_all(store: &Store) -> Result<(usize, Vec<String>)> {
    let (mut same, mut different) = (0, Vec::new());
    for row in store.decision_list(i64::MAX).await? {
        let sources = store.pack_sources(&row.pack_digest).await?;
        let event = store.event_get(row.event_id).await?;
        match replay_one(&row, sources, &event) {
            Ok(()) => same += 1,
            Err(difference) => {
                different.push(format!("decision {}: {difference}", row.decision_id))
            }
        }
    }
    Ok((same, different))
}

fn replay_one(
    row: &DecisionRow,
    sources: Value,
    event: &EventRow,
) -> std::result::Result<(), String> {
    let sources: std::collections::BTreeMap<String, String> =
        serde_json::from_value(sources).map_err(|why| format!("the rule pack: {why}"))?;
    let pack = Pack::from_sources(sources.into_iter().collect())
        .map_err(|why| format!("the rule pack: {why}"))?;
    let facts = Facts::parse(row.facts.as_bytes()).map_err(|why| format!("the facts: {why}"))?;
    let recorded: Decision =
        serde_json::from_value(row.record.clone()).map_err(|why| format!("the record: {why}"))?;
    replay_decision(&pack, &facts, &recorded).map_err(|difference| difference.to_string())?;
    if row.allow != recorded.allow || row.gate != gate_name(recorded.gate) {
        return Err("the row's answer or gate is not the one of its record".into());
    }
    // Facts and record altered together replay the same; the log still holds what was decided.
    let logged = event.payload_json();
    let Some(logged) = logged.get("decision") else {
        return if event.payload.is_none() {
            Ok(())
        } else {
            Err("its event tells of no decision".into())
        };
    };
    let told = serde_json::json!({
        "decision_id": row.decision_id,
        "allow": recorded.allow,
        "facts_digest": recorded.facts_digest,
        "pack_digest": recorded.pack_digest,
    });
    let differs = told
        .as_object()
        .into_iter()
        .flatten()
        .find(|(key, value)| logged.get(*key) != Some(*value));
    differs.map_or(Ok(()), |(key, _)| Err(format!("the log tells of another {key}")))
}

fn with_store<T>(
    database: &Database,
    role: DatabaseRole,
    work: impl AsyncFn(&Store) -> Result<T>,
) -> Result<T> {
    block_on(async {
        let store = Store::connect(&database.address, role, 2, Clock::System).await?;
        let result = work(&store).await;
        store.close().await;
        result
    })?
}
