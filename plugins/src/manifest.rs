//! The manifest: what a plugin's author states and signs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Limits, Operation, PluginError};

/// The ABI of this host: the WIT package and its version.
pub const ABI: &str = "chancery:compute@0.1.0";

/// The largest number that every JSON reader holds exactly (RFC 8785 §3.2.2.3
/// writes numbers as doubles): above it, two limits could share one signature.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// Longest name or version.
const TEXT_BYTES_MAX: usize = 128;

/// Identity, ABI and the authority that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugin's name, as its `describe` states it.
    pub name: String,
    /// The plugin's version, as its `describe` states it.
    pub version: String,
    /// [`ABI`], or the plugin is not loaded.
    pub abi: String,
    /// Operations that are asked for.
    pub operations: BTreeSet<Operation>,
    /// Limits that are asked for.
    pub limits: Limits,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`PluginError::Manifest`] for anything but the five fields.
    pub fn parse(json: &[u8]) -> Result<Self, PluginError> {
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|_| PluginError::Manifest("not JSON of exactly the manifest's fields"))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The bytes that are signed: RFC 8785 (JCS).
    ///
    /// # Errors
    /// [`PluginError::Manifest`] for numbers that JSON does not hold exactly.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, PluginError> {
        self.check()?;
        serde_json_canonicalizer::to_vec(self)
            .map_err(|_| PluginError::Manifest("it has no canonical form"))
    }

    fn check(&self) -> Result<(), PluginError> {
        let texts = [&self.name, &self.version, &self.abi];
        if texts.iter().any(|text| text.is_empty() || text.len() > TEXT_BYTES_MAX) {
            return Err(PluginError::Manifest("a name, version or ABI is empty or too long"));
        }
        if self.limits.values().iter().any(|value| *value > NUMBER_MAX) {
            return Err(PluginError::Manifest("a limit above 2^53 - 1"));
        }
        Ok(())
    }
}
