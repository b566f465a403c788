//! What each database role may not do, statement by statement, and what stops the owner too.

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery_tests::log::grow;
use chancery_tests::{Installation, adult};
use sqlx::{Connection, Executor, PgConnection};

/// `insufficient_privilege`
const FORBIDDEN: &str = "42501";
/// `restrict_violation`, raised by the triggers
const REFUSED: &str = "23001";

const ROLES: [&str; 3] = ["chancery_app", "chancery_sequencer", "chancery_auditor"];

/// Every table, with the rights of app, sequencer and auditor: select, insert, update, delete. Truncate is
/// nobody's. A new table must be added here.
const RIGHTS: [(&str, [&str; 3]); 29] = [
    ("log_state", ["s", "su", "s"]),
    ("event", ["si", "s", "s"]),
    ("event_payload", ["si", "", "s"]),
    ("event_pending", ["si", "sd", "s"]),
    ("leaf", ["s", "si", "s"]),
    ("tile", ["s", "siu", "s"]),
    ("checkpoint", ["s", "si", "s"]),
    ("principal", ["si", "", ""]),
    ("principal_role", ["si", "", ""]),
    ("principal_key", ["si", "", ""]),
    ("idempotency", ["si", "", ""]),
    ("api_token", ["sid", "", ""]),
    ("dashboard_session", ["sid", "", ""]),
    ("blob", ["si", "", ""]),
    ("dataset", ["si", "", "s"]),
    ("ai_system", ["si", "", "s"]),
    ("policy_pack", ["si", "", "s"]),
    ("decision", ["si", "", "s"]),
    ("job", ["siu", "", "s"]),
    ("job_progress", ["si", "", ""]),
    ("budget_scope", ["siu", "", "s"]),
    ("budget_reservation", ["siu", "", "s"]),
    ("model", ["si", "", "s"]),
    ("approval", ["si", "", "s"]),
    ("deployment", ["siu", "", "s"]),
    ("report", ["si", "", "s"]),
    ("blob_holder", ["si", "", ""]),
    ("blob_use", ["si", "", ""]),
    ("_sqlx_migrations", ["s", "s", "s"]),
];

/// A statement of each kind that touches no row and so fails for want of a right only.
async fn statement(owner: &mut PgConnection, table: &str, right: char) -> Result<String> {
    let column: String = sqlx::query_scalar(
        "select column_name::text from information_schema.columns
         where table_schema = 'public' and table_name = $1 order by ordinal_position limit 1",
    )
    .bind(table)
    .fetch_one(owner)
    .await?;
    Ok(match right {
        's' => format!("select {column} from {table} where false"),
        // No row is made: the server checks the right before it looks for one.
        'i' => {
            format!("insert into {table} overriding system value select * from {table} where false")
        }
        'u' => format!("update {table} set {column} = {column} where false"),
        'd' => format!("delete from {table} where false"),
        't' => format!("truncate {table} cascade"),
        other => anyhow::bail!("no right {other}"),
    })
}

/// The SQLSTATE that a statement ends with under a role, in a transaction that is rolled back.
async fn try_as(connection: &mut PgConnection, role: &str, sql: &str) -> Result<Option<String>> {
    let mut tx = connection.begin().await?;
    tx.execute(sqlx::AssertSqlSafe(format!("set local role {role}"))).await?;
    let answer = sqlstate(tx.execute(sqlx::AssertSqlSafe(sql)).await);
    tx.rollback().await?;
    answer
}

fn sqlstate<T>(result: Result<T, sqlx::Error>) -> Result<Option<String>> {
    match result {
        Ok(_) => Ok(None),
        Err(sqlx::Error::Database(error)) => Ok(error.code().map(Into::into)),
        Err(other) => Err(other.into()),
    }
}

#[test]
fn each_role_holds_exactly_its_rights_on_each_table() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        let tables: Vec<String> = sqlx::query_scalar(
            "select table_name::text from information_schema.tables where table_schema = 'public'",
        )
        .fetch_all(&mut owner)
        .await?;
        for table in &tables {
            assert!(RIGHTS.iter().any(|(known, _)| known == table), "{table} is not in the table");
        }
        assert_eq!(tables.len(), RIGHTS.len());
        for (table, held) in RIGHTS {
            for (role, held) in ROLES.iter().zip(held) {
                for right in "siudt".chars() {
                    let sql = statement(&mut owner, table, right).await?;
                    let expected = (!held.contains(right)).then(|| FORBIDDEN.to_owned());
                    let answer = try_as(&mut owner, role, &sql).await?;
                    assert_eq!(answer, expected, "{role}: {sql}");
                }
            }
        }
        anyhow::Ok(())
    })?
}

/// Statements on rows that exist, as an intruder with a role's password would write them.
#[test]
fn what_an_intruder_with_a_role_tries_is_forbidden() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    adult::register(&running.client(&token))?;
    drop(running);
    let attempts = [
        ("chancery_app", "insert into leaf select 1000, event_id, sha256('x') from event limit 1"),
        ("chancery_app", "update log_state set size = 0"),
        ("chancery_app", "update event set kind = 'job_admitted'"),
        ("chancery_app", "delete from event"),
        ("chancery_app", "update event_payload set salt = null, payload = null"),
        ("chancery_app", "delete from event_pending"),
        ("chancery_app", "insert into checkpoint values (1000, 'note', now())"),
        ("chancery_app", "update tile set hashes = sha256('x')"),
        ("chancery_app", "update decision set allow = true"),
        ("chancery_app", "update principal_role set role = 'administrator'"),
        ("chancery_app", "update dataset set name = 'other'"),
        ("chancery_app", "alter table event disable trigger all"),
        ("chancery_app", "drop trigger event_insert_only on event"),
        ("chancery_app", "set session_replication_role = replica"),
        ("chancery_app", "create table public.mine (n int)"),
        (
            "chancery_sequencer",
            "insert into event select gen_random_uuid(), kind, actor, subject_kind, subject_id, recorded_at, entry from event limit 1",
        ),
        ("chancery_sequencer", "select payload from event_payload"),
        ("chancery_sequencer", "select token_sha256 from api_token"),
        ("chancery_sequencer", "update leaf set leaf_index = leaf_index + 1"),
        ("chancery_sequencer", "delete from checkpoint"),
        (
            "chancery_sequencer",
            "insert into log_state select false, origin, 0, root, note, now() from log_state",
        ),
        (
            "chancery_auditor",
            "insert into event select gen_random_uuid(), kind, actor, subject_kind, subject_id, recorded_at, entry from event limit 1",
        ),
        ("chancery_auditor", "select name from principal"),
        ("chancery_auditor", "select token_sha256 from api_token"),
        ("chancery_auditor", "select wrapped_key from blob"),
        ("chancery_auditor", "update log_state set size = 0"),
    ];
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        // No role is a member of another (`set role` from the owner's session could always go back).
        for pair in [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]] {
            let [role, other] = pair.map(|at| ROLES[at]);
            let member: bool = sqlx::query_scalar("select pg_has_role($1, $2, 'member')")
                .bind(role)
                .bind(other)
                .fetch_one(&mut owner)
                .await?;
            assert!(!member, "{role} may become {other}");
        }
        for (role, sql) in attempts {
            let answer = try_as(&mut owner, role, sql).await?;
            assert_eq!(answer.as_deref(), Some(FORBIDDEN), "{role}: {sql}");
        }
        anyhow::Ok(())
    })?
}

#[test]
fn the_owner_is_stopped_by_triggers_until_they_are_switched_off() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    adult::register(&running.client(&token))?;
    drop(running);
    block_on(async {
        grow(&installation, &[5]).await?;
        let mut owner = installation.address.connect_as_owner().await?;
        for sql in [
            "update event set kind = 'job_admitted'",
            "delete from event",
            "truncate event cascade",
            "update leaf set leaf_index = leaf_index + 1000",
            "delete from leaf where leaf_index = 3",
            "truncate leaf",
            "update checkpoint set note = ''",
            "delete from checkpoint",
            "truncate checkpoint",
            "update event_payload set payload = 'forged'",
            "update event_payload set salt = sha256('x'), payload = null",
            "delete from event_payload",
            "truncate event_payload",
            "delete from log_state",
            "truncate log_state",
            "update decision set allow = true",
            "delete from decision",
            "truncate decision cascade",
            "truncate model cascade",
            "truncate approval",
        ] {
            let mut tx = owner.begin().await?;
            let answer = sqlstate(tx.execute(sql).await)?;
            tx.rollback().await?;
            assert_eq!(answer.as_deref(), Some(REFUSED), "{sql}");
        }
        let erased = owner
            .execute("update event_payload set salt = null, payload = null")
            .await
            .context("erasure is the one change that is allowed")?;
        assert!(erased.rows_affected() > 5);
        let again =
            owner.execute("update event_payload set payload = '{}', salt = sha256('x')").await;
        assert_eq!(sqlstate(again)?.as_deref(), Some(REFUSED), "what was erased stays erased");
        anyhow::Ok(())
    })?
}
