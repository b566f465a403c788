//! The state vector and how an operation acts on it.

use crate::{
    circuit::{Circuit, Operation},
    complex::{Complex, Matrix, adjoint, complex},
    fusion::Fusion,
};

/// Amplitudes `[2^qubits]`; qubit 0 is the least significant bit.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    amplitudes: Vec<Complex>,
}

impl State {
    /// |0…0⟩ of `qubits` qubits.
    pub fn zero(qubits: usize) -> Self {
        let mut amplitudes = vec![Complex::default(); 1 << qubits];
        amplitudes[0] = complex(1.0, 0.0);
        Self { amplitudes }
    }

    /// The state that a circuit makes of |0…0⟩. `params` holds at least
    /// [`Circuit::parameters`] numbers. Neighbouring uncontrolled gates on one
    /// qubit are multiplied first, so the state is walked once for them.
    pub fn of(circuit: &Circuit, params: &[f64]) -> Self {
        let mut state = Self::zero(circuit.qubits());
        let mut fusion = Fusion::new(circuit.qubits());
        for operation in circuit.operations() {
            fusion.apply(operation, params, &mut state);
        }
        fusion.flush_all(&mut state);
        state
    }

    /// The amplitudes, by basis state.
    pub fn amplitudes(&self) -> &[Complex] {
        &self.amplitudes
    }

    pub(crate) fn from_amplitudes(amplitudes: Vec<Complex>) -> Self {
        Self { amplitudes }
    }

    /// One operation, in place.
    pub fn apply(&mut self, operation: &Operation, params: &[f64]) {
        match operation {
            Operation::Single { controls, target, gate } => {
                self.apply_matrix(*controls, *target, &gate.matrix(params));
            }
            Operation::Swap { controls, first, second } => self.swap(*controls, *first, *second),
        }
    }

    /// The inverse of one operation, in place.
    pub fn undo(&mut self, operation: &Operation, params: &[f64]) {
        match operation {
            Operation::Single { controls, target, gate } => {
                self.apply_matrix(*controls, *target, &adjoint(&gate.matrix(params)));
            }
            Operation::Swap { controls, first, second } => self.swap(*controls, *first, *second),
        }
    }

    /// A matrix on `target`, where all qubits of the mask `controls` are 1.
    pub(crate) fn apply_matrix(&mut self, controls: u32, target: u8, m: &Matrix) {
        let stride = 1 << target;
        let controls = controls as usize;
        for (block, pairs) in self.amplitudes.chunks_exact_mut(2 * stride).enumerate() {
            let base = block * 2 * stride;
            let (low, high) = pairs.split_at_mut(stride);
            // Controls above the target decide for the whole block.
            if base & controls & !(stride - 1) != controls & !(stride - 1) {
                continue;
            }
            let inner = controls & (stride - 1);
            let pairs = low.iter_mut().zip(high);
            if inner == 0 {
                pairs.for_each(|(zero, one)| rotate(m, zero, one));
                continue;
            }
            for (offset, (zero, one)) in pairs.enumerate() {
                if offset & inner == inner {
                    rotate(m, zero, one);
                }
            }
        }
    }

    fn swap(&mut self, controls: u32, first: u8, second: u8) {
        let (first, second) = (1_usize << first, 1_usize << second);
        let controls = controls as usize;
        for index in 0..self.amplitudes.len() {
            let is_pair = index & first != 0 && index & second == 0;
            if is_pair && index & controls == controls {
                self.amplitudes.swap(index, index ^ first ^ second);
            }
        }
    }
}

/// A matrix on one pair of amplitudes.
#[inline(always)]
fn rotate(m: &Matrix, zero: &mut Complex, one: &mut Complex) {
    (*zero, *one) = (m[0][0] * *zero + m[0][1] * *one, m[1][0] * *zero + m[1][1] * *one);
}
