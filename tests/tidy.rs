//! The house rules that no compiler holds, each with its reason.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Longest source file.
const LINES_MAX: usize = 350;

/// A library, the only folders whose code may name it, and why.
const ROOMS: [(&str, &[&str], &str); 9] = [
    (
        "actix_web",
        &["server/src/http/"],
        "a job must run the same without HTTP, so only one room knows it",
    ),
    ("actix_http", &["server/src/http/"], "as actix_web"),
    (
        "sqlx",
        &["server/src/store/", "server/tests/", "tests/"],
        "every statement is found, read and authorised in one place",
    ),
    ("burn", &["kernels/"], "a backend is swapped without touching server or policy"),
    ("opendp", &["kernels/"], "privacy mechanisms are reviewed in one place"),
    ("wasmtime", &["plugins/"], "foreign code is let in through one door"),
    ("regorus", &["policy/"], "what decides is pure and replaced in one place"),
    ("askama", &["server/src/http/pages/"], "pages show values and decide nothing"),
    ("ureq", &["server/src/client.rs", "tests/"], "outgoing calls are seen in one place"),
];

/// The crates and what they may depend on of each other: the four rooms know neither each other nor the
/// server, so that an auditor, a policy author or a plugin author builds one of them alone.
const DEPENDENCIES: [(&str, &[&str]); 6] = [
    ("server", &["chancery-audit", "chancery-kernels", "chancery-plugins", "chancery-policy"]),
    ("server/audit", &[]),
    ("kernels", &[]),
    ("plugins", &[]),
    ("policy", &[]),
    (
        "tests",
        &["chancery", "chancery-audit", "chancery-kernels", "chancery-plugins", "chancery-policy"],
    ),
];

struct Source {
    /// Relative to the workspace.
    path: String,
    text: String,
}

impl Source {
    /// Lines of code with their numbers: comments are left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines()).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the workspace.
fn sources() -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for room in ["server", "kernels", "plugins", "policy", "tests"] {
        collect(&root().join(room), &mut sources)?;
    }
    anyhow::ensure!(sources.len() > 100, "only {} files were found", sources.len());
    Ok(sources)
}

fn collect(folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a plain file name")?;
        if path.is_dir() && name != "target" {
            collect(&path, sources)?;
        } else if name.ends_with(".rs") {
            let relative = path.strip_prefix(root())?.to_str().context("a plain path")?;
            sources
                .push(Source { path: relative.to_owned(), text: std::fs::read_to_string(&path)? });
        }
    }
    Ok(())
}

/// Places where a line of code fulfils `is_wrong`, outside the files that `may` exempts.
fn places(may: impl Fn(&str) -> bool, is_wrong: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut places = Vec::new();
    for source in sources()?.iter().filter(|source| !may(&source.path)) {
        let wrong = source.code().filter(|(_, line)| is_wrong(line));
        places.extend(
            wrong.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())),
        );
    }
    Ok(places)
}

/// Whether a line of code names the crate: `name::…`, or `use name` and the like.
fn names(line: &str, library: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(library).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + library.len()..];
        let used =
            line.trim_start().starts_with("use ") || line.trim_start().starts_with("extern ");
        !before.is_some_and(|c| is_word(c) || c == '"')
            && (after.starts_with("::") || used && after.starts_with([';', ' ']))
    })
}

#[test]
fn each_library_stays_in_its_room() -> Result<()> {
    for (library, folders, reason) in ROOMS {
        let may = |path: &str| {
            path == "tests/tidy.rs" || folders.iter().any(|folder| path.starts_with(folder))
        };
        let wrong = places(may, |line| names(line, library))?;
        assert!(
            wrong.is_empty(),
            "{library} belongs into {folders:?}: {reason}\n{}",
            wrong.join("\n")
        );
    }
    // The check itself must be able to fail.
    assert!(names("    sqlx::query(sql)", "sqlx") && names("use burn::tensor;", "burn"));
    assert!(!names("    sqlx_error::DatabaseError", "sqlx") && !names("let burn = 1;", "burn"));
    Ok(())
}

#[test]
fn rooms_know_each_other_in_one_direction_only() -> Result<()> {
    for (room, allowed) in DEPENDENCIES {
        let manifest = std::fs::read_to_string(root().join(room).join("Cargo.toml"))?;
        let manifest: toml::Table = manifest.parse()?;
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let section = manifest.get(section).and_then(toml::Value::as_table);
            for name in section.into_iter().flat_map(toml::Table::keys) {
                let ours = name == "chancery" || name.starts_with("chancery-");
                assert!(!ours || allowed.contains(&name.as_str()), "{room} must not know {name}");
            }
        }
    }
    Ok(())
}

/// The rooms hold only their own heavy library in their manifests too: a dependency that nothing uses
/// today is used tomorrow.
#[test]
fn manifests_name_only_the_libraries_of_their_room() -> Result<()> {
    for (library, folders, reason) in ROOMS {
        let package = library.replace('_', "-");
        for (room, _) in DEPENDENCIES {
            let manifest = std::fs::read_to_string(root().join(room).join("Cargo.toml"))?;
            let manifest: toml::Table = manifest.parse()?;
            let named = ["dependencies", "dev-dependencies"]
                .iter()
                .filter_map(|section| manifest.get(*section)?.as_table())
                .any(|section| section.contains_key(&package));
            let allowed = folders.iter().any(|folder| folder.starts_with(&format!("{room}/")));
            assert!(!named || allowed, "{room}/Cargo.toml names {package}: {reason}");
        }
    }
    Ok(())
}

/// A reader holds a short file in mind at once.
#[test]
fn files_are_short() -> Result<()> {
    let long: Vec<String> = sources()?
        .iter()
        .map(|source| (&source.path, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split at {LINES_MAX} lines:\n{}", long.join("\n"));
    Ok(())
}

/// What is not done is not there: an unfinished path panics on a user, a skipped test proves nothing.
#[test]
fn nothing_is_left_unfinished_or_skipped() -> Result<()> {
    let unfinished = ["todo!", "unimplemented!", "#[ignore", "dbg!("];
    let may = |path: &str| path == "tests/tidy.rs";
    let wrong = places(may, |line| unfinished.iter().any(|word| line.contains(word)))?;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Tests own the time, and a decision is replayed at the time it was made.
#[test]
fn the_machines_clock_is_read_in_one_place() -> Result<()> {
    let may = |path: &str| path == "server/src/clock.rs" || path == "tests/tidy.rs";
    let wrong = places(may, |line| line.contains("SystemTime::now") || line.contains("now_utc"))?;
    assert!(wrong.is_empty(), "take the time from Clock:\n{}", wrong.join("\n"));
    Ok(())
}

/// `unsafe` code is denied by a workspace lint that each crate must take up.
#[test]
fn every_crate_takes_the_workspace_lints() -> Result<()> {
    for (room, _) in DEPENDENCIES {
        let manifest: toml::Table =
            std::fs::read_to_string(root().join(room).join("Cargo.toml"))?.parse()?;
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(
            lints,
            Some(&toml::Value::Boolean(true)),
            "{room}/Cargo.toml: [lints] workspace = true"
        );
    }
    Ok(())
}
