//! What an earlier run left: a living postmaster is stopped, a dead one's pid file is left to
//! PostgreSQL, and a pid file is deleted only where its process provably is no postmaster of ours.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::error::{Doing as _, PostgresError};

const PERIOD: Duration = Duration::from_millis(20);
/// A fast shutdown writes one checkpoint.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stops a postmaster that an earlier run left working on `cluster`, and waits for its end.
pub(super) fn stop_living(cluster: &Path) -> Result<(), PostgresError> {
    let Some(pid) = read_pid(cluster)?.filter(|pid| is_postmaster_of(*pid, cluster)) else {
        return Ok(());
    };
    tracing::warn!(
        pid = pid.as_raw_nonzero().get(),
        cluster = %cluster.display(),
        "stopping a PostgreSQL that an earlier run left"
    );
    match kill_process(pid, Signal::INT) {
        Err(Errno::SRCH) => return Ok(()),
        other => other.doing("stop the earlier PostgreSQL on", cluster)?,
    }
    let deadline = Instant::now() + PATIENCE;
    while is_postmaster_of(pid, cluster) {
        if Instant::now() >= deadline {
            return Err(PostgresError::PreviousAlive {
                directory: cluster.to_owned(),
                who: format!("process {}", pid.as_raw_nonzero()),
                waited_s: PATIENCE.as_secs(),
            });
        }
        thread::sleep(PERIOD);
    }
    Ok(())
}

/// Deletes a pid file that PostgreSQL would take for a living server's, though none lives.
///
/// Call it only with the cluster's lock held and after [`stop_living`]: then no supervised process
/// is left. Two leftovers need it: an empty file (a crash between creating and writing it), and the
/// number of a process that by now is another program's, as happens in every restarted container.
pub(super) fn discard_misleading_pid_file(cluster: &Path) -> Result<(), PostgresError> {
    let misleading = match read_pid(cluster)? {
        Some(pid) => is_alive(pid) && !is_postmaster_of(pid, cluster),
        None => true,
    };
    let path = pid_file(cluster);
    match misleading.then(|| fs::remove_file(&path)).transpose() {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).doing("remove", &path),
        _ => Ok(()),
    }
}

fn pid_file(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

/// The first line is the process id, negative for a single-user server.
fn read_pid(cluster: &Path) -> Result<Option<Pid>, PostgresError> {
    let path = pid_file(cluster);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.doing("read", &path)?,
    };
    let number = text.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
    Ok(number.and_then(i32::checked_abs).and_then(Pid::from_raw))
}

fn is_alive(pid: Pid) -> bool {
    // EPERM: it lives, as another user's.
    !matches!(test_kill_process(pid), Err(Errno::SRCH))
}

/// Whether the process is a PostgreSQL server that works on `cluster`. A zombie is none.
#[cfg(target_os = "linux")]
fn is_postmaster_of(pid: Pid, cluster: &Path) -> bool {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let Ok(command_line) = fs::read(process.join("cmdline")) else { return false };
    let arguments: Vec<_> = command_line.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
    let program = arguments.first().and_then(|program| Path::new(program).file_name());
    if !program.is_some_and(|name| name == "postgres" || name == "postmaster") {
        return false;
    }
    // A postmaster changes into its data directory, so a relative or linked -D is found too.
    arguments.windows(2).any(|pair| pair[0] == "-D" && Path::new(pair[1]) == cluster)
        || fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == cluster)
}

/// Whether the process is a PostgreSQL server that works on `cluster`. A zombie is none.
#[cfg(not(target_os = "linux"))]
fn is_postmaster_of(pid: Pid, cluster: &Path) -> bool {
    let number = pid.as_raw_nonzero().to_string();
    let output =
        std::process::Command::new("ps").args(["-ww", "-o", "command=", "-p", &number]).output();
    let Ok(output) = output else { return false };
    let command_line = String::from_utf8_lossy(&output.stdout);
    command_line.contains("postgres") && command_line.contains(&format!("-D {}", cluster.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_misleading_pid_file_is_deleted() {
        let cluster = tempfile::tempdir().unwrap();
        let path = pid_file(cluster.path());
        let own = std::process::id();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        for (content, kept) in [
            (String::new(), false),
            (format!("{own}\n{}\n", cluster.path().display()), false),
            (format!("-{own}\n"), false),
            (format!("{}\n{}\n", ended.id(), cluster.path().display()), true),
        ] {
            fs::write(&path, &content).unwrap();
            stop_living(cluster.path()).unwrap();
            discard_misleading_pid_file(cluster.path()).unwrap();
            assert_eq!(path.exists(), kept, "{content:?}");
        }
        fs::remove_file(&path).unwrap();
        discard_misleading_pid_file(cluster.path()).unwrap();
    }
}
