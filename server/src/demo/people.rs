//! The demo's people: five, with a token and, where they approve, a key each.

use std::path::{Path, PathBuf};

use crate::cli::{block_on, read_token};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::job::people::{NewPrincipal, enrol};
use crate::keys::{SigningKey, write_secret};
use crate::store::event::Actor;
use crate::store::{DatabaseAddress, DatabaseRole, Store};

/// Who takes part.
const CAST: [(&str, &[&str]); 5] = [
    ("engineer", &["submitter"]),
    ("reviewer-one", &["reviewer"]),
    ("reviewer-two", &["reviewer", "data_protection_officer"]),
    ("auditor", &["auditor"]),
    ("administrator", &["administrator"]),
];

/// Everybody's tokens and keys, in files of mode 0600.
pub struct People {
    directory: PathBuf,
}

impl People {
    /// Enrols whoever has no token file yet.
    ///
    /// # Errors
    /// The database or the file system fails.
    pub fn enrol(config: &Config, address: &DatabaseAddress) -> Result<Self> {
        let people = Self { directory: config.data_directory.join("people") };
        block_on(async {
            let store = Store::connect(address, DatabaseRole::App, 1, Clock::System).await?;
            for (name, roles) in CAST {
                people.enrol_one(&store, name, roles).await?;
            }
            store.close().await;
            Ok::<_, Error>(())
        })??;
        Ok(people)
    }

    /// Where their files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Somebody's token.
    ///
    /// # Errors
    /// The file is gone.
    pub fn token(&self, name: &str) -> Result<String> {
        read_token(&self.token_file(name))
    }

    /// Somebody's signing key, made at first use. Only this side ever holds it.
    ///
    /// # Errors
    /// The file system fails.
    pub fn key(&self, name: &str) -> Result<SigningKey> {
        let path = self.directory.join(format!("{name}.p8"));
        if path.exists() { SigningKey::read(&path) } else { SigningKey::create(&path) }
    }

    fn token_file(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.token"))
    }

    async fn enrol_one(&self, store: &Store, name: &str, roles: &[&str]) -> Result<()> {
        let file = self.token_file(name);
        if file.exists() {
            return Ok(());
        }
        // A demo killed between the enrolment and the file leaves a name without a token: take the next.
        for attempt in 1..100 {
            let name = if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") };
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            match enrol(store, &Actor::System, &NewPrincipal { name, roles }).await {
                Ok(issued) => return write_secret(&file, issued.token.as_bytes()),
                Err(Error::Conflict(_)) => continue,
                Err(error) => return Err(error),
            }
        }
        Err(Error::bug("no free name for a person of the demo"))
    }
}
