//! What an attacker with the database owner's rights can do, for the demo and the tests: it works on
//! copies and on test databases.

use futures_util::StreamExt;
use sqlx::{Connection, Executor, Row};

use super::DatabaseAddress;
use crate::error::{Error, Result};

/// Tables of the log, parents first.
const LOG_TABLES: [&str; 6] = ["log_state", "event", "event_payload", "leaf", "tile", "checkpoint"];

/// Copies the log's tables into a new database of the same server, as a backup and restore would.
///
/// # Errors
/// The server refuses.
pub async fn copy_log(address: &DatabaseAddress, copy: &str) -> Result<()> {
    drop_database(address, copy).await?;
    super::migrate::database_create(address, copy).await?;
    let target = address.with_database(copy);
    super::migrate::migrate(&target).await?;
    let mut from = address.connect_as_owner().await?;
    let mut to = target.connect_as_owner().await?;
    // One snapshot, so that the copy is of one moment although the log grows.
    from.execute("begin isolation level repeatable read read only").await?;
    for table in LOG_TABLES {
        let mut rows =
            from.copy_out_raw(&format!("copy {table} to stdout (format binary)")).await?;
        let mut sink = to.copy_in_raw(&format!("copy {table} from stdin (format binary)")).await?;
        while let Some(chunk) = rows.next().await {
            sink.send(chunk?.as_ref()).await?;
        }
        sink.finish().await?;
    }
    from.close().await?;
    to.close().await?;
    Ok(())
}

/// Drops a copy.
///
/// # Errors
/// The server refuses.
pub async fn drop_database(address: &DatabaseAddress, copy: &str) -> Result<()> {
    let mut maintenance = address.with_database("template1").connect_as_owner().await?;
    let sql = format!("drop database if exists {copy} with (force)");
    maintenance.execute(sqlx::AssertSqlSafe(sql)).await?;
    maintenance.close().await?;
    Ok(())
}

/// Rewrites the entry of the newest denial into an admission, with triggers switched off, as only the owner
/// can. Answers its leaf index.
///
/// # Errors
/// No denial is in the tree.
pub async fn disguise_denial(address: &DatabaseAddress) -> Result<u64> {
    let mut owner = address.connect_as_owner().await?;
    owner.execute("set session_replication_role = replica").await?;
    let row = sqlx::query(
        "update /* disguise_denial */ event e
         set entry = convert_to(replace(convert_from(entry, 'UTF8'), '\"kind\":\"job_denied\"',
                                        '\"kind\":\"job_admitted\"'), 'UTF8')
         from leaf l where l.event_id = e.event_id and l.leaf_index =
           (select max(leaf_index) from leaf join event using (event_id) where event.kind = 'job_denied')
         returning l.leaf_index",
    )
    .fetch_optional(&mut owner)
    .await?
    .ok_or_else(|| Error::bug("no denial is in the tree"))?;
    owner.close().await?;
    u64::try_from(row.get::<i64, _>(0)).map_err(Error::bug)
}
