//! Every decision on record is decided again from its facts, and what was altered is told.

use anyhow::{Context, Result};
use chancery::cli::{block_on, replay_all};
use chancery::job::approve::Verdict::Approve;
use chancery::store::{DatabaseAddress, DatabaseRole};
use chancery_policy::{Facts, Pack, decide};
use chancery_tests::log::as_owner;
use chancery_tests::stage::Stage;
use chancery_tests::{Installation, adult};
use sqlx::Row;
use uuid::Uuid;

/// The gate of each decision, and the differences that a replay tells.
async fn replayed(installation: &Installation) -> Result<(usize, Vec<String>)> {
    let store = installation.store(DatabaseRole::Auditor).await?;
    let result = replay_all(&store).await?;
    store.close().await;
    Ok(result)
}

async fn decision(address: &DatabaseAddress, gate: &str) -> Result<(Uuid, String)> {
    let mut owner = address.connect_as_owner().await?;
    let row = sqlx::query("select decision_id, facts from decision where gate = $1 limit 1")
        .bind(gate)
        .fetch_one(&mut owner)
        .await?;
    Ok((row.get(0), row.get(1)))
}

#[test]
fn every_decision_of_a_walk_replays_the_same() -> Result<()> {
    let stage = Stage::new()?;
    let mut unlawful = adult::quick_job("unlawful");
    unlawful.as_object_mut().context("object")?.remove("legal_basis");
    stage.engineer.post("/api/v1/jobs", &unlawful, None)?.expect(403)?;
    let (fit, unfit) = (stage.train("fit", 0.0)?, stage.train("unfit", 0.9999)?);
    stage.signer("first")?.decide(&fit, Approve)?.expect(201)?;
    stage.deploy("income", &fit)?.expect(403)?;
    stage.signer("second")?.decide(&fit, Approve)?.expect(201)?;
    stage.deploy("income", &fit)?.expect(201)?;
    stage.deploy("income", &unfit)?.expect(409)?;

    let (same, different) = block_on(replayed(&stage.installation))??;
    assert_eq!(different, Vec::<String>::new());
    // One data set, three submissions, two evaluations, two deployments.
    assert_eq!(same, 8);
    Ok(())
}

#[test]
fn altered_facts_records_and_rules_are_told() -> Result<()> {
    let stage = Stage::new()?;
    let mut unlawful = adult::quick_job("unlawful");
    unlawful.as_object_mut().context("object")?.remove("legal_basis");
    stage.engineer.post("/api/v1/jobs", &unlawful, None)?.expect(403)?;
    let address = &stage.installation.address;
    let undo = [
        "update decision d set facts = k.facts, record = k.record, allow = k.allow, gate = k.gate
         from kept k where k.decision_id = d.decision_id",
        "update policy_pack p set sources = k.sources from kept_pack k where k.digest = p.digest",
    ];
    block_on(async {
        as_owner(
            address,
            &[
                "create table kept as select * from decision",
                "create table kept_pack as select * from policy_pack",
            ],
        )
        .await?;
        for (statement, told) in [
            (
                "update decision set facts = replace(facts, 'engineer', 'engineer') || ' ' where not allow",
                "",
            ),
            (
                "update decision set facts = replace(facts, '\"purpose\":\"', '\"purpose\":\"other ') where not allow",
                "the record names facts",
            ),
            ("update decision set facts = 'nothing' where not allow", "the facts:"),
            (
                "update decision set record = jsonb_set(record, '{allow}', 'true') where not allow",
                "the record says allow = true",
            ),
            (
                "update decision set record = jsonb_set(record, '{verdicts,0,reason}', '\"another\"') where not allow",
                "the verdict of rule",
            ),
            (
                "update decision set record = jsonb_set(record, '{engine}', '\"another\"') where not allow",
                "the record names engine",
            ),
            ("update decision set record = record - 'verdicts' where not allow", "the record:"),
            ("update decision set allow = true where not allow", "is not the one of its record"),
            (
                "update decision set gate = 'before_deployment' where not allow",
                "is not the one of its record",
            ),
            (
                "update policy_pack set sources = (select jsonb_object_agg(key, value || ' ') from jsonb_each_text(sources))",
                "the rule pack:",
            ),
            (
                "update policy_pack set sources = (select jsonb_object_agg(key, case when key like 'privacy/%' then value || ' ' else value end) from jsonb_each_text(sources))",
                "the record names pack",
            ),
        ] {
            as_owner(address, &[statement]).await?;
            let (_, different) = replayed(&stage.installation).await?;
            if told.is_empty() {
                // Facts are compared as facts: white space alone changes none.
                assert_eq!(different, Vec::<String>::new(), "{statement}");
            } else {
                let line = different.first().with_context(|| format!("not told: {statement}"))?;
                assert!(line.contains(told), "{line} does not tell {told:?}");
            }
            as_owner(address, &undo).await?;
        }
        let (same, different) = replayed(&stage.installation).await?;
        assert_eq!((same, different.len()), (2, 0), "{different:?}");
        anyhow::Ok(())
    })?
}

/// A patient owner rewrites facts and record together, so that the decision replays: the event still holds
/// what was decided, and the event is in the tree.
#[test]
fn a_decision_rewritten_in_every_row_contradicts_its_event() -> Result<()> {
    let stage = Stage::new()?;
    let mut unlawful = adult::quick_job("unlawful");
    unlawful.as_object_mut().context("object")?.remove("legal_basis");
    stage.engineer.post("/api/v1/jobs", &unlawful, None)?.expect(403)?;
    let address = &stage.installation.address;
    block_on(async {
        let (decision_id, facts) = decision(address, "before_training").await?;
        let mut facts: serde_json::Value = serde_json::from_str(&facts)?;
        facts["job"]["legal_basis"] = serde_json::json!("6(1)(f)");
        let facts = Facts::parse(facts.to_string().as_bytes())?;
        let lawful = decide(&Pack::embedded()?, &facts);
        assert!(lawful.allow);
        let mut owner = address.connect_as_owner().await?;
        sqlx::query("set session_replication_role = replica").execute(&mut owner).await?;
        sqlx::query(
            "update decision set facts = $2, record = $3, allow = true where decision_id = $1",
        )
        .bind(decision_id)
        .bind(facts.canonical_json()?)
        .bind(serde_json::to_value(&lawful)?)
        .execute(&mut owner)
        .await?;
        let (same, different) = replayed(&stage.installation).await?;
        assert_eq!((same, different.len()), (1, 1));
        assert!(different[0].contains("the log tells of another allow"), "{different:?}");
        anyhow::Ok(())
    })?
}
