//! Errors by blame: the caller's, the policy's, the budget's, a dependency's, or our own.

use chancery_policy::Decision;
use uuid::Uuid;

/// What went wrong, and whose turn it is to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller sent something that cannot be used.
    #[error("{detail}")]
    Invalid {
        /// JSON pointer or parameter name of the offending part.
        at: String,
        /// What is wrong and what to do.
        detail: String,
    },
    /// The caller sent more than is taken.
    #[error("the body is larger than this server accepts; send less, or raise body_limit_bytes")]
    TooLarge,
    /// No credentials, or ones that do not hold.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Known, but not allowed.
    #[error("this needs the role {needed}")]
    Forbidden {
        /// The role that would be needed.
        needed: String,
    },
    /// The thing asked for is not there.
    #[error("no {what} {name:?} is known here")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// As the caller named it.
        name: String,
    },
    /// The request does not fit the present state.
    #[error("{0}")]
    Conflict(String),
    /// A gate said no. The denial itself is recorded.
    #[error("denied by policy at gate {}", crate::job::gate::gate_name(decision.gate))]
    Denied {
        /// The decision's identifier.
        decision_id: Uuid,
        /// The event that records it.
        event_id: Uuid,
        /// Every verdict with its reason.
        decision: Box<Decision>,
    },
    /// The privacy budget does not cover the request.
    #[error("{0}")]
    Budget(String),
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx_error::DatabaseError),
    /// Another dependency failed: object store, file system, engine.
    #[error("{what}: {why}")]
    Dependency {
        /// What was being done.
        what: String,
        /// What came back.
        why: String,
    },
    /// The record itself is damaged: the log is missing, rolled back or altered.
    #[error("the record is damaged: {0}")]
    Integrity(String),
    /// A bug of ours.
    #[error("internal error: {0}")]
    Bug(String),
}

pub use crate::store::error as sqlx_error;

/// The usual result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A bad request: where, and what to do.
    pub fn invalid(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { at: at.into(), detail: detail.into() }
    }

    /// A failed dependency.
    pub fn dependency(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Dependency { what: what.into(), why: why.to_string() }
    }

    /// A bug of ours.
    pub fn bug(what: impl std::fmt::Display) -> Self {
        Self::Bug(what.to_string())
    }
}
