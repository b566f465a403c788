//! The transparency log's formats and their verification, alone.
//!
//! Everything an outsider needs to check the log: event encoding ([`event`], [`jcs`]), the
//! Merkle tree ([`merkle`]) and its tiles ([`tile`]), signed notes, checkpoints and cosignatures
//! ([`note`], [`checkpoint`], [`cosignature`]), offline proofs ([`proof`], [`policy`]),
//! attestations ([`dsse`]) and the verification of a whole export ([`export`]).
//!
//! The crate is pure: no database, clock, randomness, async or file access, so an auditor builds
//! it alone and it compiles to `wasm32-unknown-unknown`. It verifies signatures and never makes
//! them. No decoder panics, whatever the bytes.

pub mod checkpoint;
pub mod cosignature;
pub mod dsse;
mod error;
pub mod event;
pub mod export;
pub mod hash;
pub mod jcs;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod proof;
#[cfg(test)]
mod testing;
pub mod tile;

pub use error::AuditError;
pub use hash::Hash;
