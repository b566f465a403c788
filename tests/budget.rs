//! Admission under contention: no number of clients together passes a cap.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::clock::Clock;
use chancery::error::Error;
use chancery::job::admit::admit;
use chancery::job::gate::Gate;
use chancery::job::people::token_digest;
use chancery::job::spec::{JobSpec, ledger_loss};
use chancery::store::{DatabaseRole, Store};
use chancery_tests::{Installation, adult};
use serde_json::json;

const CLIENTS: usize = 24;

/// A store with one connection of its own.
async fn own_store(installation: &Installation) -> Result<Store> {
    Ok(Store::connect(&installation.address, DatabaseRole::App, 1, Clock::System).await?)
}

#[test]
fn racing_clients_are_admitted_exactly_as_often_as_the_cap_allows() -> Result<()> {
    const FITS: i64 = 7;
    let mut installation = Installation::new()?;
    installation.config.jobs.parallel = 0;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    let spec = JobSpec::parse(adult::quick_job("racer").to_string().as_bytes())?;
    let loss = ledger_loss(&spec.privacy_loss(adult::ROWS as u64)?.context("a private job")?)?;
    let mut registration = adult::registration(&client)?;
    let cap = (loss.epsilon_nano * FITS + loss.epsilon_nano / 2) as f64 / 1e9;
    registration["card"]["privacy_budget"] = json!({ "epsilon": cap, "delta": 0.01 });
    client.post("/api/v1/systems", &chancery::demo::cards::system(), None)?.expect(201)?;
    client.post("/api/v1/datasets", &registration, None)?.expect(201)?;

    let gate = Gate::embedded()?;
    let start = std::sync::Barrier::new(CLIENTS);
    let admitted = AtomicI64::new(0);
    let race = || {
        block_on(async {
            let store = own_store(&installation).await?;
            let who = store.principal_by_token(&token_digest(&token)).await?.context("enrolled")?;
            start.wait();
            match admit(&store, &gate, &installation.config, &who, &spec, None).await {
                Ok(_) => _ = admitted.fetch_add(1, Ordering::SeqCst),
                Err(Error::Budget(_)) => {}
                Err(Error::Denied { decision, .. }) => {
                    let rules: Vec<_> = decision.denials().map(|v| v.rule.as_str()).collect();
                    assert_eq!(rules, ["privacy_budget"]);
                }
                Err(other) => return Err(other.into()),
            }
            store.close().await;
            anyhow::Ok(())
        })?
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(race)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })?;

    assert_eq!(admitted.load(Ordering::SeqCst), FITS);
    let budgets = client.get("/api/v1/budgets")?.expect(200)?;
    let expected = (loss.epsilon_nano * FITS).to_string();
    assert_eq!(budgets["budgets"][0]["epsilon_reserved_nano"], json!(expected));
    assert_eq!(budgets["budgets"][0]["epsilon_spent_nano"], json!("0"));
    let events = client.get("/api/v1/events?limit=500")?.expect(200)?;
    let count = |kinds: &[&str]| {
        let list = events["events"].as_array().into_iter().flatten();
        list.filter(|event| kinds.iter().any(|kind| event["kind"] == *kind)).count()
    };
    assert_eq!((count(&["job_admitted"]), count(&["budget_reserved"])), (7, 7));
    assert_eq!(count(&["job_denied", "job_refused_for_budget"]), CLIENTS - 7);
    Ok(())
}
