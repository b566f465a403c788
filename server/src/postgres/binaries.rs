//! Which PostgreSQL to run: the configured one, else the carried one, else an installed one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::archive::{self, Archive};
use super::error::PostgresError;

/// Older versions lack what the supervisor and the store rely on.
const MINIMUM_MAJOR: u32 = 15;
const INSTALLED: &str = "/usr/lib/postgresql";

/// A bin directory that holds a usable PostgreSQL.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    origin: Origin,
    version: String,
    major: u32,
}

/// How a bin directory was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Configured,
    Carried { sha256: &'static str },
    Installed,
}

/// The places to look in; tests point them elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Places<'a> {
    pub(super) configured: Option<&'a Path>,
    pub(super) carried: Option<Archive>,
    pub(super) installed: &'a Path,
}

impl<'a> Places<'a> {
    pub(super) fn usual(configured: Option<&'a Path>) -> Self {
        Self { configured, carried: archive::CARRIED, installed: Path::new(INSTALLED) }
    }
}

impl Binaries {
    /// Takes the first place that has a PostgreSQL, unpacking the carried one below `directory`.
    ///
    /// A configured place that has none is an error and no reason to look further: whoever set it
    /// wants that server and no other.
    pub(super) fn find(places: &Places<'_>, directory: &Path) -> Result<Self, PostgresError> {
        if let Some(configured) = places.configured {
            return Self::inspect(configured, Origin::Configured);
        }
        if let Some(carried) = &places.carried {
            let origin = Origin::Carried { sha256: carried.sha256() };
            return Self::inspect(&carried.install(directory)?.join("bin"), origin);
        }
        let mut versions = installed_versions(places.installed);
        versions.retain(|(major, _)| *major >= MINIMUM_MAJOR);
        match versions.first() {
            Some((_, newest)) => Self::inspect(newest, Origin::Installed),
            None => Err(not_found(places)),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// What `postgres --version` prints.
    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// The major version, such as 17.
    pub(super) fn major(&self) -> u32 {
        self.major
    }

    /// A command for one of the programs, with an environment that holds nothing of ours: the
    /// server needs no secret of this process, and PG… variables would change what it does.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        command.env_clear().env("TZ", "UTC").env("LC_ALL", super::cluster::LOCALE);
        for kept in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.stdin(Stdio::null());
        command
    }

    fn inspect(directory: &Path, origin: Origin) -> Result<Self, PostgresError> {
        let unusable = |reason: String| PostgresError::BinDirectory {
            directory: directory.to_owned(),
            reason,
        };
        for program in ["postgres", "initdb"] {
            if !directory.join(program).is_file() {
                return Err(unusable(format!("it holds no program `{program}`")));
            }
        }
        let directory = fs::canonicalize(directory).map_err(|error| unusable(error.to_string()))?;
        let mut found =
            Self { directory: directory.clone(), origin, version: String::new(), major: 0 };
        let output = found
            .command("postgres")
            .arg("--version")
            .output()
            .map_err(|error| unusable(format!("`postgres --version` does not run: {error}")))?;
        found.version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        found.major = parse_major(&found.version).ok_or_else(|| {
            unusable(format!(
                "`postgres --version` ({}) prints {:?} and {:?}, which names no version",
                output.status,
                found.version,
                String::from_utf8_lossy(&output.stderr).trim()
            ))
        })?;
        if found.major < MINIMUM_MAJOR {
            return Err(unusable(format!("{} is older than {MINIMUM_MAJOR}", found.version)));
        }
        Ok(found)
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15; betas as `18beta1` → 18.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Installed major versions with their bin directories, newest first.
fn installed_versions(root: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<_> = entries
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            (bin.join("postgres").is_file() && bin.join("initdb").is_file()).then_some((major, bin))
        })
        .collect();
    versions.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    versions
}

fn not_found(places: &Places<'_>) -> PostgresError {
    let found: Vec<_> = installed_versions(places.installed)
        .into_iter()
        .map(|(major, _)| major.to_string())
        .collect();
    let installed = match found.is_empty() {
        true => "no version is there".to_owned(),
        false => format!("only {} is there, older than {MINIMUM_MAJOR}", found.join(", ")),
    };
    let looked = format!(
        "- the configured bin directory (CHANCERY_PG_BIN): not set;\n\
         - this program itself: it carries none (built without the feature `embedded`, or for a \
         platform that has no archive);\n\
         - {}/*/bin: {installed}.",
        places.installed.display()
    );
    PostgresError::NotFound { looked, minimum: MINIMUM_MAJOR }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn fake_installation(root: &Path, major: &str) {
        let bin = root.join(major).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["postgres", "initdb"] {
            let script = format!("#!/bin/sh\necho 'postgres (PostgreSQL) {major}.4 (Test)'\n");
            fs::write(bin.join(program), script).unwrap();
            fs::set_permissions(bin.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    fn find_in(configured: Option<&Path>, installed: &Path) -> Result<Binaries, PostgresError> {
        Binaries::find(&Places { configured, carried: None, installed }, installed)
    }

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        for (printed, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", Some(15)),
            ("postgres (PostgreSQL) 17.5", Some(17)),
            ("postgres (PostgreSQL) 18beta1", Some(18)),
            ("postgres (PostgreSQL) devel", None),
            ("", None),
        ] {
            assert_eq!(parse_major(printed), major, "{printed}");
        }
    }

    #[test]
    fn the_newest_installed_version_wins_as_a_number() {
        let root = tempfile::tempdir().unwrap();
        for major in ["9", "15", "16", "100"] {
            fake_installation(root.path(), major);
        }
        let found = find_in(None, root.path()).unwrap();
        assert_eq!((found.major(), found.origin()), (100, Origin::Installed));
    }

    #[test]
    fn an_absent_postgres_is_told_with_places_and_remedies() {
        let root = tempfile::tempdir().unwrap();
        let nothing = find_in(None, root.path()).unwrap_err().to_string();
        fake_installation(root.path(), "14");
        let old = find_in(None, root.path()).unwrap_err().to_string();
        for (text, found) in [(&nothing, "no version is there"), (&old, "only 14 is there")] {
            for part in ["postgres", "initdb", "CHANCERY_PG_BIN", "1.", "2.", "3.", found] {
                assert!(text.contains(part), "{part} in {text}");
            }
            assert!(text.contains("DATABASE_URL") && text.contains("apt install postgresql"));
        }
    }

    #[test]
    fn a_configured_directory_is_final() {
        let root = tempfile::tempdir().unwrap();
        for major in ["14", "16"] {
            fake_installation(root.path(), major);
        }
        let empty = root.path().join("empty");
        let error = find_in(Some(&empty), root.path()).unwrap_err().to_string();
        assert!(
            error.contains("empty") && error.contains("holds no program `postgres`"),
            "{error}"
        );

        let bin = root.path().join("14/bin");
        let error = find_in(Some(&bin), root.path()).unwrap_err().to_string();
        assert!(error.contains("older than 15"), "{error}");

        fs::write(bin.join("postgres"), "#!/bin/sh\necho nonsense; exit 3\n").unwrap();
        let error = find_in(Some(&bin), root.path()).unwrap_err().to_string();
        assert!(error.contains("nonsense") && error.contains("exit status: 3"), "{error}");
    }
}
