//! Gate fusion: uncontrolled single-qubit gates wait as one 2×2 matrix a
//! qubit, until an operation needs that qubit.

use crate::{
    circuit::Operation,
    complex::{Matrix, product},
    state::State,
};

/// The matrices that wait, `[qubits]`.
pub(crate) struct Fusion {
    pending: Vec<Option<Matrix>>,
}

impl Fusion {
    pub(crate) fn new(qubits: usize) -> Self {
        Self { pending: vec![None; qubits] }
    }

    /// Takes an operation in; the state sees it now or at a later flush.
    pub(crate) fn apply(&mut self, operation: &Operation, params: &[f64], state: &mut State) {
        match operation {
            Operation::Single { controls: 0, target, gate } => {
                let slot = &mut self.pending[usize::from(*target)];
                let matrix = gate.matrix(params);
                *slot = Some(slot.map_or(matrix, |earlier| product(&matrix, &earlier)));
            }
            Operation::Single { controls, target, .. } => {
                self.flush(controls | 1 << target, state);
                state.apply(operation, params);
            }
            Operation::Swap { controls, first, second } => {
                self.flush(controls | 1 << first | 1 << second, state);
                state.apply(operation, params);
            }
        }
    }

    /// Applies everything that still waits.
    pub(crate) fn flush_all(&mut self, state: &mut State) {
        self.flush(u32::MAX, state);
    }

    fn flush(&mut self, qubits: u32, state: &mut State) {
        for (qubit, slot) in (0_u8..).zip(&mut self.pending) {
            if qubits & (1 << qubit) != 0
                && let Some(matrix) = slot.take()
            {
                state.apply_matrix(0, qubit, &matrix);
            }
        }
    }
}
