//! Pauli strings: observables written as `X0 Z3`, identity as `I`.

use crate::{
    Fault, FaultKind,
    complex::{Complex, complex},
    state::State,
};

/// A product of Pauli operators on distinct qubits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PauliString {
    /// Qubits that X or Y flips.
    flips: u32,
    /// Qubits whose 1 gives a sign, by Z or Y.
    signs: u32,
}

impl PauliString {
    /// Reads `X0 Y2 Z5`, or `I` for the identity. A qubit may occur once.
    ///
    /// # Errors
    /// [`FaultKind::Argument`], with the word that is wrong.
    pub fn parse(text: &str, qubits: usize) -> Result<Self, Fault> {
        let mut string = Self { flips: 0, signs: 0 };
        let mut seen = 0_u32;
        for word in text.split_whitespace().filter(|word| *word != "I") {
            let (letter, bit) = parse_factor(word, qubits)
                .filter(|(_, bit)| seen & bit == 0)
                .ok_or_else(|| refuse(word, qubits))?;
            seen |= bit;
            string.flips |= if letter == 'Z' { 0 } else { bit };
            string.signs |= if letter == 'X' { 0 } else { bit };
        }
        Ok(string)
    }

    /// Reads one string a line; blank lines do not count.
    ///
    /// # Errors
    /// As [`PauliString::parse`].
    pub fn parse_lines(text: &str, qubits: usize) -> Result<Vec<Self>, Fault> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| Self::parse(line, qubits)).collect()
    }

    /// P|ψ⟩.
    pub fn apply(&self, state: &State) -> State {
        let amplitudes = state.amplitudes();
        let image = (0..amplitudes.len()).map(|index| {
            let source = index ^ self.flips as usize;
            self.phase(source) * amplitudes[source]
        });
        State::from_amplitudes(image.collect())
    }

    /// ⟨ψ|P|ψ⟩, which is real.
    pub fn expectation(&self, state: &State) -> f64 {
        let amplitudes = state.amplitudes();
        let terms = amplitudes.iter().enumerate().map(|(index, &amplitude)| {
            let image = amplitudes[index ^ self.flips as usize];
            (image.conjugate() * (self.phase(index) * amplitude)).re
        });
        terms.sum()
    }

    /// The factor of |index ⊕ flips⟩ in P|index⟩. From Y|0⟩ = i|1⟩ and
    /// Y|1⟩ = −i|0⟩: i for each Y, and a sign for each 1 under Y or Z.
    fn phase(&self, index: usize) -> Complex {
        let quarter_turns =
            (self.flips & self.signs).count_ones() + 2 * (index as u32 & self.signs).count_ones();
        match quarter_turns % 4 {
            0 => complex(1.0, 0.0),
            1 => complex(0.0, 1.0),
            2 => complex(-1.0, 0.0),
            _ => complex(0.0, -1.0),
        }
    }
}

fn parse_factor(word: &str, qubits: usize) -> Option<(char, u32)> {
    let letter = word.chars().next().filter(|letter| "XYZ".contains(*letter))?;
    let qubit: usize = word[1..].parse().ok().filter(|qubit| *qubit < qubits)?;
    Some((letter, 1 << qubit))
}

fn refuse(word: &str, qubits: usize) -> Fault {
    let word: String = word.chars().take(16).collect();
    let message =
        format!("`{word}`: expected X, Y or Z with a qubit below {qubits}, each qubit once");
    Fault::new(FaultKind::Argument, message)
}
