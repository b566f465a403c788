//! Schema migrations and the birth of a log.

use sqlx::{Connection, Executor, Row};

use super::DatabaseAddress;
use crate::error::{Error, Result};

static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Makes a database of this name on the address's server, if it is not there.
///
/// # Errors
/// The server refuses, or the name is not plain.
pub async fn database_create(address: &DatabaseAddress, name: &str) -> Result<bool> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err(Error::invalid("database", "use letters, digits and underscores"));
    }
    let mut connection = address.connect_as_owner().await?;
    let exists = sqlx::query("select /* database_create */ 1 from pg_database where datname = $1")
        .bind(name)
        .fetch_optional(&mut connection)
        .await?
        .is_some();
    if !exists {
        connection.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await?;
    }
    connection.close().await?;
    Ok(!exists)
}

/// Brings the schema up to date. Safe to run again.
///
/// # Errors
/// A migration fails, or one that was applied differs from ours.
pub async fn migrate(address: &DatabaseAddress) -> Result<()> {
    let mut connection = address.connect_as_owner().await?;
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(|why| Error::dependency("migrating the database", why))?;
    connection.close().await?;
    Ok(())
}

/// Fails unless every migration of this build is applied and no newer one.
///
/// # Errors
/// The schema is older or newer; the message says what to do.
pub async fn require_current(address: &DatabaseAddress) -> Result<()> {
    let mut connection = address.connect_as_owner().await?;
    let table: bool = sqlx::query(
        "select /* require_current */ to_regclass('public._sqlx_migrations') is not null",
    )
    .fetch_one(&mut connection)
    .await?
    .get(0);
    let applied: Vec<i64> = if table {
        sqlx::query_scalar(
            "select /* require_current */ version from _sqlx_migrations where success order by version",
        )
        .fetch_all(&mut connection)
        .await?
    } else {
        Vec::new()
    };
    connection.close().await?;
    let mut known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    known.sort_unstable();
    known.dedup(); // up and down
    if applied == known {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "the database's schema has migrations {applied:?}, this program knows {known:?}: run \
         `chancery migrate` as the database's owner, or the program that fits the database"
    )))
}

/// Writes the head of a new, empty log. This is the only place where a log begins.
///
/// # Errors
/// A log exists already.
pub async fn log_create(
    address: &DatabaseAddress,
    origin: &str,
    root: &[u8; 32],
    note: &str,
    now: time::OffsetDateTime,
) -> Result<()> {
    let mut connection = address.connect_as_owner().await?;
    let inserted = sqlx::query(
        "insert /* log_create */ into log_state (origin, size, root, note, published_at)
         values ($1, 0, $2, $3, $4) on conflict do nothing",
    )
    .bind(origin)
    .bind(root.as_slice())
    .bind(note)
    .bind(now)
    .execute(&mut connection)
    .await?
    .rows_affected();
    connection.close().await?;
    if inserted == 0 {
        return Err(Error::Conflict("this database holds a log already".into()));
    }
    Ok(())
}

/// Whether the database holds a log. False also where the schema is not there yet.
///
/// # Errors
/// The database cannot be reached.
pub async fn log_exists(address: &DatabaseAddress) -> Result<bool> {
    let mut connection = address.connect_as_owner().await?;
    let table: bool =
        sqlx::query("select /* log_exists */ to_regclass('public.log_state') is not null")
            .fetch_one(&mut connection)
            .await?
            .get(0);
    let exists = table
        && sqlx::query("select /* log_exists */ 1 from log_state")
            .fetch_optional(&mut connection)
            .await?
            .is_some();
    connection.close().await?;
    Ok(exists)
}
