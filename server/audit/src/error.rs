//! One error for the whole crate, its variants told apart by who is to blame.

/// Why a value was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The sender's bytes do not have the form they claim.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// The format that was being read, such as "checkpoint".
        what: &'static str,
        /// What was wrong with it.
        reason: String,
    },
    /// The value is well formed but longer than the format can carry.
    #[error("{what} is {length} bytes long, and at most {limit} fit")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
        /// The greatest length in bytes.
        limit: usize,
    },
    /// The caller asked for a position the tree does not have.
    #[error("{what} {value} lies outside a tree of {size} leaves")]
    OutOfRange {
        /// What lies outside, such as "leaf index".
        what: &'static str,
        /// Its value.
        value: u64,
        /// Number of leaves of the tree.
        size: u64,
    },
    /// The hashes do not lead to the root: somebody's claim about the log is false.
    #[error("the {0} proof does not lead to the root")]
    ProofInvalid(&'static str),
    /// A key the caller trusts carries a signature that does not verify.
    #[error("the signature of {0} does not verify")]
    SignatureInvalid(String),
    /// No signature is from a key the caller trusts.
    #[error("no signature of a trusted key: {0}")]
    NoTrustedSignature(String),
    /// The key's algorithm is recognised but not implemented here.
    #[error("signatures of key type {0:#04x} cannot be verified here")]
    UnsupportedKey(u8),
    /// Too few witnesses cosigned for the policy.
    #[error("the quorum `{0}` of the policy is not met")]
    QuorumNotMet(String),
    /// The storage under the tiles failed, or a tile is not there.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The tile's path.
        path: String,
        /// What the reader said.
        reason: String,
    },
}

impl AuditError {
    /// A [`AuditError::Malformed`] of format `what`.
    pub(crate) fn malformed(what: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { what, reason: reason.to_string() }
    }
}
