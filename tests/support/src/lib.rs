//! What every end-to-end test stands on: a database of its own on a real PostgreSQL, keys, people, and a
//! running service.
//!
//! By default the embedded PostgreSQL is used; `CHANCERY_TEST_DATABASE_URL` names a server (as a role
//! that may create databases and roles) on which the same tests run.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use chancery::cli::{begin_log, block_on};
use chancery::client::Client;
use chancery::clock::Clock;
use chancery::config::Config;
use chancery::job::people::{NewPrincipal, enrol};
use chancery::keys::SigningKey;
use chancery::service::{Part, Service, Start};
use chancery::store::event::Actor;
use chancery::store::{DatabaseAddress, DatabaseRole, Store, migrate};
use tempfile::TempDir;

pub mod adult;
pub mod http;
pub mod invariants;
pub mod jobs;
pub mod log;
pub mod process;
pub mod stage;

/// A new installation: database with schema and an empty log, keys and data folder.
pub struct Installation {
    /// Settings; the data folder goes with this value.
    pub config: Config,
    /// Its database.
    pub address: DatabaseAddress,
    _folder: TempDir,
}

impl Installation {
    /// Makes one.
    ///
    /// # Errors
    /// The database server cannot be reached or started.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("chancery-test-").tempdir()?;
        let config = Config {
            listen: "127.0.0.1:0".into(),
            data_directory: folder.path().join("data"),
            log_origin: "test.chancery.example/log".into(),
            ..Config::default()
        };
        let address = new_database()?;
        begin_log(&config, &address)?;
        Ok(Self { config, address, _folder: folder })
    }

    /// Starts HTTP, sequencer and worker on it.
    ///
    /// # Errors
    /// A part cannot start.
    pub fn start(&self) -> Result<Running> {
        self.start_with(program()?)
    }

    /// The same, with another program in place of `chancery` for the jobs.
    ///
    /// # Errors
    /// A part cannot start.
    pub fn start_with(&self, program: PathBuf) -> Result<Running> {
        let start = Start {
            config: self.config.clone(),
            address: self.address.clone(),
            clock: Clock::System,
            program,
        };
        let service = Service::start(&start, &Part::ALL)?;
        let address = service.address().context("HTTP listens")?;
        Ok(Running { server: format!("http://{address}"), service })
    }

    /// A pool under a role. Use it inside one runtime.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn store(&self, role: DatabaseRole) -> Result<Store> {
        Ok(Store::connect(&self.address, role, 8, Clock::System).await?)
    }

    /// Enrols somebody and answers the token.
    ///
    /// # Errors
    /// The name is taken.
    pub fn enrol(&self, name: &str, roles: &[&str]) -> Result<String> {
        block_on(async {
            let store = self.store(DatabaseRole::App).await?;
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            let new = NewPrincipal { name: name.to_owned(), roles };
            let issued = enrol(&store, &Actor::System, &new).await?;
            store.close().await;
            anyhow::Ok(issued.token)
        })?
    }

    /// A fresh signing key below the data folder.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn new_key(&self, name: &str) -> Result<SigningKey> {
        Ok(SigningKey::create(&self.config.data_directory.join(format!("people/{name}.p8")))?)
    }
}

/// A running service on an installation.
pub struct Running {
    /// Base URL.
    pub server: String,
    /// Stops when dropped.
    pub service: Service,
}

impl Running {
    /// A client with a token.
    pub fn client(&self, token: &str) -> Client {
        Client::new(&self.server, token)
    }
}

/// Waits until a job has ended; answers it.
///
/// # Errors
/// It does not end in time.
pub fn wait_for_job(client: &Client, job_id: &str) -> Result<serde_json::Value> {
    jobs::wait(client, job_id.parse()?)
}

/// The built `chancery` program next to this test's folder.
///
/// # Errors
/// It was not built.
pub fn program() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("target/<profile>/deps/<test>")?;
    let program = folder.join("chancery");
    anyhow::ensure!(
        program.exists(),
        "{} is not built; run `cargo test --workspace`, which builds it",
        program.display()
    );
    Ok(program)
}

/// An empty database on the tests' server.
///
/// # Errors
/// The server refuses.
pub fn new_database() -> Result<DatabaseAddress> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let name = format!("test_{}_{number}", std::process::id());
    let server = server()?;
    block_on(migrate::database_create(&server, &name))??;
    Ok(server.with_database(&name))
}

fn server() -> Result<DatabaseAddress> {
    if let Ok(url) = std::env::var("CHANCERY_TEST_DATABASE_URL") {
        return Ok(DatabaseAddress::from_url(&url)?);
    }
    static SERVER: OnceLock<(PathBuf, String)> = OnceLock::new();
    if let Some((socket, user)) = SERVER.get() {
        return Ok(DatabaseAddress::from_socket(socket, user, "postgres"));
    }
    let postgres = chancery::postgres::ephemeral()?;
    let (socket, user) =
        SERVER.get_or_init(|| (postgres.socket_directory().to_owned(), postgres.user().to_owned()));
    Ok(DatabaseAddress::from_socket(socket, user, "postgres"))
}
