//! The cluster (PGDATA): made once by `initdb`, then started with settings that no file overrides.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::account::Account;
use super::binaries::Binaries;
use super::child;
use super::directory::{DataDirectory, create_owned, give_tree, publish, remove_tree};
use super::error::{Doing as _, PostgresError};
use super::{PORT, PostgresConfig, USER};

/// Bytewise collation: an index stays valid when the C library's collations change.
#[cfg(not(target_os = "macos"))]
pub(super) const LOCALE: &str = "C.UTF-8";
/// macOS has no C.UTF-8 before version 15; the encoding is set apart.
#[cfg(target_os = "macos")]
pub(super) const LOCALE: &str = "C";

/// Makes the cluster where there is none, and checks that `binaries` can run it.
pub(super) fn prepare(
    directory: &DataDirectory,
    binaries: &Binaries,
    account: &Account,
    cluster_lock: &File,
) -> Result<PathBuf, PostgresError> {
    let cluster = directory.cluster();
    // Only `publish` makes this name, so what stands here is whole unless somebody cut it.
    if !cluster.exists() {
        initialise(directory, binaries, account, cluster_lock)?;
    }
    give_tree(&cluster, account)?;
    check_version(&cluster, binaries)?;
    Ok(cluster)
}

/// The postmaster's command. Settings on the command line win over postgresql.conf and over
/// ALTER SYSTEM; what still wins over them (a role's or a database's settings) is checked later.
pub(super) fn server(
    config: &PostgresConfig,
    binaries: &Binaries,
    cluster: &Path,
    socket_directory: &Path,
) -> Command {
    let mut command = binaries.command("postgres");
    command.arg("-D").arg(cluster).arg("-k").arg(socket_directory);
    let settings = [
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        "unix_socket_permissions=0700".to_owned(),
        "fsync=on".to_owned(),
        "synchronous_commit=on".to_owned(),
        "full_page_writes=on".to_owned(),
        format!("shared_buffers={}MB", config.shared_buffers_mb),
        format!("max_connections={}", config.max_connections),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_timezone=UTC".to_owned(),
        "timezone=UTC".to_owned(),
    ];
    for setting in settings {
        command.arg("-c").arg(setting);
    }
    command
}

fn initialise(
    directory: &DataDirectory,
    binaries: &Binaries,
    account: &Account,
    cluster_lock: &File,
) -> Result<(), PostgresError> {
    // A kill from here to `publish` leaves only this folder, which the next start removes.
    let staging = directory.path().join("cluster.new");
    remove_tree(&staging)?;
    create_owned(&staging, account)?;
    let mut pgdata = OsString::from("--pgdata=");
    pgdata.push(&staging);
    let mut command = binaries.command("initdb");
    command
        .arg(pgdata)
        .arg(format!("--username={USER}"))
        .args(["--auth-local=trust", "--auth-host=reject", "--data-checksums"])
        .args(["--encoding=UTF8", &format!("--locale={LOCALE}"), "--no-instructions"])
        .current_dir(directory.path());
    account.apply(&mut command);
    // On SIGTERM initdb ends and removes what it made.
    child::bind(&mut command, cluster_lock, Signal::TERM)
        .doing("share the lock with initdb for", &staging)?;
    let output = command.output().doing("run", &binaries.directory().join("initdb"))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        let output_text = String::from_utf8_lossy(&text).trim().to_owned();
        return Err(PostgresError::Initdb { status: output.status, output: output_text });
    }
    publish(&staging, &directory.cluster())
}

fn check_version(cluster: &Path, binaries: &Binaries) -> Result<(), PostgresError> {
    let path = cluster.join("PG_VERSION");
    let major = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    match major {
        Some(major) if major == binaries.major() => Ok(()),
        Some(major) => Err(PostgresError::VersionMismatch {
            directory: cluster.to_owned(),
            bin_directory: binaries.directory().to_owned(),
            cluster: major,
            server: binaries.major(),
        }),
        None => Err(PostgresError::DataDirectory {
            directory: cluster.to_owned(),
            reason:
                "it holds no readable PG_VERSION, so it is no whole cluster: restore it from a \
                     backup, or move it away to begin with an empty one"
                    .to_owned(),
        }),
    }
}
