//! What can go wrong while a pack is loaded or facts are parsed. A decision itself cannot fail.

/// An error by blame: the pack's author for all but the `Facts…` variants, which blame the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file is no Rego this engine accepts, or it stands in the wrong package.
    #[error("{file}: {problem}")]
    Source {
        /// Path of the file inside the pack.
        file: String,
        /// What the parser or the loader objects to.
        problem: String,
    },
    /// A field of the rule's `metadata` is missing or malformed.
    #[error("{file}: metadata field `{field}`: {problem}")]
    Metadata {
        /// Path of the rule file inside the pack.
        file: String,
        /// The field, or `metadata` where the whole object is absent.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file names a builtin that reads time, randomness, the network or the process.
    #[error("{file}: `{builtin}` is refused, because a decision must repeat from its facts alone")]
    ImpureBuiltin {
        /// Path of the file inside the pack.
        file: String,
        /// The builtin as listed.
        builtin: String,
    },
    /// Two files of the pack claim the same path or the same rule id.
    #[error("{file}: `{claimed}` is claimed twice")]
    Duplicate {
        /// Path of the second file.
        file: String,
        /// The rule id or the path.
        claimed: String,
    },
    /// A rule that no pack may leave out or change is absent or altered.
    #[error("{file}: this rule must be in every pack, unchanged")]
    MandatoryRule {
        /// Path of the rule file.
        file: String,
    },
    /// The pack exceeds a limit on its size.
    #[error("the pack has {actual} {unit}, at most {limit} are accepted")]
    PackTooLarge {
        /// What was counted.
        unit: &'static str,
        /// How many there are.
        actual: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// The facts are longer than [`crate::FACTS_BYTES_MAX`].
    #[error("the facts have {actual} bytes, at most {limit} are accepted")]
    FactsTooLarge {
        /// Length in bytes.
        actual: usize,
        /// Greatest length accepted.
        limit: usize,
    },
    /// The facts are not of the documented shape, or hold a number JSON cannot carry.
    #[error("facts: {problem}")]
    FactsMalformed {
        /// The serializer's or parser's message.
        problem: String,
    },
}
