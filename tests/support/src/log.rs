//! Logs without HTTP: events appended and sequenced directly, copies to attack, exports to verify.

use anyhow::{Context, Result};
use chancery::clock::Clock;
use chancery::export::{ExportFolder, export};
use chancery::keys::SigningKey;
use chancery::sequencer::{Sequencer, Step};
use chancery::store::event::{Actor, EventDraft};
use chancery::store::tamper::copy_log;
use chancery::store::{DatabaseAddress, DatabaseRole, Store};
use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_audit::export::{Report, verify_export};
use serde_json::json;
use sqlx::Executor;

use crate::Installation;

/// Kind of the events that [`append`] writes.
pub const KIND: &str = "note_taken";

/// Appends `count` events in one transaction.
///
/// # Errors
/// The database fails.
pub async fn append(store: &Store, count: usize) -> Result<()> {
    Ok(store
        .run_tx("append", async |tx| {
            for number in 0..count {
                let draft = EventDraft {
                    kind: KIND,
                    actor: &Actor::System,
                    subject_kind: "note",
                    subject_id: number.to_string(),
                    payload: json!({ "number": number, "text": "as it was written" }),
                };
                tx.event_append(draft).await?;
            }
            Ok(())
        })
        .await?)
}

/// A sequencer on any database, with the installation's key and checkpoint copy.
///
/// # Errors
/// What [`Sequencer::open`] answers.
pub async fn sequencer(
    installation: &Installation,
    address: &DatabaseAddress,
) -> chancery::error::Result<Sequencer> {
    let config = &installation.config;
    let store = Store::connect(address, DatabaseRole::Sequencer, 2, Clock::System).await?;
    let key = SigningKey::read(&config.log_key_path())?;
    Sequencer::open(store, key, &config.log_origin, config.checkpoint_path()).await
}

/// Appends batches of these sizes, each under a checkpoint of its own; answers the checkpoints.
///
/// # Errors
/// A step does not publish.
pub async fn grow(installation: &Installation, batches: &[usize]) -> Result<Vec<SignedCheckpoint>> {
    let store = installation.store(DatabaseRole::App).await?;
    let sequencer = sequencer(installation, &installation.address).await?;
    let mut checkpoints = Vec::new();
    for batch in batches {
        append(&store, *batch).await?;
        let step = sequencer.step().await?;
        anyhow::ensure!(matches!(step, Step::Published { .. }), "{step:?}");
        checkpoints.push(SignedCheckpoint::parse(store.log_head().await?.note.as_bytes())?);
    }
    sequencer.close().await;
    store.close().await;
    Ok(checkpoints)
}

/// A copy of the log in a database of its own, changed by its owner with triggers switched off.
///
/// # Errors
/// A statement fails.
pub async fn attacked(
    installation: &Installation,
    name: &str,
    statements: &[&str],
) -> Result<DatabaseAddress> {
    let copy = format!("attack_{}_{name}", std::process::id());
    copy_log(&installation.address, &copy).await?;
    let address = installation.address.with_database(&copy);
    as_owner(&address, statements).await?;
    Ok(address)
}

/// Runs statements as the owner with triggers switched off. Each must change something.
///
/// # Errors
/// A statement fails or changes nothing.
pub async fn as_owner(address: &DatabaseAddress, statements: &[&str]) -> Result<()> {
    let mut owner = address.connect_as_owner().await?;
    owner.execute("set session_replication_role = replica").await?;
    for statement in statements {
        let done = owner
            .execute(sqlx::AssertSqlSafe(*statement))
            .await
            .context((*statement).to_owned())?;
        anyhow::ensure!(done.rows_affected() > 0, "changed nothing: {statement}");
    }
    Ok(())
}

/// Exports a database and verifies what came out.
///
/// # Errors
/// The export itself fails.
pub async fn verified(
    installation: &Installation,
    address: &DatabaseAddress,
    trusted: Option<&SignedCheckpoint>,
) -> Result<Report> {
    let store = Store::connect(address, DatabaseRole::Auditor, 2, Clock::System).await?;
    let folder = tempfile::tempdir()?;
    export(&store, folder.path()).await?;
    store.close().await;
    let key = chancery::app::log_key(&installation.config)?;
    Ok(verify_export(&ExportFolder(folder.path().to_owned()), &key, trusted))
}
