//! What can go wrong with a plugin, by whom it is to blame.

use thiserror::Error;

use crate::{Fault, Operation};

/// Whose move it is after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Whoever made the request.
    Caller,
    /// Whoever signs, grants or sets the ceiling.
    Administrator,
    /// Whoever wrote the plugin.
    Author,
    /// The request, the plugin or the limits: together they were too much.
    Limit,
    /// This host, or the machine under it.
    Host,
}

/// Every way in which loading or calling a plugin fails.
#[derive(Debug, Error)]
pub enum PluginError {
    /// The plugin read the request and refuses it.
    #[error("the plugin refuses the request: {}", .0.message)]
    Refused(Fault),
    /// An input buffer whose shape is not that of its elements.
    #[error("input `{0}`: its shape does not match its elements")]
    InputShape(String),
    /// A program that another plugin compiled.
    #[error("the program was compiled by another plugin")]
    ForeignProgram,

    /// Manifest, grant and ceiling do not all allow this.
    #[error("operation `{0}` is not granted to this plugin")]
    NotGranted(Operation),
    /// The signing key is not among the trusted ones.
    #[error("the plugin is signed by a key that is not trusted")]
    UntrustedKey,
    /// The signature is not over these bytes, this manifest and this ABI.
    #[error("the signature does not match the plugin and its manifest")]
    BadSignature,
    /// A deployment's ceiling that this host cannot keep.
    #[error("the ceiling cannot be kept: {0}")]
    Ceiling(&'static str),

    /// A manifest that cannot be signed or read.
    #[error("malformed manifest: {0}")]
    Manifest(&'static str),
    /// The bytes are not a component that this host compiles.
    #[error("malformed component: {0}")]
    Malformed(String),
    /// The component asks for something from outside; nothing is given.
    #[error("the component imports `{0}`: a plugin has no imports")]
    Import(String),
    /// The manifest or the component speaks another ABI.
    #[error("the plugin does not implement {abi}: {found}", abi = crate::ABI)]
    AbiMismatch {
        /// What was found instead.
        found: String,
    },
    /// The component describes itself otherwise than its manifest.
    #[error("manifest and component disagree on {0}")]
    ManifestMismatch(&'static str),
    /// The plugin panicked or did what WebAssembly forbids.
    #[error("the plugin trapped: {0}")]
    Trapped(String),
    /// The plugin's answer cannot be read.
    #[error("the plugin's answer is malformed: {0}")]
    MalformedOutput(String),

    /// More bytes of WebAssembly than the deployment accepts.
    #[error("the component is larger than {limit_bytes} bytes")]
    ComponentTooLarge {
        /// The deployment's ceiling.
        limit_bytes: u64,
    },
    /// All fuel is used.
    #[error("the call used up its fuel of {limit}")]
    FuelExhausted {
        /// Fuel that was given.
        limit: u64,
    },
    /// The wall clock ended the call.
    #[error("the call exceeded its deadline of {limit_ms} ms")]
    DeadlineExceeded {
        /// Time that was given.
        limit_ms: u64,
    },
    /// Memory or tables beyond the limit.
    #[error("the call exceeded its memory of {limit_bytes} bytes")]
    MemoryExceeded {
        /// Memory that was given.
        limit_bytes: u64,
    },
    /// Recursion beyond the limit.
    #[error("the call exceeded its stack of {limit_bytes} bytes")]
    StackExceeded {
        /// Stack that was given.
        limit_bytes: u64,
    },
    /// An answer beyond the limit.
    #[error("the answer is larger than {limit_bytes} bytes")]
    OutputTooLarge {
        /// Bytes that were allowed.
        limit_bytes: u64,
    },
    /// The component needs more instances, memories or tables than allowed.
    #[error("the component cannot be instantiated within its limits: {0}")]
    Instantiation(String),

    /// The WebAssembly engine or the operating system failed.
    #[error("the plugin host failed: {0}")]
    Host(String),
}

impl PluginError {
    /// Whom the error concerns.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Refused(_) | Self::InputShape(_) | Self::ForeignProgram => Blame::Caller,
            Self::NotGranted(_) | Self::UntrustedKey | Self::BadSignature | Self::Ceiling(_) => {
                Blame::Administrator
            }
            Self::Manifest(_)
            | Self::Malformed(_)
            | Self::Import(_)
            | Self::AbiMismatch { .. }
            | Self::ManifestMismatch(_)
            | Self::Trapped(_)
            | Self::MalformedOutput(_) => Blame::Author,
            Self::ComponentTooLarge { .. }
            | Self::FuelExhausted { .. }
            | Self::DeadlineExceeded { .. }
            | Self::MemoryExceeded { .. }
            | Self::StackExceeded { .. }
            | Self::OutputTooLarge { .. }
            | Self::Instantiation(_) => Blame::Limit,
            Self::Host(_) => Blame::Host,
        }
    }
}
