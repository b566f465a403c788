//! What a plugin may do: the intersection of what its manifest asks for, what
//! an administrator grants and what the deployment allows at most.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::Manifest;

/// The largest stack a deployment may allow. A plugin runs on its caller's
/// thread, whose own stack must hold this and the host's frames.
pub const STACK_BYTES_MAX: u64 = 1 << 20;

/// An operation of the world that needs authority. `describe` needs none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Source to program.
    Compile,
    /// Program to buffers.
    Run,
    /// Program to derivatives.
    Gradient,
    /// Program to its cost.
    Cost,
}

/// What one call may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Instructions, roughly; deterministic.
    pub fuel: u64,
    /// All memories and tables of the instance together.
    pub memory_bytes: u64,
    /// Wall clock from instantiation to answer: the back stop.
    pub deadline_ms: u64,
    /// WebAssembly stack.
    pub stack_bytes: u64,
    /// Bytes that the answer takes on the host.
    pub output_bytes: u64,
    /// Core instances inside the component; as many memories, and tables.
    pub instances: u64,
}

/// What an administrator allows one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Operations.
    pub operations: BTreeSet<Operation>,
    /// Limits.
    pub limits: Limits,
}

/// What a deployment allows any plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ceiling {
    /// Operations.
    pub operations: BTreeSet<Operation>,
    /// Limits; `stack_bytes` is at most [`STACK_BYTES_MAX`].
    pub limits: Limits,
    /// Largest component that is compiled.
    pub component_bytes: u64,
}

/// Manifest ∩ grant ∩ ceiling. There is no other way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    operations: BTreeSet<Operation>,
    limits: Limits,
}

impl Authority {
    pub(crate) fn intersect(manifest: &Manifest, grant: &Grant, ceiling: &Ceiling) -> Self {
        let allowed = |operation: &&Operation| {
            grant.operations.contains(operation) && ceiling.operations.contains(operation)
        };
        Self {
            operations: manifest.operations.iter().filter(allowed).copied().collect(),
            limits: manifest.limits.min(&grant.limits).min(&ceiling.limits),
        }
    }

    /// Whether this operation is allowed.
    pub fn allows(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    /// What one call may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Limits {
    /// The smaller of each limit.
    pub fn min(&self, other: &Self) -> Self {
        Self {
            fuel: self.fuel.min(other.fuel),
            memory_bytes: self.memory_bytes.min(other.memory_bytes),
            deadline_ms: self.deadline_ms.min(other.deadline_ms),
            stack_bytes: self.stack_bytes.min(other.stack_bytes),
            output_bytes: self.output_bytes.min(other.output_bytes),
            instances: self.instances.min(other.instances),
        }
    }

    pub(crate) fn values(&self) -> [u64; 6] {
        [
            self.fuel,
            self.memory_bytes,
            self.deadline_ms,
            self.stack_bytes,
            self.output_bytes,
            self.instances,
        ]
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compile => "compile",
            Self::Run => "run",
            Self::Gradient => "gradient",
            Self::Cost => "cost",
        })
    }
}
