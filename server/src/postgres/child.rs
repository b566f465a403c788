//! Ties a child process to its parent, and to the lock of the cluster it works on.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Signal, getpid, getppid};

/// Makes the child of `command` hold `lock` and receive `death_signal` when the **thread** that
/// spawns it ends, be it by SIGKILL; so spawn from a thread that lives as long as the child should.
///
/// The child and its children inherit the lock's open file description: the lock is free once the
/// last of them is gone, whatever a pid file says. The death signal is Linux only; elsewhere an
/// orphan lives on until the next start on its directory stops it.
pub(super) fn bind(command: &mut Command, lock: &File, death_signal: Signal) -> io::Result<()> {
    // Its own process group: Ctrl-C at the terminal reaches this process, which then stops the
    // server last, and not the server behind its back.
    command.process_group(0);
    let lock = lock.try_clone()?;
    let parent = Some(getpid());
    let prepare = move || {
        fcntl_setfd(&lock, FdFlags::empty())?;
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(death_signal))?;
        #[cfg(not(target_os = "linux"))]
        let _ = death_signal;
        // The parent may have died before the line above; then no signal will come.
        if getppid() != parent {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::SRCH.raw_os_error()));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed, as another thread may
    // have held any lock at the fork. `prepare` makes three system calls (fcntl, prctl, getppid)
    // and builds errors from bare numbers: it allocates nothing, locks nothing, and does not panic.
    // Rust runs it after the change of user, which would clear the death signal.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(prepare);
    }
    Ok(())
}
