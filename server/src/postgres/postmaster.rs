//! The postmaster process and the thread it is tied to.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::child;
use super::error::{Doing as _, PostgresError};

/// How often the thread looks whether the postmaster ended by itself.
const WATCH_PERIOD: Duration = Duration::from_millis(200);
const END_PERIOD: Duration = Duration::from_millis(10);

/// Fast shutdown (sessions end, a checkpoint is written); then immediate (as a crash, the next
/// start recovers); then what a hung postmaster cannot ignore.
const SHUTDOWN: [(Signal, &str, Duration); 3] = [
    (Signal::INT, "SIGINT", Duration::from_secs(60)),
    (Signal::QUIT, "SIGQUIT", Duration::from_secs(15)),
    (Signal::KILL, "SIGKILL", Duration::from_secs(15)),
];

/// How a postmaster ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// Nobody here asked for it.
    ByItself(ExitStatus),
    /// It followed this signal.
    Stopped(&'static str),
}

/// A running postmaster. Dropping it stops it and waits for its end.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: u32,
    stop: Sender<()>,
    thread: Option<JoinHandle<io::Result<Ending>>>,
}

impl Postmaster {
    /// Spawns the postmaster from a thread that lives as long as it does, and holds `cluster_lock`.
    ///
    /// On Linux the kernel sends the postmaster SIGINT when that thread ends, so also when this
    /// process is killed. SIGINT and not SIGQUIT: a fast shutdown leaves a clean cluster, and the
    /// next start waits a moment for a checkpoint and does not replay the log. Open transactions
    /// are rolled back by both, and a committed one is on disk before either.
    pub(super) fn spawn(command: Command, cluster_lock: File) -> Result<Self, PostgresError> {
        let program = Path::new(command.get_program()).to_owned();
        let (started, start) = mpsc::channel();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("postgres-supervisor".to_owned())
            .spawn(move || supervise(command, &cluster_lock, &started, &stopped))
            .doing("start a thread for", &program)?;
        match start.recv() {
            Ok(pid) => Ok(Self { pid, stop, thread: Some(thread) }),
            // The thread ended before it had a child: its result says why.
            Err(_) => match join(thread).doing("run", &program)? {
                Ending::ByItself(_) | Ending::Stopped(_) => {
                    Err(io::Error::other("the supervisor ended")).doing("run", &program)
                }
            },
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the postmaster ended, which without [`Self::end`] means by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops the postmaster unless it ended already, and tells how it ended. `None`: told before.
    pub(super) fn end(&mut self) -> io::Result<Option<Ending>> {
        // The send fails where the thread ended, whose result is taken all the same.
        let _ = self.stop.send(());
        self.thread.take().map(join).transpose()
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn join(thread: JoinHandle<io::Result<Ending>>) -> io::Result<Ending> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("the supervisor panicked")))
}

/// The thread's life. It alone reaps the child, so while it signals, the pid is still the child's.
fn supervise(
    mut command: Command,
    cluster_lock: &File,
    started: &Sender<u32>,
    stop: &Receiver<()>,
) -> io::Result<Ending> {
    child::bind(&mut command, cluster_lock, Signal::INT)?;
    let mut child = command.spawn()?;
    // Nobody waits for the number only where the spawner's thread panicked; then stop follows.
    let _ = started.send(child.id());
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ending::ByItself(status));
        }
        match stop.recv_timeout(WATCH_PERIOD) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return shut_down(child),
        }
    }
}

fn shut_down(mut child: Child) -> io::Result<Ending> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("the child has no process id"))?;
    for (signal, name, patience) in SHUTDOWN {
        kill_process(pid, signal)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if child.try_wait()?.is_some() {
                return Ok(Ending::Stopped(name));
            }
            thread::sleep(END_PERIOD);
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the postmaster does not end by SIGKILL"))
}
