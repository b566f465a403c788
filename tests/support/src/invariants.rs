//! What must hold whatever was killed: no job is lost, the ledger adds up, the log verifies.

use anyhow::{Context, Result, ensure};
use chancery::cli::{block_on, describe};
use chancery::clock::Clock;
use chancery::config::Config;
use chancery::export::{ExportFolder, export};
use chancery::store::{DatabaseAddress, DatabaseRole, Store};
use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_audit::export::verify_export;
use sqlx::Connection;

/// Each query counts what must not be; its name says what a count above zero means.
const VIOLATIONS: [(&str, &str); 9] = [
    (
        "admissions without a job",
        "select count(*) from event e where kind = 'job_admitted'
           and not exists (select from job j where j.admitted_event_id = e.event_id)",
    ),
    (
        "ended jobs without exactly one event that says so",
        "select count(*) from job j where state not in ('queued', 'running') and 1 <>
           (select count(*) from event e where kind = 'job_settled' and subject_id = j.job_id::text)",
    ),
    (
        "succeeded jobs without exactly one model, or others with one",
        "select count(*) from job j where (state = 'succeeded')::int <>
           (select count(*) from model m where m.job_id = j.job_id)",
    ),
    (
        "budgets above their cap",
        "select count(*) from budget_scope
         where epsilon_spent_nano + epsilon_reserved_nano > epsilon_cap_nano
            or delta_spent_femto + delta_reserved_femto > delta_cap_femto",
    ),
    (
        "budgets whose spending is not the sum of their committed reservations",
        "select count(*) from budget_scope s where not exists
           (select 1 from budget_reservation r where r.scope_id = s.scope_id and state = 'committed'
            having coalesce(sum(epsilon_nano), 0) = s.epsilon_spent_nano
               and coalesce(sum(delta_femto), 0) = s.delta_spent_femto)",
    ),
    (
        "budgets that hold back another sum than their open reservations",
        "select count(*) from budget_scope s where not exists
           (select 1 from budget_reservation r where r.scope_id = s.scope_id and state = 'reserved'
            having coalesce(sum(epsilon_nano), 0) = s.epsilon_reserved_nano
               and coalesce(sum(delta_femto), 0) = s.delta_reserved_femto)",
    ),
    (
        "open reservations of jobs that have ended",
        "select count(*) from budget_reservation r join job j using (job_id)
         where r.state = 'reserved' and j.state not in ('queued', 'running')",
    ),
    (
        "attempts without a reservation of their own",
        "select count(*) from job j, generate_series(1, j.attempt) n where not exists
           (select from budget_reservation r where r.job_id = j.job_id and r.attempt = n)",
    ),
    (
        "reservations whose events do not say the same",
        "select count(*) from budget_reservation r where 1 <>
           (select count(*) from event e where e.event_id = r.reserved_event_id and kind = 'budget_reserved')
           or (state <> 'reserved' and 1 <> (select count(*) from event e
             where e.event_id = r.settled_event_id and kind = 'budget_' || r.state))",
    ),
];

/// Whether jobs may still wait or run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    /// They may.
    MayRun,
    /// All have ended.
    Ended,
}

/// Fails with the first invariant that does not hold.
///
/// # Errors
/// It says which, and how often.
pub fn require_consistent(address: &DatabaseAddress, jobs: Jobs) -> Result<()> {
    let unended = (
        "jobs that have not ended",
        "select count(*) from job where state in ('queued', 'running')",
    );
    block_on(async {
        let mut owner = address.connect_as_owner().await?;
        let last = (jobs == Jobs::Ended).then_some(unended);
        for (what, sql) in VIOLATIONS.into_iter().chain(last) {
            let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut owner).await?;
            ensure!(count == 0, "{count} {what}");
        }
        owner.close().await?;
        Ok(())
    })?
}

/// Exports the log and verifies it against its key, and against every checkpoint that was seen before.
/// Answers its size.
///
/// # Errors
/// It does not verify, or does not extend a checkpoint.
pub fn require_log_verifies(
    config: &Config,
    address: &DatabaseAddress,
    seen: &[String],
) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().join("export");
    let size = block_on(async {
        let store = Store::connect(address, DatabaseRole::Auditor, 1, Clock::System).await?;
        let exported = export(&store, &folder).await;
        store.close().await;
        anyhow::Ok(exported?.size)
    })??;
    let key = chancery::app::log_key(config)?;
    let seen =
        seen.iter().map(|text| SignedCheckpoint::parse(text.as_bytes()).context("a checkpoint"));
    for trusted in seen.map(|parsed| parsed.map(Some)).chain([Ok(None)]) {
        let trusted = trusted?;
        let report = verify_export(&ExportFolder(folder.clone()), &key, trusted.as_ref());
        ensure!(report.is_ok(), "{}", describe(&report));
    }
    Ok(size)
}

/// The checkpoint's copy outside the database, once there is one.
pub fn checkpoint(config: &Config) -> Option<String> {
    std::fs::read_to_string(config.checkpoint_path()).ok()
}
