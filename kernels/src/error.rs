//! One error for the room; the variant says who can put it right.

/// What went wrong in a kernel, sorted by blame.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum KernelError {
    /// Caller: a field of a specification is outside its range.
    #[error("spec field `{field}`: {problem}; {remedy}")]
    Spec {
        /// Path of the field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// Caller: the dataset's public schema contradicts itself or the specification.
    #[error("schema: {problem}; {remedy}")]
    Schema {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// Data: a line of the table cannot be read. The value itself is never repeated here, since
    /// errors reach logs that people without access to the data can read.
    #[error("data line {line}: {problem}; {remedy}")]
    Data {
        /// One-based line number.
        line: u64,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// Caller: a row sent for prediction is malformed.
    #[error("row {row}, field `{field}`: {problem}")]
    Row {
        /// Zero-based index of the row in the request.
        row: usize,
        /// The field's name.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// Caller: two inputs do not belong together (lengths, schemas).
    #[error("inputs do not match: {0}")]
    Mismatch(String),
    /// Caller: the bytes are not an artefact of this room.
    #[error("artefact: {0}")]
    Artefact(String),
    /// Environment: the demanded accelerator is not there.
    #[error("device: {0}")]
    DeviceUnavailable(String),
    /// Environment: the operating system gave no randomness.
    #[error("the operating system's random generator failed")]
    Randomness,
    /// Caller: progress was answered with a stop. The data has been touched by then.
    #[error("stopped at step {step}")]
    Stopped {
        /// Steps taken before the stop.
        step: u32,
    },
    /// Caller: the optimiser diverged.
    #[error("training diverged at step {step}: a parameter is not finite; lower learning_rate")]
    Diverged {
        /// Step at which it was seen.
        step: u32,
    },
    /// Dependency: a library failed in a way that no input explains.
    #[error("{library}: {message}")]
    Dependency {
        /// The library's name.
        library: &'static str,
        /// Its own message.
        message: String,
    },
}

impl KernelError {
    pub(crate) fn spec(
        field: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Spec { field, problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn schema(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Schema { problem: problem.into(), remedy: remedy.into() }
    }

    pub(crate) fn opendp(error: &opendp::error::Error) -> Self {
        Self::Dependency { library: "opendp", message: format!("{error:?}") }
    }
}
