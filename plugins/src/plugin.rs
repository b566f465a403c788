//! A loaded plugin and its calls.

use std::fmt;

use crate::{
    Authority, Buffer, Capabilities, Fault, Measure, Operation, PluginError,
    buffer::{check_inputs, check_outputs},
    sandbox::{Metered, Sandbox},
};

/// A plugin that was verified, with the authority it got. Calls may run at
/// the same time; they share nothing.
pub struct Plugin {
    sandbox: Sandbox,
    authority: Authority,
    capabilities: Capabilities,
    digest: [u8; 32],
}

/// Bytes that a plugin compiled, tied to that plugin.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    plugin: [u8; 32],
    bytes: Vec<u8>,
}

/// What [`Plugin::run`] takes.
#[derive(Clone, Copy, Debug)]
pub struct RunRequest<'a> {
    /// Compiled by the same plugin.
    pub program: &'a Program,
    /// Values of the program's parameters.
    pub params: &'a [f64],
    /// Named tensors.
    pub inputs: &'a [Buffer],
    /// Samples to draw.
    pub shots: u32,
    /// The only source of randomness.
    pub seed: u64,
}

/// What [`Plugin::gradient`] takes.
#[derive(Clone, Copy, Debug)]
pub struct GradientRequest<'a> {
    /// Compiled by the same plugin.
    pub program: &'a Program,
    /// Values of the program's parameters.
    pub params: &'a [f64],
    /// Named tensors.
    pub inputs: &'a [Buffer],
}

/// The answer of a run or a gradient. The same request gives the same outcome,
/// to the bit, on every machine.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOutcome {
    /// Named tensors.
    pub buffers: Vec<Buffer>,
    /// Fuel from instantiation to answer.
    pub fuel_used: u64,
    /// Memories and tables of the instance at the end; they never shrink.
    pub memory_bytes: u64,
}

impl Plugin {
    pub(crate) fn new(
        sandbox: Sandbox,
        authority: Authority,
        capabilities: Capabilities,
        component_digest: &[u8],
    ) -> Self {
        let mut digest = [0; 32];
        digest.copy_from_slice(component_digest);
        Self { sandbox, authority, capabilities, digest }
    }

    /// What the plugin says of itself.
    pub fn describe(&self) -> &Capabilities {
        &self.capabilities
    }

    /// What it may do.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// SHA-256 of the component.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Source to a program. The forms are in [`Capabilities::ir_kinds`].
    ///
    /// # Errors
    /// [`PluginError::Refused`] with the source's line; limits; traps.
    pub fn compile(&self, ir_kind: &str, source: &[u8]) -> Result<Program, PluginError> {
        self.require(Operation::Compile)?;
        let answer =
            self.sandbox.call(|guest, store| guest.call_compile(store, ir_kind, source))?;
        let bytes = answer.value.map_err(PluginError::Refused)?;
        Ok(Program { plugin: self.digest, bytes })
    }

    /// Executes a program.
    ///
    /// # Errors
    /// [`PluginError::Refused`] by the plugin; limits; traps.
    pub fn run(&self, request: &RunRequest<'_>) -> Result<RunOutcome, PluginError> {
        self.require(Operation::Run)?;
        let RunRequest { program, params, inputs, shots, seed } = *request;
        self.check(program, inputs)?;
        outcome(self.sandbox.call(|guest, store| {
            guest.call_run(store, &program.bytes, params, inputs, shots, seed)
        })?)
    }

    /// Derivatives of a program's outputs by its parameters.
    ///
    /// # Errors
    /// As [`Plugin::run`].
    pub fn gradient(&self, request: &GradientRequest<'_>) -> Result<RunOutcome, PluginError> {
        self.require(Operation::Gradient)?;
        let GradientRequest { program, params, inputs } = *request;
        self.check(program, inputs)?;
        outcome(
            self.sandbox
                .call(|guest, store| guest.call_gradient(store, &program.bytes, params, inputs))?,
        )
    }

    /// What a run would cost, in the plugin's own quantities.
    ///
    /// # Errors
    /// As [`Plugin::run`].
    pub fn cost(&self, program: &Program) -> Result<Vec<Measure>, PluginError> {
        self.require(Operation::Cost)?;
        self.check(program, &[])?;
        let answer = self.sandbox.call(|guest, store| guest.call_cost(store, &program.bytes))?;
        answer.value.map_err(PluginError::Refused)
    }

    fn require(&self, operation: Operation) -> Result<(), PluginError> {
        if self.authority.allows(operation) {
            return Ok(());
        }
        Err(PluginError::NotGranted(operation))
    }

    fn check(&self, program: &Program, inputs: &[Buffer]) -> Result<(), PluginError> {
        if program.plugin != self.digest {
            return Err(PluginError::ForeignProgram);
        }
        check_inputs(inputs)
    }
}

impl Program {
    /// The bytes, to be recorded or digested.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({} bytes for {})", self.bytes.len(), hex::encode(self.plugin))
    }
}

fn outcome(answer: Metered<Result<Vec<Buffer>, Fault>>) -> Result<RunOutcome, PluginError> {
    let Metered { value, fuel_used, memory_bytes } = answer;
    let buffers = value.map_err(PluginError::Refused)?;
    check_outputs(&buffers)?;
    Ok(RunOutcome { buffers, fuel_used, memory_bytes })
}
