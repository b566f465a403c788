//! A program's bytes: the circuit, little-endian, after a magic that names
//! the version. Whoever hands a program in may have written it himself, so
//! the decoder checks every index again; a decoded circuit is as good as a
//! parsed one.

use crate::{
    CLASSICAL_BITS_MAX, Fault, FaultKind, OPERATIONS_MAX, PARAMETERS_MAX, QUBITS_MAX,
    circuit::{Angle, Axis, Circuit, Fixed, Gate, Measurement, Operation},
};

const MAGIC: &[u8; 8] = b"CHQSV\0\0\x01";
const TAG_FIXED: u8 = 0;
const TAG_ROTATION: u8 = 1;
const TAG_SWAP: u8 = 2;

/// The circuit as program bytes.
pub(crate) fn encode(circuit: &Circuit) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(circuit.qubits as u8);
    out.extend((circuit.parameters as u16).to_le_bytes());
    out.push(circuit.measured.len() as u8);
    for measurement in &circuit.measured {
        out.extend([measurement.qubit, measurement.bit]);
    }
    out.extend((circuit.operations.len() as u32).to_le_bytes());
    for operation in &circuit.operations {
        encode_operation(operation, &mut out);
    }
    out
}

/// The circuit of program bytes.
///
/// # Errors
/// [`FaultKind::Program`] for anything that [`encode`] would not write.
pub(crate) fn decode(bytes: &[u8]) -> Result<Circuit, Fault> {
    let mut reader = Reader { bytes };
    let circuit = decode_circuit(&mut reader).filter(|_| reader.bytes.is_empty());
    circuit
        .ok_or_else(|| Fault::new(FaultKind::Program, "these bytes are no program of this plugin"))
}

fn encode_operation(operation: &Operation, out: &mut Vec<u8>) {
    match operation {
        Operation::Swap { controls, first, second } => {
            out.push(TAG_SWAP);
            out.extend(controls.to_le_bytes());
            out.extend([*first, *second]);
        }
        Operation::Single { controls, target, gate: Gate::Fixed(fixed) } => {
            out.push(TAG_FIXED);
            out.extend(controls.to_le_bytes());
            out.extend([*target, *fixed as u8]);
        }
        Operation::Single { controls, target, gate: Gate::Rotation(axis, angle) } => {
            out.push(TAG_ROTATION);
            out.extend(controls.to_le_bytes());
            out.extend([*target, *axis as u8]);
            out.extend(angle.constant.to_le_bytes());
            out.extend((angle.terms.len() as u16).to_le_bytes());
            for (index, factor) in &angle.terms {
                out.extend(index.to_le_bytes());
                out.extend(factor.to_le_bytes());
            }
        }
    }
}

fn decode_circuit(reader: &mut Reader) -> Option<Circuit> {
    let is_ours = reader.take::<8>()? == *MAGIC;
    let qubits = usize::from(reader.u8()?);
    let parameters = usize::from(reader.u16()?);
    if !is_ours || !(1..=QUBITS_MAX).contains(&qubits) || parameters > PARAMETERS_MAX {
        return None;
    }
    let mut circuit = Circuit { qubits, parameters, operations: Vec::new(), measured: Vec::new() };
    let mut bits_seen = 0_u64;
    for _ in 0..reader.u8()? {
        let measurement = Measurement { qubit: reader.u8()?, bit: reader.u8()? };
        let bit = u32::from(measurement.bit);
        let is_new = bit < CLASSICAL_BITS_MAX as u32 && bits_seen & (1 << bit) == 0;
        if usize::from(measurement.qubit) >= qubits || !is_new {
            return None;
        }
        bits_seen |= 1 << bit;
        circuit.measured.push(measurement);
    }
    let count = u32::from_le_bytes(reader.take()?);
    for _ in 0..(count as usize <= OPERATIONS_MAX).then_some(count)? {
        circuit.operations.push(decode_operation(reader, qubits, parameters)?);
    }
    Some(circuit)
}

fn decode_operation(reader: &mut Reader, qubits: usize, parameters: usize) -> Option<Operation> {
    let tag = reader.u8()?;
    let controls = u32::from_le_bytes(reader.take()?);
    let target = reader.u8()?;
    let code = reader.u8()?;
    let is_in_range = usize::from(target) < qubits && controls >> qubits == 0;
    if !is_in_range || controls >> target & 1 != 0 {
        return None;
    }
    match tag {
        TAG_FIXED => {
            let gate = Gate::Fixed(*Fixed::ALL.get(usize::from(code))?);
            Some(Operation::Single { controls, target, gate })
        }
        TAG_ROTATION => {
            let axis = *Axis::ALL.get(usize::from(code))?;
            let gate = Gate::Rotation(axis, decode_angle(reader, parameters)?);
            Some(Operation::Single { controls, target, gate })
        }
        TAG_SWAP => {
            let is_pair = usize::from(code) < qubits && code != target;
            let is_free = is_pair && controls >> code & 1 == 0;
            is_free.then_some(Operation::Swap { controls, first: target, second: code })
        }
        _ => None,
    }
}

fn decode_angle(reader: &mut Reader, parameters: usize) -> Option<Angle> {
    let mut angle = Angle::constant(reader.finite()?);
    for _ in 0..reader.u16()? {
        let (index, factor) = (reader.u16()?, reader.finite()?);
        let is_ascending = angle.terms.last().is_none_or(|&(last, _)| last < index);
        if usize::from(index) >= parameters || !is_ascending {
            return None;
        }
        angle.terms.push((index, factor));
    }
    Some(angle)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn finite(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes).filter(|value| value.is_finite())
    }
}
