//! A state-vector quantum simulator, as a Chancery compute plugin.
//!
//! Qubit 0 is the least significant bit of a basis-state index. A program is
//! a validated circuit in bytes; a run binds its parameters, executes it
//! and answers buffers: the state, expectation values of Pauli strings, and
//! samples drawn from a seed that the caller gives. There is no other source
//! of randomness, and no clock, file or network.
//!
//! The simulator is ordinary Rust and is tested natively; `component` maps it
//! to the WIT world and exists only in the WebAssembly build.

mod adjoint;
mod circuit;
mod codec;
mod complex;
#[cfg(target_arch = "wasm32")]
mod component;
mod fault;
mod fusion;
mod pauli;
mod plugin;
mod qasm;
mod sample;
mod state;

pub use fault::{Fault, FaultKind};
pub use plugin::{Buffer, Values, compile, cost, gradient, run};

/// Largest circuit: a state of 2^20 amplitudes is 16 MiB, and a gradient
/// holds three such vectors.
pub const QUBITS_MAX: usize = 20;
/// Most parameters of one circuit.
pub const PARAMETERS_MAX: usize = 4096;
/// Most operations of one circuit, after gates are lowered.
pub const OPERATIONS_MAX: usize = 1 << 18;
/// Most bits over all classical registers: an outcome is one u64.
pub const CLASSICAL_BITS_MAX: usize = 64;
/// Most samples of one run.
pub const SHOTS_MAX: u32 = 1 << 20;
/// Largest source text.
pub const SOURCE_BYTES_MAX: usize = 1 << 20;
