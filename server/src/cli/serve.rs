//! Serving, and the database a command works on.

use std::process::ExitCode;
use std::time::Duration;

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::postgres::{Postgres, PostgresConfig};
use crate::service::{Part, Service, Start};
use crate::store::{DatabaseAddress, migrate};

/// The database of an embedded server.
const DATABASE: &str = "chancery";
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// A reachable database: the one of `DATABASE_URL`, or a PostgreSQL of our own.
pub struct Database {
    /// Where it is.
    pub address: DatabaseAddress,
    /// Which server, for the record.
    pub identity: serde_json::Value,
    /// Stopped when dropped.
    embedded: Option<Postgres>,
}

impl Database {
    /// Uses `DATABASE_URL` where it is set, and never falls back from it; else starts a PostgreSQL of
    /// our own below the data directory.
    ///
    /// # Errors
    /// The URL is not valid, or no PostgreSQL can be found or started.
    pub fn open(config: &Config) -> Result<Self> {
        if let Ok(url) = std::env::var("DATABASE_URL") {
            return Ok(Self {
                address: DatabaseAddress::from_url(&url)?,
                identity: serde_json::json!({ "kind": "external" }),
                embedded: None,
            });
        }
        crate::keys::private_directory(&config.data_directory)?;
        let mut settings = PostgresConfig::new(config.data_directory.join("postgres"));
        settings.bin_directory = std::env::var_os("CHANCERY_PG_BIN").map(Into::into);
        let server = Postgres::start(settings)
            .map_err(|why| Error::dependency("starting the embedded PostgreSQL", why))?;
        let identity = serde_json::to_value(server.identity()).map_err(Error::bug)?;
        let owner =
            DatabaseAddress::from_socket(server.socket_directory(), server.user(), "postgres");
        block_on(migrate::database_create(&owner, DATABASE))??;
        Ok(Self { address: owner.with_database(DATABASE), identity, embedded: Some(server) })
    }

    /// The same, for commands that work on what is there: they never make an installation by mistake.
    ///
    /// # Errors
    /// There is no installation, or see [`Database::open`].
    pub fn open_existing(config: &Config) -> Result<Self> {
        let folder = config.data_directory.join("postgres");
        if std::env::var_os("DATABASE_URL").is_none() && !folder.exists() {
            return Err(Error::Conflict(format!(
                "there is no installation in {}: name another data_directory, set DATABASE_URL, or \
                 begin one with `chancery log create`",
                config.data_directory.display()
            )));
        }
        let database = Self::open(config)?;
        if block_on(migrate::log_exists(&database.address))?? {
            return Ok(database);
        }
        Err(Error::Conflict(
            "this database holds no log. A new installation begins one with `chancery log create`; \
             a lost log is restored from backup"
                .into(),
        ))
    }

    /// Whether it is a server of our own.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Whether a PostgreSQL of our own still runs. Of another's, nothing is known here.
    pub fn is_running(&self) -> bool {
        self.embedded.as_ref().is_none_or(Postgres::is_running)
    }
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// A part cannot start.
pub fn serve(config: Config, parts: &[Part]) -> Result<ExitCode> {
    let database = Database::open_existing(&config)?;
    if database.is_embedded() {
        block_on(migrate::migrate(&database.address))??;
    }
    // Serving needs no owner: `chancery migrate` has the right to change the schema, this has not.
    block_on(migrate::require_current(&database.address))??;
    let start = Start {
        config,
        address: database.address.clone(),
        clock: Clock::System,
        program: std::env::current_exe()
            .map_err(|why| Error::dependency("finding this program", why))?,
    };
    let service = Service::start(&start, parts)?;
    if let Some(address) = service.address() {
        println!("chancery serves http://{address}");
    }
    if let Err(error) = wait_for_stop(&database) {
        service.abandon();
        return Err(error);
    }
    println!("stopping");
    service.stop();
    drop(database);
    Ok(ExitCode::SUCCESS)
}

/// Begins the log where there is none yet and the installation is new.
///
/// # Errors
/// See [`app::begin_log`].
pub fn begin_log(config: &Config, address: &DatabaseAddress) -> Result<()> {
    block_on(migrate::migrate(address))??;
    block_on(app::begin_log(config, address, &Clock::System))?
}

/// What is said when a PostgreSQL of our own has ended under us. A restart heals it.
pub fn database_ended() -> Error {
    Error::dependency(
        "the embedded PostgreSQL",
        "it ended unexpectedly; nothing committed is lost: start again, and it recovers",
    )
}

/// Waits for SIGINT or SIGTERM.
///
/// # Errors
/// Signals cannot be watched, or a PostgreSQL of our own ended: a server without its database is no use
/// to anybody, and whoever supervises this process starts both again.
pub fn wait_for_stop(database: &Database) -> Result<()> {
    block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let failed = |why| Error::dependency("watching signals", why);
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.map_err(failed),
            _ = terminate.recv() => Ok(()),
            () = until_ended(database) => Err(database_ended()),
        }
    })?
}

async fn until_ended(database: &Database) {
    while database.is_running() {
        tokio::time::sleep(WATCH_PERIOD).await;
    }
}

/// Runs a future on a small runtime of its own.
///
/// # Errors
/// The runtime cannot be made.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| Error::dependency("starting a runtime", why))?;
    Ok(runtime.block_on(work))
}
