//! Key files: 0600, outside the database, written once and never overwritten.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use chancery_audit::note::{KeyName, VerifierKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// An Ed25519 key that signs: checkpoints in the sequencer, approvals in a person's hand.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Makes a new key and writes it as PKCS#8.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| Error::bug("the system's random source failed"))?;
        write_secret(path, document.as_ref())?;
        Self::from_pkcs8(document.as_ref(), path)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// Missing, readable by others, or not an Ed25519 key.
    pub fn read(path: &Path) -> Result<Self> {
        Self::from_pkcs8(&read_secret(path)?, path)
    }

    fn from_pkcs8(bytes: &[u8], path: &Path) -> Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(|why| {
            Error::invalid(path.display().to_string(), format!("not an Ed25519 PKCS#8 key: {why}"))
        })?;
        Ok(Self { pair })
    }

    /// The public half.
    pub fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.copy_from_slice(self.pair.public_key().as_ref());
        key
    }

    /// Signs.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }

    /// The verifier key of a log with this origin (C2SP signed-note).
    ///
    /// # Errors
    /// The origin is no valid key name.
    pub fn verifier_key(&self, origin: &str) -> Result<VerifierKey> {
        let name = KeyName::new(origin).map_err(|why| {
            Error::invalid("log_origin", format!("{origin:?} cannot name a log: {why}"))
        })?;
        VerifierKey::ed25519(name, &self.public_key()).map_err(Error::bug)
    }
}

/// 32 random bytes that wrap data keys.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Makes a new key file.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let key = random_key();
        write_secret(path, key.as_ref())?;
        Ok(Self(key))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// Missing, readable by others, or not 32 bytes.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_secret(path)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| {
            Error::invalid(path.display().to_string(), "a master key is exactly 32 bytes")
        })?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// The key itself.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Random bytes from the operating system.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // The only failure is a kernel without getrandom; nothing could run safely there.
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A fresh 256-bit key, wiped when dropped.
pub fn random_key() -> Zeroizing<[u8; 32]> {
    Zeroizing::new(random_bytes())
}

/// Makes a private folder (0700) with its parents.
///
/// # Errors
/// The file system refuses.
pub fn private_directory(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|why| Error::dependency(format!("making {}", path.display()), why))
}

/// Writes a new file that only its owner can read (0600). A crash leaves the whole file or none.
///
/// # Errors
/// The file exists already, or cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |why| Error::dependency(format!("writing {}", path.display()), why);
    if let Some(parent) = path.parent() {
        private_directory(parent)?;
    }
    let staging = path.with_added_extension(format!("{}.next", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&staging)
        .map_err(failed)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        // A link fails where the name is taken: a key is never overwritten, not even by a second start
        // at the same moment.
        .and_then(|()| std::fs::hard_link(&staging, path));
    // What is left of a failure here is a second name, as private as the first.
    let _ = std::fs::remove_file(&staging);
    written.map_err(failed)
}

/// Reads a file that only its owner may read.
///
/// # Errors
/// Missing, or readable by others.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let failed = |why: std::io::Error| {
        Error::dependency(
            format!(
                "reading {} (a lost key is restored from backup, a token is issued anew)",
                path.display()
            ),
            why,
        )
    };
    let mut file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        return Err(Error::invalid(
            path.display().to_string(),
            format!("mode {:o} lets others read this secret; run chmod 600 on it", mode & 0o777),
        ));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
