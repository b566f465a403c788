//! PostgreSQL, and nothing else. Raw SQL, one file for each noun, every write inside [`Store::run_tx`].

pub mod budget;
pub mod dataset;
pub mod decision;
pub mod deployment;
pub mod error;
pub mod event;
pub mod idempotency;
pub mod job;
pub mod log;
pub mod migrate;
pub mod model;
pub mod overview;
pub mod principal;
pub mod tamper;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{Connection, Executor, PgConnection, PgPool, Postgres, Row, Transaction};

use crate::clock::Clock;
use crate::error::{Error, Result};

/// The database role a process works under: each holds only the rights it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRole {
    /// API and job settlement: inserts events, never changes them.
    App,
    /// The single appender of the tree.
    Sequencer,
    /// Reads the record.
    Auditor,
}

impl DatabaseRole {
    fn name(self) -> &'static str {
        match self {
            Self::App => "chancery_app",
            Self::Sequencer => "chancery_sequencer",
            Self::Auditor => "chancery_auditor",
        }
    }
}

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct DatabaseAddress {
    options: PgConnectOptions,
}

impl DatabaseAddress {
    /// A `postgres://` URL.
    ///
    /// # Errors
    /// Not a PostgreSQL URL. The URL itself is not repeated: it may hold a password.
    pub fn from_url(url: &str) -> Result<Self> {
        let options = url.parse::<PgConnectOptions>().map_err(|_| {
            Error::invalid(
                "DATABASE_URL",
                "not a PostgreSQL URL; write postgres://user:password@host:5432/database",
            )
        })?;
        Ok(Self { options })
    }

    /// A private Unix socket, as the embedded server has.
    pub fn from_socket(directory: &std::path::Path, user: &str, database: &str) -> Self {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(directory)
            .username(user)
            .database(database)
            .ssl_mode(PgSslMode::Disable);
        Self { options }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, database: &str) -> Self {
        Self { options: self.options.clone().database(database) }
    }

    /// One connection with the rights of the URL's own user, for migrations.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn connect_as_owner(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.options).await?)
    }
}

/// A pool of connections under one role.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    clock: Clock,
}

/// An open transaction.
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    clock: Clock,
}

const ATTEMPTS_MAX: u32 = 8;

impl Store {
    /// Opens a pool whose every connection gives up the owner's rights for those of `role`.
    ///
    /// # Errors
    /// The server cannot be reached, or its settings would lose committed events.
    pub async fn connect(
        address: &DatabaseAddress,
        role: DatabaseRole,
        connections_max: u32,
        clock: Clock,
    ) -> Result<Self> {
        let set_role = format!("set role {}", role.name());
        let pool = PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                let set_role = set_role.clone();
                Box::pin(async move {
                    connection.execute(sqlx::AssertSqlSafe(set_role)).await?;
                    Ok(())
                })
            })
            .connect_with(address.options.clone())
            .await?;
        let store = Self { pool, clock };
        store.require_durability().await?;
        Ok(store)
    }

    /// The clock all timestamps come from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs `work` in one transaction and commits it. `work` must be safe to run again: a serialization
    /// failure or a deadlock rolls it back and runs it anew, at most eight times.
    ///
    /// # Errors
    /// What `work` answers (after a rollback), or a database failure.
    pub async fn run_tx<T>(
        &self,
        name: &'static str,
        work: impl AsyncFn(&mut Tx) -> Result<T>,
    ) -> Result<T> {
        let mut attempt = 1;
        loop {
            match self.try_tx(&work).await {
                Err(Error::Database(error)) if error.is_retryable() && attempt < ATTEMPTS_MAX => {
                    tracing::debug!(transaction = name, attempt, %error, "running again");
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn try_tx<T>(&self, work: &impl AsyncFn(&mut Tx) -> Result<T>) -> Result<T> {
        let mut tx = Tx { inner: self.pool.begin().await?, clock: self.clock.clone() };
        match work(&mut tx).await {
            Ok(value) => {
                tx.inner.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // A failed rollback means a lost connection, and then the server rolls back by itself.
                let _ = tx.inner.rollback().await;
                Err(error)
            }
        }
    }

    /// A server that may lose a committed transaction cannot keep a log.
    async fn require_durability(&self) -> Result<()> {
        for setting in ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"] {
            let value: String = sqlx::query("select /* require_durability */ current_setting($1)")
                .bind(setting)
                .fetch_one(&self.pool)
                .await?
                .get(0);
            if matches!(value.as_str(), "off" | "local") {
                return Err(Error::Integrity(format!(
                    "the database runs with {setting} = {value}, so a crash could lose or spoil \
                     recorded events; set {setting} = on (data_checksums: run pg_checksums --enable)"
                )));
            }
        }
        Ok(())
    }
}

impl Tx {
    /// The clock all timestamps come from.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
