//! A pack: the rule files of one version, parsed, checked and digested.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::embedded::{self, MANDATORY};
use crate::engine::Rego;
use crate::{GatePoint, PolicyError, RuleMetadata, asking, purity};

/// Greatest number of files in a pack.
const FILES_MAX: usize = 512;
/// Greatest total size of a pack, in bytes.
const BYTES_MAX: usize = 4 * 1024 * 1024;

const RULES: &str = "data.chancery.rules.";
const LIBRARY: &str = "data.chancery.lib.";
const MANIFEST: &str = "data.chancery.pack";
const MANIFEST_FILE: &str = "pack.rego";

/// A rule pack ready to decide. Immutable, and safe to share between threads.
///
/// One file is one rule in the package `chancery.rules.<id>`, declaring `metadata`, `applicable`,
/// `pass` and `reasons`. Files under `lib/` stand in `chancery.lib.<name>` and hold shared
/// functions; `pack.rego` declares the `version` in `chancery.pack`.
#[derive(Clone, Debug)]
pub struct Pack {
    version: String,
    digest: String,
    sources: BTreeMap<String, String>,
    rules: Vec<RuleMetadata>,
    mandatory: Vec<String>,
    rego: Rego,
}

impl Pack {
    /// The pack compiled into this binary.
    ///
    /// # Errors
    /// As [`Pack::from_sources`]; the tests hold that it has none.
    pub fn embedded() -> Result<Self, PolicyError> {
        let own = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self::from_sources(embedded::SOURCES.iter().map(own).collect())
    }

    /// A pack from (path, text) pairs, in any order.
    ///
    /// # Errors
    /// A file that does not parse, stands in a foreign package, names an impure builtin or
    /// declares incomplete metadata; a missing or altered mandatory rule; a pack too large.
    pub fn from_sources(sources: Vec<(String, String)>) -> Result<Self, PolicyError> {
        check_size(&sources)?;
        let sources = sorted(sources)?;
        check_mandatory(&sources)?;
        let mut rego = Rego::new().map_err(|problem| at(MANIFEST_FILE, problem))?;
        let rule_files = load(&mut rego, &sources)?;
        // The first query schedules all modules: what is wrong between them shows here.
        let version = read_version(&mut rego)?;
        let rules = rule_files
            .iter()
            .map(|(id, file)| read_rule(&mut rego, id, file))
            .collect::<Result<Vec<_>, _>>()?;
        let rego = with_gates(rego, &rules).map_err(|problem| at(asking::FILE, problem))?;
        Ok(Self {
            version,
            digest: digest(&sources),
            sources,
            mandatory: mandatory_ids(&rule_files),
            rules,
            rego,
        })
    }

    /// Version, as `pack.rego` declares it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Lower-case hex SHA-256 over the files in the order of their paths, each as the length of
    /// the path (eight bytes, big-endian), the path, the length of the text, the text.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The (path, text) pairs in the order of their paths: what a later replay loads again.
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// The rules in the order of their ids.
    pub fn rules(&self) -> &[RuleMetadata] {
        &self.rules
    }

    /// The rules asked at a gate.
    pub(crate) fn rules_at(&self, gate: GatePoint) -> impl Iterator<Item = &RuleMetadata> {
        self.rules.iter().filter(move |rule| rule.gates.contains(&gate))
    }

    /// Whether a rule binds beyond any setting.
    pub(crate) fn is_mandatory(&self, id: &str) -> bool {
        self.mandatory.iter().any(|mandatory| mandatory == id)
    }

    /// An engine of its own for one decision.
    pub(crate) fn rego(&self) -> Rego {
        self.rego.clone()
    }
}

type Sources = BTreeMap<String, String>;

fn at(file: &str, problem: impl Into<String>) -> PolicyError {
    PolicyError::Source { file: file.to_owned(), problem: problem.into() }
}

fn check_size(sources: &[(String, String)]) -> Result<(), PolicyError> {
    let bytes = sources.iter().map(|(path, text)| path.len() + text.len()).sum();
    for (unit, actual, limit) in [("files", sources.len(), FILES_MAX), ("bytes", bytes, BYTES_MAX)]
    {
        if actual > limit {
            return Err(PolicyError::PackTooLarge { unit, actual, limit });
        }
    }
    Ok(())
}

fn sorted(sources: Vec<(String, String)>) -> Result<Sources, PolicyError> {
    let mut files = Sources::new();
    for (path, text) in sources {
        if files.contains_key(&path) {
            return Err(PolicyError::Duplicate { file: path.clone(), claimed: path });
        }
        files.insert(path, text);
    }
    Ok(files)
}

fn check_mandatory(sources: &Sources) -> Result<(), PolicyError> {
    let altered = |path: &&&str| sources.get(**path).map(String::as_str) != embedded::source(path);
    match MANDATORY.iter().find(altered) {
        Some(path) => Err(PolicyError::MandatoryRule { file: (*path).to_owned() }),
        None => Ok(()),
    }
}

/// Adds every file to the engine and returns the rules by id, each with its file.
fn load(rego: &mut Rego, sources: &Sources) -> Result<BTreeMap<String, String>, PolicyError> {
    let mut rules = BTreeMap::new();
    for (file, text) in sources {
        purity::check_nesting(file, text)?;
        purity::check(file, text)?;
        let package = add(rego, file, text).map_err(|problem| at(file, problem))?;
        let Some(id) = rule_id(file, &package)? else { continue };
        if rules.insert(id.clone(), file.clone()).is_some() {
            return Err(PolicyError::Duplicate { file: file.clone(), claimed: id });
        }
    }
    Ok(rules)
}

/// Adds a file, and to a rule its answer. Returns the package.
fn add(rego: &mut Rego, file: &str, text: &str) -> Result<String, String> {
    if text.contains(asking::ANSWER_NAME) {
        return Err(format!("`{}` is reserved", asking::ANSWER_NAME));
    }
    match file == MANIFEST_FILE || file.starts_with("lib/") {
        true => rego.add(file, text),
        false => rego.add(file, &format!("{text}{}", asking::ANSWER)),
    }
}

/// The id of the rule in a file, or `None` for the manifest and the library.
fn rule_id(file: &str, package: &str) -> Result<Option<String>, PolicyError> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    if file == MANIFEST_FILE && package == MANIFEST {
        return Ok(None);
    }
    if file.starts_with("lib/") {
        let inside = package.strip_prefix(LIBRARY).is_some_and(is_name);
        return if inside {
            Ok(None)
        } else {
            Err(at(file, "expected package chancery.lib.<name>"))
        };
    }
    match package.strip_prefix(RULES).filter(|name| is_name(name)) {
        Some(id) => Ok(Some(id.to_owned())),
        None => Err(at(file, "expected package chancery.rules.<id>")),
    }
}

/// Checks the parts of a rule and reads its metadata, with no input set: metadata that depends
/// on facts is undefined here, and refused.
fn read_rule(rego: &mut Rego, id: &str, file: &str) -> Result<RuleMetadata, PolicyError> {
    for part in ["metadata", "applicable", "pass", "reasons"] {
        let declared = rego.declares(file, part);
        match declared.map_err(|problem| at(file, problem))? {
            true => {}
            false if part == "metadata" => {
                return RuleMetadata::parse(file, id, &serde_json::Value::Null);
            }
            false => return Err(at(file, format!("declares no `{part}`"))),
        }
    }
    let value = rego.eval(&format!("{RULES}{id}.metadata")).map_err(|problem| at(file, problem))?;
    RuleMetadata::parse(file, id, &value.unwrap_or_default())
}

/// Adds the module of the gates, and schedules once more, so that no decision has to.
fn with_gates(mut rego: Rego, rules: &[RuleMetadata]) -> Result<Rego, String> {
    rego.add(asking::FILE, &asking::gates(rules))?;
    rego.eval(&format!("{MANIFEST}.version"))?;
    Ok(rego)
}

fn read_version(rego: &mut Rego) -> Result<String, PolicyError> {
    let version =
        rego.eval(&format!("{MANIFEST}.version")).map_err(|problem| at(MANIFEST_FILE, problem))?;
    match version.as_ref().and_then(|value| value.as_str()).map(str::trim) {
        Some(version) if !version.is_empty() => Ok(version.to_owned()),
        _ => Err(at(MANIFEST_FILE, "declares no `version` text")),
    }
}

fn mandatory_ids(rules: &BTreeMap<String, String>) -> Vec<String> {
    let mandatory = |file: &str| MANDATORY.contains(&file);
    rules.iter().filter(|(_, file)| mandatory(file)).map(|(id, _)| id.clone()).collect()
}

/// Lengths stand before their bytes, so that no two packs feed the hash the same input.
fn digest(sources: &Sources) -> String {
    let mut hash = Sha256::new();
    for part in sources.iter().flat_map(|(path, text)| [path, text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
