//! The operating-system account PostgreSQL runs as.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::binaries::{Binaries, Origin};
use super::error::{Doing as _, PostgresError};

/// Accounts a root process steps down to, in this order.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];
const ACCOUNTS: &str = "/etc/passwd";

/// Who owns the cluster and runs its processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The account of this process.
    Own { uid: u32, gid: u32 },
    /// Another account, since this process is root and PostgreSQL refuses to be.
    Unprivileged { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// The carried PostgreSQL runs as root where it must; any other refuses to.
    pub(super) fn choose(binaries: &Binaries) -> Result<Self, PostgresError> {
        let uid = effective_uid();
        if uid != 0 || matches!(binaries.origin(), Origin::Carried { .. }) {
            return Ok(Self::Own { uid, gid: rustix::process::getegid().as_raw() });
        }
        let path = Path::new(ACCOUNTS);
        let accounts = fs::read_to_string(path).doing("read", path)?;
        UNPRIVILEGED.iter().find_map(|name| find(&accounts, name)).ok_or_else(|| {
            PostgresError::BinDirectory {
                directory: binaries.directory().to_owned(),
                reason: format!(
                    "its PostgreSQL refuses to run as root, and {ACCOUNTS} has neither of the users \
                     {} to step down to",
                    UNPRIVILEGED.join(", ")
                ),
            }
        })
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Own { uid, .. } | Self::Unprivileged { uid, .. } => *uid,
        }
    }

    pub(super) fn gid(&self) -> u32 {
        match self {
            Self::Own { gid, .. } | Self::Unprivileged { gid, .. } => *gid,
        }
    }

    /// Makes `command` run as this account, without root's supplementary groups.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Self::Unprivileged { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
    }
}

pub(super) fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn find(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then(|| Account::Unprivileged { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgresql:x:9:9::/:/bin/sh\n\
                        postgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n\
                        broken\ntoor:x:0:0::/:/bin/sh\n";
        let postgres = Account::Unprivileged { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(find(accounts, "postgres"), Some(postgres));
        assert_eq!(find(accounts, "nobody"), None);
        assert_eq!(find(accounts, "broken"), None);
        assert_eq!(find(accounts, "toor"), None, "never root by another name");
    }
}
