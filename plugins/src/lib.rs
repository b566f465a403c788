//! The host for compute plugins: WebAssembly components of the world
//! `chancery:compute/plugin`, for experimental back ends.
//!
//! A plugin is loaded only if a trusted key signed these very bytes together
//! with their manifest. It then may do what manifest, grant and ceiling all
//! allow ([`Authority`]), in a fresh instance for every call, without a single
//! import: no clock, file, network or randomness. So a call is a function of
//! its request, and a replay is bit-exact.
//!
//! ```text
//! Host::new(ceiling) → host.load(wasm, manifest, signature, keys, grant)
//!                    → plugin.compile(…) → plugin.run(…)
//! ```
//!
//! What ends a call: fuel first, which counts instructions and is therefore
//! part of the deterministic answer; the wall clock as the back stop, for what
//! fuel does not price well. A call that is ended leaves nothing behind.

mod authority;
mod bindings;
mod buffer;
mod error;
mod host;
mod manifest;
mod meter;
mod plugin;
mod sandbox;
mod signature;
mod ticker;

pub use authority::{Authority, Ceiling, Grant, Limits, Operation, STACK_BYTES_MAX};
pub use bindings::exports::chancery::compute::compute::{
    Buffer, Capabilities, Fault, FaultKind, Measure, Values,
};
pub use buffer::digest;
pub use error::{Blame, PluginError};
pub use host::Host;
pub use manifest::{ABI, Manifest};
pub use plugin::{GradientRequest, Plugin, Program, RunOutcome, RunRequest};
pub use signature::{PublicKey, Signature, TrustedKeys, signing_message};
