//! Finds the archive of the embedded PostgreSQL, checks its digest and tells the crate where it is.
//!
//! Sets `CHANCERY_POSTGRES_ARCHIVE`, `CHANCERY_POSTGRES_ARCHIVE_SHA256` and the cfg
//! `chancery_postgres_archive` where feature `embedded` is on and the target has a carrier; sets
//! nothing elsewhere, and the crate then says so at run time. Touches no network.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(chancery_postgres_archive)");
    #[cfg(feature = "embedded")]
    embedded::announce();
}

#[cfg(feature = "embedded")]
mod embedded {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};

    use cargo_metadata::MetadataCommand;
    use sha2::{Digest, Sha256};

    const CARRIER_VERSION: &str = "0.2.7";
    const ARCHIVE: &str = "lib/pglite-runtime.tar.zst";

    /// SHA-256 of [`ARCHIVE`] in each carrier. Changes together with [`CARRIER_VERSION`].
    const PINNED: [(&str, &str); 4] = [
        (
            "x86_64-unknown-linux-gnu",
            "e3fb68210df2e40e534a5db9886a4af5d56d4ef9ca30adeefd437069bda95073",
        ),
        (
            "aarch64-unknown-linux-gnu",
            "43e7cb060965465db4eb79080d171f6b00f7e137d3aeba94f3c05de64cc805a9",
        ),
        ("x86_64-apple-darwin", "799a11b915d3dd17a8538ac2367e77834b9e198c6aabbce90b58d53ac9b4adb2"),
        (
            "aarch64-apple-darwin",
            "d269fc00265ac02b776878ebc8576c7fe6ca5be3d1387e15d5aa969aeaec62ee",
        ),
    ];

    pub fn announce() {
        let target = required("TARGET");
        let Some((_, pinned)) = PINNED.iter().find(|(triple, _)| *triple == target) else {
            println!("cargo:warning=no embedded PostgreSQL for {target}: built without one");
            return;
        };
        let carrier = format!("pglite-rs-lib-{target}");
        let archive = find(&carrier, &target);
        let found = sha256(&archive);
        assert!(
            found == *pinned,
            "{} has SHA-256 {found}, but server/build.rs pins {pinned}: the download is damaged, or \
             {carrier} changed without its pin",
            archive.display()
        );
        println!("cargo:rerun-if-changed={}", archive.display());
        println!("cargo:rustc-env=CHANCERY_POSTGRES_ARCHIVE={}", archive.display());
        println!("cargo:rustc-env=CHANCERY_POSTGRES_ARCHIVE_SHA256={pinned}");
        println!("cargo:rustc-cfg=chancery_postgres_archive");
    }

    /// Asks cargo first, because only cargo knows of vendoring and source replacement. Cargo cannot
    /// answer offline where a dependency that this build never needed (a development one) is not
    /// downloaded, so its unpacked registry sources come second. Either way the digest decides.
    fn find(carrier: &str, target: &str) -> PathBuf {
        let asked = ask_cargo(carrier, target);
        let unpacked = || registry_sources(carrier);
        asked.as_ref().ok().cloned().or_else(unpacked).unwrap_or_else(|| {
            panic!(
                "found no {ARCHIVE} of {carrier} {CARRIER_VERSION}: {}. Run `cargo fetch`, or build \
                 with --no-default-features to leave the embedded PostgreSQL out",
                asked.err().unwrap_or_default()
            )
        })
    }

    fn ask_cargo(carrier: &str, target: &str) -> Result<PathBuf, String> {
        let options =
            ["--offline", "--locked", "--filter-platform", target].map(str::to_owned).to_vec();
        let metadata = MetadataCommand::new()
            .manifest_path(Path::new(&required("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .other_options(options)
            .exec()
            .map_err(|error| error.to_string())?;
        metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == carrier)
            .and_then(|package| package.manifest_path.parent())
            .map(|folder| folder.join(ARCHIVE).into_std_path_buf())
            .filter(|archive| archive.is_file())
            .ok_or_else(|| format!("cargo metadata knows no {carrier} with that file"))
    }

    fn registry_sources(carrier: &str) -> Option<PathBuf> {
        let cargo_home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))?;
        let registries = fs::read_dir(cargo_home.join("registry/src")).ok()?;
        registries
            .flatten()
            .map(|registry| registry.path().join(format!("{carrier}-{CARRIER_VERSION}")))
            .map(|folder| folder.join(ARCHIVE))
            .find(|archive| archive.is_file())
    }

    fn sha256(path: &Path) -> String {
        let bytes = fs::read(path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn required(variable: &str) -> String {
        env::var(variable).unwrap_or_else(|_| panic!("cargo sets {variable} for build scripts"))
    }
}
