//! Gradients of expectation values by the adjoint method: one forward pass,
//! then one backward pass an observable, whatever the number of parameters
//! (T. Jones and J. Gacon, arXiv:2009.02823, algorithm 1).

use crate::{
    circuit::{Circuit, Gate, Operation},
    complex::{Complex, Matrix},
    pauli::PauliString,
    state::State,
};

/// ∂⟨P⟩/∂params, `[observables, parameters]` row-major. `params` holds at
/// least [`Circuit::parameters`] numbers.
pub fn gradient(circuit: &Circuit, params: &[f64], observables: &[PauliString]) -> Vec<f64> {
    let final_state = State::of(circuit, params);
    let rows = observables
        .iter()
        .flat_map(|observable| gradient_row(circuit, params, observable, &final_state));
    rows.collect()
}

fn gradient_row(
    circuit: &Circuit,
    params: &[f64],
    observable: &PauliString,
    final_state: &State,
) -> Vec<f64> {
    let mut row = vec![0.0; circuit.parameters()];
    let mut ket = final_state.clone();
    let mut bra = observable.apply(final_state);
    for operation in circuit.operations().iter().rev() {
        ket.undo(operation, params);
        // Here ket = U_{k-1}…U_1|0⟩ and bra = U_{k+1}†…U_n† P|ψ⟩, so the
        // derivative by the angle of U_k is 2 Re ⟨bra|U_k′|ket⟩.
        if let Operation::Single { controls, target, gate: Gate::Rotation(axis, angle) } = operation
            && !angle.terms.is_empty()
        {
            let matrix = axis.derivative(angle.value(params));
            let slope = 2.0 * real_overlap(&bra, *controls, *target, &matrix, &ket);
            for &(index, factor) in &angle.terms {
                row[usize::from(index)] += factor * slope;
            }
        }
        bra.undo(operation, params);
    }
    row
}

/// Re ⟨bra|M|ket⟩, M being zero where a control is 0: there U is the
/// identity, whose derivative vanishes.
fn real_overlap(bra: &State, controls: u32, target: u8, m: &Matrix, ket: &State) -> f64 {
    let (bra, ket) = (bra.amplitudes(), ket.amplitudes());
    let (bit, controls) = (1_usize << target, controls as usize);
    let real = |left: Complex, right: Complex| left.re * right.re + left.im * right.im;
    (0..ket.len())
        .filter(|index| index & bit == 0 && index & controls == controls)
        .map(|zero| {
            let (low, high) = (ket[zero], ket[zero | bit]);
            real(bra[zero], m[0][0] * low + m[0][1] * high)
                + real(bra[zero | bit], m[1][0] * low + m[1][1] * high)
        })
        .sum()
}
