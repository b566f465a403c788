//! What the database answers when it does not answer.

/// A failed statement, with the transaction it belonged to.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct DatabaseError {
    #[from]
    source: sqlx::Error,
}

impl DatabaseError {
    /// The five-letter code of a server-side error.
    pub fn sqlstate(&self) -> Option<String> {
        self.source.as_database_error().and_then(|e| e.code()).map(|code| code.into_owned())
    }

    /// Serialization failure or deadlock: the transaction may be run again.
    pub fn is_retryable(&self) -> bool {
        matches!(self.sqlstate().as_deref(), Some("40001" | "40P01"))
    }

    /// A unique key is taken.
    pub fn is_unique_violation(&self) -> bool {
        self.sqlstate().as_deref() == Some("23505")
    }

    /// The constraint that a row violates.
    pub fn constraint(&self) -> Option<&str> {
        self.source.as_database_error().and_then(|e| e.constraint())
    }

    /// The connection or the server is gone; the request may be sent again.
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self.source,
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
        ) || matches!(self.sqlstate().as_deref(), Some("57P01" | "57P02" | "57P03"))
    }
}

impl From<sqlx::Error> for crate::error::Error {
    fn from(source: sqlx::Error) -> Self {
        Self::Database(DatabaseError::from(source))
    }
}
