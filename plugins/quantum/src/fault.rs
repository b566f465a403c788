//! What can be wrong with a request, by whom it concerns.

use std::fmt;

/// The kind of a fault; the same five as in the WIT world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A form, gate or statement that this simulator does not know.
    Unsupported,
    /// The source text is wrong.
    Source,
    /// The bytes are not a program of this simulator.
    Program,
    /// Parameters, inputs or shots do not fit the program.
    Argument,
    /// Larger than the stated limits.
    Capacity,
}

/// A refused request: never a wrong answer, never a panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whom it concerns.
    pub kind: FaultKind,
    /// The line of the source, from 1, where there is one.
    pub line: Option<u32>,
    /// What was wrong and what was expected.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, line: None, message: message.into() }
    }

    pub(crate) fn at(kind: FaultKind, line: u32, message: impl Into<String>) -> Self {
        Self { kind, line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}
