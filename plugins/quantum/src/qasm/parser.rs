//! Tokens to a circuit, statement by statement.

use super::{cursor::Cursor, expression, gates, lexer::Token};
use crate::{
    CLASSICAL_BITS_MAX, Fault, OPERATIONS_MAX, QUBITS_MAX,
    circuit::{Circuit, Measurement},
};

/// Reads a whole program.
///
/// # Errors
/// Unsupported, wrong or too large, with the line.
pub(crate) fn parse(source: &str) -> Result<Circuit, Fault> {
    let mut parser = Parser::new(Cursor::new(source)?);
    parser.header()?;
    while parser.cursor.peek() != &Token::End {
        parser.statement()?;
    }
    parser.finish()
}

/// A register: its name, its first index, its length.
struct Register {
    name: String,
    start: usize,
    length: usize,
}

struct Parser {
    cursor: Cursor,
    quantum: Vec<Register>,
    classical: Vec<Register>,
    circuit: Circuit,
}

impl Parser {
    fn new(cursor: Cursor) -> Self {
        let (operations, measured) = (Vec::new(), Vec::new());
        let circuit = Circuit { qubits: 0, parameters: 0, operations, measured };
        Self { cursor, quantum: Vec::new(), classical: Vec::new(), circuit }
    }

    fn header(&mut self) -> Result<(), Fault> {
        let is_ours = self.cursor.next() == Token::Word("OPENQASM".into())
            && self.cursor.next() == Token::Real(2.0)
            && self.cursor.next() == Token::Symbol(';');
        if is_ours { Ok(()) } else { Err(self.cursor.wrong("expected `OPENQASM 2.0;`")) }
    }

    fn finish(self) -> Result<Circuit, Fault> {
        if self.circuit.qubits == 0 {
            return Err(self.cursor.wrong("a program without a quantum register"));
        }
        Ok(self.circuit)
    }

    fn statement(&mut self) -> Result<(), Fault> {
        let word = self.cursor.word("expected a statement")?;
        match word.as_str() {
            "include" => self.include(),
            "qreg" => self.quantum_register(),
            "creg" => self.classical_register(),
            "barrier" => self.barrier(),
            "measure" => self.measure(),
            "gate" | "opaque" | "if" | "reset" => {
                Err(self.cursor.unsupported(format!("`{word}` is not supported")))
            }
            "CX" => self.gate("cx"),
            "U" => self.gate("u"),
            name => self.gate(name),
        }
    }

    fn include(&mut self) -> Result<(), Fault> {
        match self.cursor.next() {
            Token::Text(name) if name == "qelib1.inc" => self.cursor.expect(';'),
            Token::Text(_) => Err(self.cursor.unsupported("only qelib1.inc can be included")),
            _ => Err(self.cursor.wrong("expected a file name")),
        }
    }

    fn quantum_register(&mut self) -> Result<(), Fault> {
        let register = self.declaration(self.circuit.qubits)?;
        self.circuit.qubits += register.length;
        if self.circuit.qubits > QUBITS_MAX {
            return Err(self.cursor.too_large(format!("more than {QUBITS_MAX} qubits")));
        }
        self.quantum.push(register);
        Ok(())
    }

    fn classical_register(&mut self) -> Result<(), Fault> {
        let start = self.classical.last().map_or(0, |last| last.start + last.length);
        let register = self.declaration(start)?;
        if start + register.length > CLASSICAL_BITS_MAX {
            return Err(self
                .cursor
                .too_large(format!("more than {CLASSICAL_BITS_MAX} classical bits")));
        }
        self.classical.push(register);
        Ok(())
    }

    fn declaration(&mut self, start: usize) -> Result<Register, Fault> {
        let name = self.cursor.word("expected a register's name")?;
        self.cursor.expect('[')?;
        let length = self.cursor.index()?;
        self.cursor.expect(']')?;
        self.cursor.expect(';')?;
        let is_taken = self.quantum.iter().chain(&self.classical).any(|known| known.name == name);
        if is_taken || length == 0 {
            return Err(self.cursor.wrong(format!("register `{name}` is empty or declared twice")));
        }
        Ok(Register { name, start, length })
    }

    /// Checked and then dropped: nothing here reorders gates over a barrier.
    fn barrier(&mut self) -> Result<(), Fault> {
        self.qubit_list().map(drop)
    }

    fn measure(&mut self) -> Result<(), Fault> {
        let (qubits, _) = self.argument_of(Kind::Quantum)?;
        if self.cursor.next() != Token::Arrow {
            return Err(self.cursor.wrong("expected `->`"));
        }
        let (bits, _) = self.argument_of(Kind::Classical)?;
        self.cursor.expect(';')?;
        if qubits.len() != bits.len() {
            return Err(self.cursor.wrong("the two sides of a measurement differ in length"));
        }
        for (qubit, bit) in qubits.into_iter().zip(bits) {
            if self.circuit.measured.iter().any(|known| known.bit == bit) {
                return Err(self.cursor.unsupported("a classical bit is written twice"));
            }
            self.circuit.measured.push(Measurement { qubit, bit });
        }
        Ok(())
    }

    fn gate(&mut self, name: &str) -> Result<(), Fault> {
        let Some((angle_count, qubit_count)) = gates::arity(name) else {
            return Err(self.cursor.unsupported(format!("unknown gate `{name}`")));
        };
        let angles = expression::angles(&mut self.cursor, &mut self.circuit.parameters)?;
        let arguments = self.qubit_list()?;
        if angles.len() != angle_count || arguments.len() != qubit_count {
            let message = format!("`{name}` takes {angle_count} angles and {qubit_count} qubits");
            return Err(self.cursor.wrong(message));
        }
        for qubits in self.broadcast(&arguments)? {
            self.check_qubits(&qubits)?;
            self.circuit.operations.extend(gates::lower(name, &angles, &qubits));
            if self.circuit.operations.len() > OPERATIONS_MAX {
                return Err(self
                    .cursor
                    .too_large(format!("more than {OPERATIONS_MAX} operations")));
            }
        }
        Ok(())
    }

    /// One list of qubits for each repetition: registers advance together,
    /// single qubits stand still.
    fn broadcast(&self, arguments: &[(Vec<u8>, bool)]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut lengths = arguments.iter().filter(|(_, whole)| *whole).map(|(q, _)| q.len());
        let count = lengths.next().unwrap_or(1);
        if lengths.any(|length| length != count) {
            return Err(self.cursor.wrong("registers of different lengths in one gate"));
        }
        let nth = |place: usize| {
            let pick = |(qubits, whole): &(Vec<u8>, bool)| qubits[if *whole { place } else { 0 }];
            arguments.iter().map(pick).collect()
        };
        Ok((0..count).map(nth).collect())
    }

    fn check_qubits(&self, qubits: &[u8]) -> Result<(), Fault> {
        for (place, qubit) in qubits.iter().enumerate() {
            if qubits[..place].contains(qubit) {
                return Err(self.cursor.wrong("one gate uses a qubit twice"));
            }
            if self.circuit.measured.iter().any(|known| known.qubit == *qubit) {
                return Err(self.cursor.unsupported("a gate on a measured qubit"));
            }
        }
        Ok(())
    }

    fn qubit_list(&mut self) -> Result<Vec<(Vec<u8>, bool)>, Fault> {
        let mut arguments = vec![self.argument_of(Kind::Quantum)?];
        while self.cursor.accept(',') {
            arguments.push(self.argument_of(Kind::Quantum)?);
        }
        self.cursor.expect(';')?;
        Ok(arguments)
    }

    /// `name` or `name[k]`: the indexes, and whether it is a whole register.
    fn argument_of(&mut self, kind: Kind) -> Result<(Vec<u8>, bool), Fault> {
        let name = self.cursor.word("expected a register")?;
        let registers = match kind {
            Kind::Quantum => &self.quantum,
            Kind::Classical => &self.classical,
        };
        let Some(register) = registers.iter().find(|known| known.name == name) else {
            return Err(self.cursor.wrong(format!("unknown register `{name}`")));
        };
        // Both totals are at most 64, so an index fits a byte.
        let (start, length) = (register.start, register.length);
        if !self.cursor.accept('[') {
            return Ok(((start..start + length).map(|index| index as u8).collect(), true));
        }
        let index = self.cursor.index()?;
        self.cursor.expect(']')?;
        if index >= length {
            return Err(self.cursor.wrong(format!("`{name}` has no index {index}")));
        }
        Ok((vec![(start + index) as u8], false))
    }
}

enum Kind {
    Quantum,
    Classical,
}
