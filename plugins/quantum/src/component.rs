//! The WIT world, mapped to [`plugin`]. Only the WebAssembly build has it.

use crate::{
    CLASSICAL_BITS_MAX, Fault, FaultKind, QUBITS_MAX, SHOTS_MAX, SOURCE_BYTES_MAX, plugin,
};

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "plugin" });
}

use bindings::exports::chancery::compute::compute as wit;

struct Quantum;

bindings::export!(Quantum with_types_in bindings);

impl wit::Guest for Quantum {
    fn describe() -> wit::Capabilities {
        use wit::Operation::{Compile, Cost, Gradient, Run};
        wit::Capabilities {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            abi: "chancery:compute@0.1.0".into(),
            ir_kinds: vec![plugin::IR_KIND.into()],
            operations: vec![Compile, Run, Gradient, Cost],
            limits: vec![
                measure("qubits", QUBITS_MAX as u64),
                measure("classical-bits", CLASSICAL_BITS_MAX as u64),
                measure("shots", u64::from(SHOTS_MAX)),
                measure("source-bytes", SOURCE_BYTES_MAX as u64),
            ],
            deterministic: true,
            differentiable: true,
        }
    }

    fn compile(ir_kind: String, source: Vec<u8>) -> Result<Vec<u8>, wit::Fault> {
        Ok(plugin::compile(&ir_kind, &source)?)
    }

    fn run(
        program: Vec<u8>,
        params: Vec<f64>,
        inputs: Vec<wit::Buffer>,
        shots: u32,
        seed: u64,
    ) -> Result<Vec<wit::Buffer>, wit::Fault> {
        let inputs: Vec<_> = inputs.into_iter().map(plugin::Buffer::from).collect();
        let outputs = plugin::run(&program, &params, &inputs, shots, seed)?;
        Ok(outputs.into_iter().map(wit::Buffer::from).collect())
    }

    fn gradient(
        program: Vec<u8>,
        params: Vec<f64>,
        inputs: Vec<wit::Buffer>,
    ) -> Result<Vec<wit::Buffer>, wit::Fault> {
        let inputs: Vec<_> = inputs.into_iter().map(plugin::Buffer::from).collect();
        let outputs = plugin::gradient(&program, &params, &inputs)?;
        Ok(outputs.into_iter().map(wit::Buffer::from).collect())
    }

    fn cost(program: Vec<u8>) -> Result<Vec<wit::Measure>, wit::Fault> {
        let lines = plugin::cost(&program)?;
        Ok(lines.into_iter().map(|(name, value)| measure(name, value)).collect())
    }
}

fn measure(name: &str, value: u64) -> wit::Measure {
    wit::Measure { name: name.into(), value }
}

impl From<wit::Buffer> for plugin::Buffer {
    fn from(buffer: wit::Buffer) -> Self {
        let data = match buffer.data {
            wit::Values::Bytes(values) => plugin::Values::Bytes(values),
            wit::Values::U64s(values) => plugin::Values::U64s(values),
            wit::Values::F64s(values) => plugin::Values::F64s(values),
        };
        Self { name: buffer.name, shape: buffer.shape, data }
    }
}

impl From<plugin::Buffer> for wit::Buffer {
    fn from(buffer: plugin::Buffer) -> Self {
        let data = match buffer.data {
            plugin::Values::Bytes(values) => wit::Values::Bytes(values),
            plugin::Values::U64s(values) => wit::Values::U64s(values),
            plugin::Values::F64s(values) => wit::Values::F64s(values),
        };
        Self { name: buffer.name, shape: buffer.shape, data }
    }
}

impl From<Fault> for wit::Fault {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Unsupported => wit::FaultKind::Unsupported,
            FaultKind::Source => wit::FaultKind::Source,
            FaultKind::Program => wit::FaultKind::Program,
            FaultKind::Argument => wit::FaultKind::Argument,
            FaultKind::Capacity => wit::FaultKind::Capacity,
        };
        Self { kind, line: fault.line, message: fault.message }
    }
}
