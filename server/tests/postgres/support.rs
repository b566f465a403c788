//! Servers to test on, SQL by a client that others wrote, and processes to kill.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chancery::postgres::{Identity, Postgres, PostgresConfig};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};
use tokio::runtime::Runtime;

/// For what must happen at some time; nothing here asserts how soon.
pub const PATIENCE: Duration = Duration::from_secs(120);
const INSTALLED: &str = "/usr/lib/postgresql/15/bin";

/// A server to test on.
pub struct Subject {
    pub bin_directory: Option<PathBuf>,
}

/// The carried server, and an installed one where there is one.
pub fn configs() -> Vec<Subject> {
    let carried = cfg!(feature = "embedded").then_some(Subject { bin_directory: None });
    let installed =
        Path::new(INSTALLED).is_dir().then(|| Subject { bin_directory: Some(INSTALLED.into()) });
    let found: Vec<_> = carried.into_iter().chain(installed).collect();
    assert!(!found.is_empty(), "there is no PostgreSQL to test on");
    found
}

impl Subject {
    pub fn on(&self, directory: &Path) -> PostgresConfig {
        PostgresConfig {
            bin_directory: self.bin_directory.clone(),
            shared_buffers_mb: 16,
            max_connections: 20,
            ..PostgresConfig::new(directory)
        }
    }

    pub fn on_new_directory(&self) -> PostgresConfig {
        self.on(&new_directory())
    }

    /// Whether the server runs as another user than this process.
    pub fn steps_down(&self) -> bool {
        is_root() && self.bin_directory.is_some()
    }
}

/// A directory that is removed when the test's thread ends, after the servers on it.
pub fn new_directory() -> PathBuf {
    thread_local! {
        static MADE: std::cell::RefCell<Vec<tempfile::TempDir>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    let made = tempfile::Builder::new().prefix("chancery-test-").tempdir().unwrap();
    let path = made.path().canonicalize().unwrap();
    MADE.with_borrow_mut(|all| all.push(made));
    path
}

/// A session of sqlx's.
pub struct Session {
    runtime: Runtime,
    connection: PgConnection,
}

impl Session {
    pub fn open(server: &Postgres) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = PgConnectOptions::new_without_pgpass()
            .socket(server.socket_directory())
            .port(server.port())
            .username(server.user())
            .database("postgres")
            .ssl_mode(PgSslMode::Disable);
        let connection = runtime.block_on(options.connect()).unwrap();
        Self { runtime, connection }
    }

    /// The first column of every row, as text.
    pub fn run(&mut self, statements: &str) -> Result<Vec<String>, sqlx::Error> {
        let query = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection))?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    pub fn run_apart(
        mut self,
        statements: &'static str,
    ) -> JoinHandle<Result<Vec<String>, sqlx::Error>> {
        std::thread::spawn(move || self.run(statements))
    }
}

pub fn sql(server: &Postgres, statements: &str) -> Vec<String> {
    Session::open(server).run(statements).unwrap()
}

/// This test program in another process, as the parent of a server.
pub struct Parent {
    process: Child,
    pub postmaster: u32,
}

impl Parent {
    pub const READY: &str = "READY";
    const DIRECTORY: &str = "CHANCERY_TEST_DIRECTORY";
    const BIN: &str = "CHANCERY_TEST_BIN";

    pub fn spawn(config: &PostgresConfig) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "parent_process", "--nocapture"]);
        command.env(Self::DIRECTORY, &config.data_directory).stdout(Stdio::piped());
        if let Some(bin) = &config.bin_directory {
            command.env(Self::BIN, bin);
        }
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let postmaster = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(Self::READY)?.trim().parse().ok())
            .expect("the parent starts a server");
        Self { process, postmaster }
    }

    /// What the other process was told to run. `None` in an ordinary test run.
    pub fn config() -> Option<PostgresConfig> {
        let directory = std::env::var_os(Self::DIRECTORY)?;
        let subject = Subject { bin_directory: std::env::var_os(Self::BIN).map(PathBuf::from) };
        Some(subject.on(Path::new(&directory)))
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A postmaster nobody supervises, as one that outlived its supervisor.
pub fn spawn_untied(identity: &Identity) -> Child {
    let cluster = identity.data_directory.join("cluster");
    let metadata = fs::metadata(&cluster).unwrap();
    let mut command = Command::new(identity.bin_directory.join("postgres"));
    command.arg("-D").arg(&cluster).args(["-c", "listen_addresses=", "-k"]).arg(&cluster);
    command.uid(metadata.uid()).gid(metadata.gid()).current_dir("/");
    let child = command.stderr(Stdio::null()).spawn().unwrap();
    wait_for("the orphan to be ready", || {
        let pid_file = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
        let pid = pid_file.lines().next().and_then(|line| line.parse().ok());
        pid == Some(child.id()) && pid_file.lines().nth(7).is_some_and(|l| l.trim() == "ready")
    });
    child
}

pub fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

/// A zombie lives no more, and has no command line.
pub fn lives(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

pub fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

pub fn owner(path: &Path) -> u32 {
    fs::metadata(path).unwrap().uid()
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
