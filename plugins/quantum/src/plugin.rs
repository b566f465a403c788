//! The plugin's functions, in plain types: what the WIT world calls.

use crate::{
    Fault, FaultKind, SHOTS_MAX, SOURCE_BYTES_MAX, adjoint,
    circuit::{Circuit, Operation},
    codec,
    pauli::PauliString,
    qasm,
    sample::sample,
    state::State,
};

/// The form of source that [`compile`] reads.
pub const IR_KIND: &str = "openqasm2";

/// A named tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// What it is.
    pub name: String,
    /// Its dimensions; their product is the number of elements.
    pub shape: Vec<u64>,
    /// Its elements.
    pub data: Values,
}

/// A buffer's elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Bytes; text is UTF-8.
    Bytes(Vec<u8>),
    /// Whole numbers.
    U64s(Vec<u64>),
    /// Real numbers.
    F64s(Vec<f64>),
}

/// OpenQASM 2 text to program bytes.
///
/// # Errors
/// Everything that is wrong with the source, with its line.
pub fn compile(ir_kind: &str, source: &[u8]) -> Result<Vec<u8>, Fault> {
    if ir_kind != IR_KIND {
        return Err(Fault::new(FaultKind::Unsupported, format!("only {IR_KIND} is read")));
    }
    if source.len() > SOURCE_BYTES_MAX {
        return Err(Fault::new(FaultKind::Capacity, "the source is too long"));
    }
    let text = std::str::from_utf8(source)
        .map_err(|_| Fault::new(FaultKind::Source, "the source is not UTF-8"))?;
    Ok(codec::encode(&qasm::parse(text)?))
}

/// Executes a program. The inputs say what is asked for:
///
/// - `observables`, bytes: one Pauli string a line → `expectations` `[lines]`
/// - `state`, anything → `state` `[2^qubits, 2]`, real and imaginary parts
///
/// and with `shots` > 0, `outcomes` and `counts` `[distinct outcomes]`.
///
/// # Errors
/// A foreign program, parameters that do not fit, unknown inputs.
pub fn run(
    program: &[u8],
    params: &[f64],
    inputs: &[Buffer],
    shots: u32,
    seed: u64,
) -> Result<Vec<Buffer>, Fault> {
    let circuit = codec::decode(program)?;
    let request = Request::parse(&circuit, params, inputs)?;
    if shots > SHOTS_MAX {
        return Err(Fault::new(FaultKind::Capacity, format!("more than {SHOTS_MAX} shots")));
    }
    let state = State::of(&circuit, params);
    let mut buffers = Vec::new();
    if request.wants_state {
        buffers.push(state_buffer(&state));
    }
    if let Some(observables) = &request.observables {
        let values: Vec<f64> =
            observables.iter().map(|string| string.expectation(&state)).collect();
        let shape = vec![values.len() as u64];
        buffers.push(Buffer { name: "expectations".into(), shape, data: Values::F64s(values) });
    }
    if shots > 0 {
        buffers.extend(sample_buffers(&circuit, &state, shots, seed));
    }
    Ok(buffers)
}

/// `gradient` `[observables, parameters]`: the derivative of each expectation
/// value by each parameter. Takes the input `observables` as [`run`] does.
///
/// # Errors
/// As [`run`]; without observables there is nothing to derive.
pub fn gradient(program: &[u8], params: &[f64], inputs: &[Buffer]) -> Result<Vec<Buffer>, Fault> {
    let circuit = codec::decode(program)?;
    let request = Request::parse(&circuit, params, inputs)?;
    let Some(observables) = request.observables.filter(|_| !request.wants_state) else {
        return Err(Fault::new(FaultKind::Argument, "a gradient takes the input `observables`"));
    };
    let values = adjoint::gradient(&circuit, params, &observables);
    let shape = vec![observables.len() as u64, circuit.parameters() as u64];
    Ok(vec![Buffer { name: "gradient".into(), shape, data: Values::F64s(values) }])
}

/// Named quantities that a run would take.
///
/// # Errors
/// A foreign program.
pub fn cost(program: &[u8]) -> Result<Vec<(&'static str, u64)>, Fault> {
    let circuit = codec::decode(program)?;
    let is_single =
        |operation: &&Operation| matches!(operation, Operation::Single { controls: 0, .. });
    let single = circuit.operations().iter().filter(is_single).count();
    let total = circuit.operations().len();
    Ok(vec![
        ("qubits", circuit.qubits() as u64),
        ("parameters", circuit.parameters() as u64),
        ("gates", total as u64),
        ("entangling-gates", (total - single) as u64),
        ("state-bytes", 16 << circuit.qubits()),
        ("amplitude-updates", (total as u64) << circuit.qubits()),
    ])
}

/// What the inputs ask for.
struct Request {
    observables: Option<Vec<PauliString>>,
    wants_state: bool,
}

impl Request {
    fn parse(circuit: &Circuit, params: &[f64], inputs: &[Buffer]) -> Result<Self, Fault> {
        let expected = circuit.parameters();
        if params.len() != expected || !params.iter().all(|value| value.is_finite()) {
            let message = format!("expected {expected} finite parameters");
            return Err(Fault::new(FaultKind::Argument, message));
        }
        let mut request = Self { observables: None, wants_state: false };
        for input in inputs {
            match (input.name.as_str(), &input.data) {
                ("observables", Values::Bytes(bytes)) if request.observables.is_none() => {
                    let text = std::str::from_utf8(bytes)
                        .map_err(|_| Fault::new(FaultKind::Argument, "observables are UTF-8"))?;
                    request.observables = Some(PauliString::parse_lines(text, circuit.qubits())?);
                }
                ("state", _) => request.wants_state = true,
                _ => {
                    let message = "inputs are `observables` (bytes, once) and `state`";
                    return Err(Fault::new(FaultKind::Argument, message));
                }
            }
        }
        Ok(request)
    }
}

fn state_buffer(state: &State) -> Buffer {
    let amplitudes = state.amplitudes();
    let parts = amplitudes.iter().flat_map(|amplitude| [amplitude.re, amplitude.im]);
    let data = Values::F64s(parts.collect());
    Buffer { name: "state".into(), shape: vec![amplitudes.len() as u64, 2], data }
}

fn sample_buffers(circuit: &Circuit, state: &State, shots: u32, seed: u64) -> [Buffer; 2] {
    let counts = sample(state, circuit.measured(), shots, seed);
    let shape = vec![counts.len() as u64];
    let (outcomes, counts) = counts.into_iter().unzip();
    [
        Buffer { name: "outcomes".into(), shape: shape.clone(), data: Values::U64s(outcomes) },
        Buffer { name: "counts".into(), shape, data: Values::U64s(counts) },
    ]
}
