//! The PostgreSQL this program carries: a pinned archive, unpacked into the private data directory.

use std::path::{Path, PathBuf};

use super::error::PostgresError;

/// An archive of a PostgreSQL installation (`bin`, `lib`, `share`), as tar inside Zstandard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Archive {
    bytes: &'static [u8],
    sha256: &'static str,
}

/// The archive of this build, if it carries one.
#[cfg(chancery_postgres_archive)]
pub(super) const CARRIED: Option<Archive> = Some(Archive {
    bytes: include_bytes!(env!("CHANCERY_POSTGRES_ARCHIVE")),
    sha256: env!("CHANCERY_POSTGRES_ARCHIVE_SHA256"),
});
/// The archive of this build, if it carries one.
#[cfg(not(chancery_postgres_archive))]
pub(super) const CARRIED: Option<Archive> = None;

impl Archive {
    /// SHA-256 of the archive, in hexadecimal.
    pub(super) fn sha256(&self) -> &'static str {
        self.sha256
    }

    /// Unpacks below `directory` unless that was done before, and answers the installation's root.
    ///
    /// What is unpacked already is compared with the archive byte by byte, so that the digest the
    /// supervisor reports holds for the files it runs, and a tree damaged by a power cut heals. The
    /// caller holds the lock of `directory`: nobody else unpacks here.
    #[cfg(chancery_postgres_archive)]
    pub(super) fn install(&self, directory: &Path) -> Result<PathBuf, PostgresError> {
        use super::directory::{publish, remove_tree};
        use super::error::Doing as _;

        self.verify()?;
        let root = directory.join(format!("runtime-{}", &self.sha256[..16]));
        if self.is_unpacked_in(&root) {
            return Ok(root);
        }
        // A kill from here on leaves only the staging folder, which the next start removes.
        let staging = root.with_extension("new");
        remove_tree(&staging)?;
        let mut archive = self.open().doing("read the archive for", &root)?;
        archive.set_preserve_mtime(false);
        archive.unpack(&staging).doing("unpack PostgreSQL into", &staging)?;
        remove_tree(&root)?;
        publish(&staging, &root)?;
        Ok(root)
    }

    /// Never reached: without the build's cfg no archive exists.
    #[cfg(not(chancery_postgres_archive))]
    pub(super) fn install(&self, directory: &Path) -> Result<PathBuf, PostgresError> {
        let _ = (self.bytes, directory);
        Err(PostgresError::Archive { found: "none".to_owned(), pinned: self.sha256.to_owned() })
    }

    #[cfg(chancery_postgres_archive)]
    fn verify(&self) -> Result<(), PostgresError> {
        let found = hex::encode(ring::digest::digest(&ring::digest::SHA256, self.bytes));
        if found == self.sha256 {
            return Ok(());
        }
        Err(PostgresError::Archive { found, pinned: self.sha256.to_owned() })
    }
}

#[cfg(chancery_postgres_archive)]
mod unpacked {
    use std::fs;
    use std::io::{self, BufReader, Read};
    use std::os::unix::fs::MetadataExt as _;
    use std::path::Path;

    use tar::EntryType;
    use zstd::Decoder;

    use super::Archive;

    type Tar = tar::Archive<Decoder<'static, BufReader<&'static [u8]>>>;

    impl Archive {
        pub(super) fn open(&self) -> io::Result<Tar> {
            Ok(tar::Archive::new(Decoder::new(self.bytes)?))
        }

        /// Whether every entry of the archive lies below `root` as the archive has it.
        pub(super) fn is_unpacked_in(&self, root: &Path) -> bool {
            root.is_dir() && self.compare(root).unwrap_or(false)
        }

        fn compare(&self, root: &Path) -> io::Result<bool> {
            let mut archive = self.open()?;
            for entry in archive.entries()? {
                let mut entry = entry?;
                // Paths are the archive's own, whose digest is pinned: none leaves `root`.
                let path = root.join(entry.path()?);
                let target = entry.link_name()?.map(|target| target.into_owned());
                let same = match (entry.header().entry_type(), target) {
                    (EntryType::Directory, _) => path.is_dir(),
                    (EntryType::Symlink, Some(target)) => fs::read_link(&path)? == target,
                    (EntryType::Link, Some(target)) => {
                        fs::metadata(&path)?.ino() == fs::metadata(root.join(target))?.ino()
                    }
                    _ => has_content(&path, &mut entry)?,
                };
                if !same {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }

    fn has_content(path: &Path, expected: &mut impl Read) -> io::Result<bool> {
        let mut content = Vec::new();
        expected.read_to_end(&mut content)?;
        Ok(fs::symlink_metadata(path)?.is_file() && fs::read(path)? == content)
    }
}

#[cfg(all(test, chancery_postgres_archive))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;

    #[test]
    fn a_truncated_archive_is_refused() {
        let whole = CARRIED.unwrap();
        let cut = Archive { bytes: &whole.bytes[..whole.bytes.len() / 2], ..whole };
        let directory = tempfile::tempdir().unwrap();
        let error = cut.install(directory.path()).unwrap_err();
        assert!(matches!(error, PostgresError::Archive { .. }), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn half_unpacked_and_altered_trees_heal() {
        let archive = CARRIED.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let root = archive.install(directory.path()).unwrap();
        let staging = root.with_extension("new");
        for (name, damage) in
            [("bin/postgres", &b"cut"[..]), ("share/postgresql/postgres.bki", b"")]
        {
            fs::write(root.join(name), damage).unwrap();
            // What a kill in the middle of unpacking leaves.
            fs::create_dir_all(staging.join("bin")).unwrap();
            assert!(!archive.is_unpacked_in(&root), "{name} differs");
            assert_eq!(archive.install(directory.path()).unwrap(), root);
            assert!(archive.is_unpacked_in(&root), "{name} healed");
            assert!(!staging.exists());
        }
        fs::remove_file(root.join("bin/initdb")).unwrap();
        assert!(!archive.is_unpacked_in(&root), "a file is missing");
    }
}
