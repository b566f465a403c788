//! A PostgreSQL server that this process runs for itself: found or unpacked, initialised, started on
//! a private socket, recovered after crashes and stopped with its owner.
//!
//! One data directory has one supervisor ([`PostgresError::AlreadyRunning`] for the second), and the
//! server listens on a Unix socket in a private folder only. It ends with this process however that
//! ends: by [`Postgres::stop`], by drop, and on Linux by a signal of the kernel when this process is
//! killed; where one survives all the same, the next start stops it first. Everything made on disk is
//! made under another name and renamed when whole, so that a kill at any point heals at the next
//! start.
//!
//! ```no_run
//! # fn main() -> Result<(), chancery::postgres::PostgresError> {
//! use chancery::postgres::{Postgres, PostgresConfig};
//! let server = Postgres::start(PostgresConfig::new("/var/lib/chancery/postgres"))?;
//! println!("{} listens in {}", server.identity().version, server.socket_directory().display());
//! server.stop()
//! # }
//! ```

mod account;
mod archive;
mod binaries;
mod child;
mod cluster;
mod directory;
mod ephemeral;
mod error;
mod log;
mod postmaster;
mod previous;
mod socket;
mod wire;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use self::account::Account;
use self::binaries::{Binaries, Origin, Places};
use self::directory::DataDirectory;
use self::error::Doing as _;
use self::log::Log;
use self::postmaster::{Ending, Postmaster};
use self::socket::SocketDirectory;
use self::wire::{Session, WireError};

pub use self::ephemeral::ephemeral;
pub use self::error::PostgresError;

/// The socket's number; no TCP port is opened.
const PORT: u16 = 5432;
/// The superuser that `initdb` makes.
const USER: &str = "postgres";
const READY_PERIOD: Duration = Duration::from_millis(10);
/// Recovery after a crash replays the log since the last checkpoint, which can take minutes.
const READY_PATIENCE: Duration = Duration::from_secs(600);
/// An acknowledged commit is on disk and whole only with all of these.
const DURABILITY: [&str; 4] = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"];

/// What to run, and on which data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresConfig {
    /// A directory for this server alone, made private (0700) and created where it is missing. Where
    /// root has to step down to an unprivileged user, that user's group may pass it (0710).
    pub data_directory: PathBuf,
    /// A directory with the programs `postgres` and `initdb`. `None`: the carried PostgreSQL, else
    /// the newest below `/usr/lib/postgresql`.
    pub bin_directory: Option<PathBuf>,
    /// Memory for cached pages, in MiB.
    pub shared_buffers_mb: u32,
    /// How many sessions may be open at once.
    pub max_connections: u32,
}

impl PostgresConfig {
    /// 128 MiB of shared buffers and 100 connections on `data_directory`.
    pub fn new(data_directory: impl Into<PathBuf>) -> Self {
        Self {
            data_directory: data_directory.into(),
            bin_directory: None,
            shared_buffers_mb: 128,
            max_connections: 100,
        }
    }
}

/// Which server runs, for the record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Identity {
    /// Where its programs are.
    pub bin_directory: PathBuf,
    /// What `postgres --version` prints.
    pub version: String,
    /// SHA-256 of the archive its files were compared with, where the carried one runs.
    pub archive_sha256: Option<String>,
    /// Where its data is.
    pub data_directory: PathBuf,
}

/// A running server. Dropping it stops it and waits for its end.
#[derive(Debug)]
pub struct Postgres {
    // Dropped in this order: the lock goes last, when nothing works on the directory any more.
    postmaster: Postmaster,
    socket: SocketDirectory,
    log: Log,
    identity: Identity,
    _directory: DataDirectory,
}

impl Postgres {
    /// Starts the server and waits until it takes connections. Blocks: for a second on a new
    /// directory, for as long as recovery takes after a crash.
    ///
    /// # Errors
    /// [`PostgresError`], whose variants say who can mend it. Nothing runs then.
    pub fn start(config: PostgresConfig) -> Result<Self, PostgresError> {
        let directory = DataDirectory::claim(&config.data_directory)?;
        // The lock of the cluster comes after the living postmaster, which holds it, is stopped.
        previous::stop_living(&directory.cluster())?;
        let cluster_lock = directory.lock_cluster()?;
        previous::discard_misleading_pid_file(&directory.cluster())?;

        let places = Places::usual(config.bin_directory.as_deref());
        let binaries = Binaries::find(&places, directory.path())?;
        let account = Account::choose(&binaries)?;
        directory.admit(&account)?;
        let cluster = cluster::prepare(&directory, &binaries, &account, &cluster_lock)?;
        let socket = SocketDirectory::create(directory.path(), &account)?;
        let log = Log::open(&directory.log())?;

        let mut command = cluster::server(&config, &binaries, &cluster, socket.path());
        command.current_dir(directory.path()).stdout(log.output()?).stderr(log.output()?);
        account.apply(&mut command);
        let mut postmaster = Postmaster::spawn(command, cluster_lock)?;
        let mut session = wait_until_ready(&mut postmaster, &socket, &log)?;
        check_durability(&mut session, &log)?;
        let identity = Identity::of(&binaries, directory.path());
        Ok(Self { postmaster, socket, log, identity, _directory: directory })
    }

    /// The folder of the server's socket: the `host` of a connection.
    pub fn socket_directory(&self) -> &Path {
        self.socket.path()
    }

    /// The number in the socket's name.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The superuser; the socket's folder is the authentication.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// Which server runs.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Process id of the postmaster.
    pub fn postmaster_pid(&self) -> u32 {
        self.postmaster.pid()
    }

    /// Whether the postmaster still runs.
    pub fn is_running(&self) -> bool {
        !self.postmaster.has_ended()
    }

    /// Ends all sessions, writes a checkpoint and waits for the server's end: at most a minute, after
    /// which it is forced.
    ///
    /// # Errors
    /// [`PostgresError::Exited`] where it had ended by itself, [`PostgresError::Forced`] where it was
    /// forced; in both cases nothing committed is lost.
    pub fn stop(mut self) -> Result<(), PostgresError> {
        match self.postmaster.end().doing("stop the PostgreSQL of", self.log.path())? {
            Some(Ending::ByItself(status)) => Err(exited(status, &self.log)),
            Some(Ending::Stopped("SIGINT")) | None => Ok(()),
            Some(Ending::Stopped(signal)) => Err(PostgresError::Forced { signal }),
        }
    }
}

impl Identity {
    fn of(binaries: &Binaries, data_directory: &Path) -> Self {
        let archive_sha256 = match binaries.origin() {
            Origin::Carried { sha256 } => Some(sha256.to_owned()),
            Origin::Configured | Origin::Installed => None,
        };
        Self {
            bin_directory: binaries.directory().to_owned(),
            version: binaries.version().to_owned(),
            archive_sha256,
            data_directory: data_directory.to_owned(),
        }
    }
}

/// Makes sure that nothing runs on a data directory that is about to be removed: a supervised server is an
/// error, and one that an earlier run left is stopped.
///
/// # Errors
/// [`PostgresError::AlreadyRunning`], or it does not end.
pub fn require_stopped(data_directory: &Path) -> Result<(), PostgresError> {
    if !data_directory.exists() {
        return Ok(());
    }
    let directory = DataDirectory::claim(data_directory)?;
    previous::stop_living(&directory.cluster())?;
    directory.lock_cluster().map(drop)
}

fn wait_until_ready(
    postmaster: &mut Postmaster,
    socket: &SocketDirectory,
    log: &Log,
) -> Result<Session, PostgresError> {
    let deadline = Instant::now() + READY_PATIENCE;
    loop {
        if postmaster.has_ended()
            && let Some(Ending::ByItself(status)) =
                postmaster.end().doing("watch the PostgreSQL of", log.path())?
        {
            return Err(exited(status, log));
        }
        match Session::open(&socket.socket()) {
            Ok(session) => return Ok(session),
            Err(WireError::NotYet(_) | WireError::Io(_)) if Instant::now() < deadline => {
                thread::sleep(READY_PERIOD);
            }
            Err(error) => return Err(not_ready(&error, log)),
        }
    }
}

/// Settings of roles and databases win over the command line, and checksums are the cluster's own.
fn check_durability(session: &mut Session, log: &Log) -> Result<(), PostgresError> {
    let rows = session
        .query("SELECT name, setting FROM pg_catalog.pg_settings")
        .map_err(|error| not_ready(&error, log))?;
    for setting in DURABILITY {
        let value = rows.iter().find_map(|row| match row.as_slice() {
            [Some(name), Some(value)] if name == setting => Some(value.as_str()),
            _ => None,
        });
        if value != Some("on") {
            let value = value.unwrap_or("unknown").to_owned();
            return Err(PostgresError::NotDurable { setting, value });
        }
    }
    Ok(())
}

fn exited(status: std::process::ExitStatus, log: &Log) -> PostgresError {
    PostgresError::Exited { status, log: log.path().to_owned(), log_tail: log.tail() }
}

fn not_ready(error: &WireError, log: &Log) -> PostgresError {
    PostgresError::NotReady {
        reason: error.to_string(),
        log: log.path().to_owned(),
        log_tail: log.tail(),
    }
}
