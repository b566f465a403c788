//! Wiring: configuration and keys in, rooms out.

use chancery_audit::note::VerifierKey;
use serde_json::{Value, json};

use crate::blob::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::gate::Gate;
use crate::job::predict::InferenceCache;
use crate::keys::{MasterKey, SigningKey};
use crate::store::event::{Actor, EventDraft};
use crate::store::{DatabaseAddress, DatabaseRole, Store, Tx};

/// What requests share. Holds no signing key: only the sequencer does.
pub struct App {
    /// Settings.
    pub config: Config,
    /// Database under the application's role.
    pub store: Store,
    /// Encrypted blobs.
    pub blobs: Blobs,
    /// Rule pack in force.
    pub gate: Gate,
    /// Opened models.
    pub inference: InferenceCache,
    /// Verifies the log's checkpoints.
    pub log_key: VerifierKey,
}

impl App {
    /// Opens the database and the blob store, and keeps the rule pack's text.
    ///
    /// # Errors
    /// A key file or the log is missing, or a dependency fails.
    pub async fn open(config: &Config, address: &DatabaseAddress, clock: Clock) -> Result<Self> {
        let store = Store::connect(address, DatabaseRole::App, 12, clock).await?;
        store.log_head().await?;
        let gate = Gate::embedded()?;
        gate.register(&store).await?;
        Ok(Self {
            blobs: Blobs::open(config, MasterKey::read(&config.master_key_path())?)?,
            inference: InferenceCache::default(),
            log_key: log_key(config)?,
            config: config.clone(),
            store,
            gate,
        })
    }
}

/// The log's verifier key, from the public file next to the private key.
///
/// # Errors
/// The file is missing or is no verifier key.
pub fn log_key(config: &Config) -> Result<VerifierKey> {
    let path = config.log_key_path().with_extension("pub");
    let text = std::fs::read_to_string(&path).map_err(|why| {
        Error::dependency(format!("reading the log's public key {}", path.display()), why)
    })?;
    VerifierKey::parse(text.trim())
        .map_err(|why| Error::invalid(path.display().to_string(), why.to_string()))
}

/// Makes the keys of a new installation and begins its log. Keys that exist are left alone.
///
/// # Errors
/// The database holds a log already, or a file cannot be written.
pub async fn begin_log(config: &Config, address: &DatabaseAddress, clock: &Clock) -> Result<()> {
    if crate::store::migrate::log_exists(address).await? {
        return Err(Error::Conflict("this database holds a log already".into()));
    }
    if config.checkpoint_path().exists() {
        return Err(Error::Integrity(format!(
            "{} tells of a log that this database does not hold: restore the database instead of \
             beginning anew",
            config.checkpoint_path().display()
        )));
    }
    let path = config.log_key_path();
    let key = if path.exists() { SigningKey::read(&path)? } else { SigningKey::create(&path)? };
    let master = config.master_key_path();
    if !master.exists() {
        MasterKey::create(&master)?;
    }
    let verifier = key.verifier_key(&config.log_origin)?;
    crate::sequencer::write_atomically(
        &path.with_extension("pub"),
        format!("{verifier}\n").as_bytes(),
    )?;
    let root = chancery_audit::merkle::empty_root();
    let note = crate::sequencer::sign_checkpoint(&key, &config.log_origin, 0, root)?;
    let now = clock.now();
    crate::store::migrate::log_create(address, &config.log_origin, root.as_bytes(), &note, now)
        .await
}

/// Records which program and which database server an installation began with, once.
///
/// # Errors
/// The database fails.
pub async fn record_installation(address: &DatabaseAddress, database: &Value) -> Result<()> {
    const KIND: &str = "installation_begun";
    let store = Store::connect(address, DatabaseRole::App, 1, Clock::System).await?;
    if store.event_list(Some(KIND), None, 1).await?.is_empty() {
        let record = async |tx: &mut Tx| {
            tx.event_append(EventDraft {
                kind: KIND,
                actor: &Actor::System,
                subject_kind: "installation",
                subject_id: "chancery".into(),
                payload: json!({ "version": env!("CARGO_PKG_VERSION"), "database": database }),
            })
            .await
        };
        store.run_tx("installation_record", record).await?;
    }
    store.close().await;
    Ok(())
}
