//! Every migration goes up, down and up again on a real database, and leaves nothing behind.

use std::path::Path;

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery_tests::new_database;
use sqlx::{Executor, PgConnection};

/// Tables, functions, triggers and privileges: what a migration can leave behind.
const SCHEMA: &str = "
    select 'table ' || c.relname || ' ' || coalesce(c.relacl::text, '') from pg_class c
      where relnamespace = 'public'::regnamespace
    union all
    select 'column ' || c.relname || '.' || attname || ' ' || atttypid::regtype || ' ' || attnotnull
      from pg_attribute join pg_class c on c.oid = attrelid
      where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped
    union all
    select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint
      where connamespace = 'public'::regnamespace and contype <> 't'
    union all
    select 'function ' || proname from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select 'trigger ' || pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    order by 1";

struct Migration {
    name: String,
    up: String,
    down: String,
}

fn migrations() -> Result<Vec<Migration>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut names = std::fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<String>>>()?;
    names.sort();
    let (downs, ups): (Vec<_>, Vec<_>) = names.iter().partition(|name| name.ends_with(".down.sql"));
    assert_eq!(ups.len(), downs.len(), "{names:?}");
    ups.iter()
        .map(|up| {
            let name = up.strip_suffix(".up.sql").context("a migration ends with .up.sql")?;
            let read = |file: String| std::fs::read_to_string(folder.join(&file)).context(file);
            let down = read(format!("{name}.down.sql"))?;
            Ok(Migration { name: name.to_owned(), up: read((*up).clone())?, down })
        })
        .collect()
}

async fn schema(connection: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(SCHEMA).fetch_all(connection).await?)
}

async fn apply(connection: &mut PgConnection, name: &str, sql: &str) -> Result<()> {
    connection
        .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())))
        .await
        .context(name.to_owned())?;
    Ok(())
}

#[test]
fn every_migration_goes_up_down_and_up_again() -> Result<()> {
    let migrations = migrations()?;
    assert!(migrations.len() >= 5);
    let numbers: Vec<&str> = migrations.iter().filter_map(|m| m.name.split('_').next()).collect();
    let dense: Vec<String> = (1..=migrations.len()).map(|n| format!("{n:04}")).collect();
    assert_eq!(numbers, dense, "numbers are dense, so that a lost file is seen");
    let address = new_database()?;
    block_on(async {
        let mut owner = address.connect_as_owner().await?;
        let empty = schema(&mut owner).await?;
        for migration in &migrations {
            let before = schema(&mut owner).await?;
            apply(&mut owner, &migration.name, &migration.up).await?;
            let after = schema(&mut owner).await?;
            assert_ne!(before, after, "{} changes nothing", migration.name);
            apply(&mut owner, &migration.name, &migration.down).await?;
            assert_eq!(
                schema(&mut owner).await?,
                before,
                "{} down leaves something",
                migration.name
            );
            apply(&mut owner, &migration.name, &migration.up).await?;
            assert_eq!(schema(&mut owner).await?, after, "{} up again differs", migration.name);
        }
        for migration in migrations.iter().rev() {
            apply(&mut owner, &migration.name, &migration.down).await?;
        }
        assert_eq!(schema(&mut owner).await?, empty);
        anyhow::Ok(())
    })?
}
