//! The privacy ledger under contention: no number of clients together passes a cap.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::clock::Clock;
use chancery::error::Error;
use chancery::job::admit::admit;
use chancery::job::gate::Gate;
use chancery::job::people::token_digest;
use chancery::job::spec::{JobSpec, ledger_loss};
use chancery::store::budget::{Loss, ReservationEnd};
use chancery::store::event::{Actor, EventDraft};
use chancery::store::{DatabaseRole, Store};
use chancery_tests::{Installation, adult};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestCaseError, TestRunner};
use serde_json::json;
use sqlx::{Executor, Row};
use uuid::Uuid;

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

/// A scope and a job to reserve for, with nothing around them: foreign keys are switched off.
async fn bare_scope(installation: &Installation, cap: Loss) -> Result<(Uuid, Uuid)> {
    let mut owner = installation.address.connect_as_owner().await?;
    owner.execute("set session_replication_role = replica").await?;
    let row = sqlx::query(
        "with scope as (
           insert into budget_scope (scope_id, dataset_id, epsilon_cap_nano, delta_cap_femto, opened_event_id)
           values (gen_random_uuid(), gen_random_uuid(), $1, $2, gen_random_uuid()) returning scope_id)
         insert into job (job_id, kind, name, spec, dataset_id, submitter, state, attempts_max, decision_id,
           admitted_event_id, created_at)
         select gen_random_uuid(), 'train', 'bare', '{}', gen_random_uuid(), gen_random_uuid(), 'queued', 1,
           gen_random_uuid(), gen_random_uuid(), now() from scope
         returning (select scope_id from scope), job_id",
    )
    .bind(cap.epsilon_nano)
    .bind(cap.delta_femto)
    .fetch_one(&mut owner)
    .await?;
    Ok((row.get(0), row.get(1)))
}

/// Epsilon and delta, reserved then spent.
async fn ledger(store: &mut sqlx::PgConnection, scope_id: Uuid) -> Result<[i64; 4]> {
    let row = sqlx::query(
        "select epsilon_reserved_nano, delta_reserved_femto, epsilon_spent_nano, delta_spent_femto
         from budget_scope where scope_id = $1",
    )
    .bind(scope_id)
    .fetch_one(store)
    .await?;
    Ok([row.get(0), row.get(1), row.get(2), row.get(3)])
}

#[test]
fn racing_holds_take_the_last_unit_and_no_more() -> Result<()> {
    const HOLDS: usize = 20;
    let installation = Installation::new()?;
    let cap = Loss { epsilon_nano: 1_000, delta_femto: 505 };
    let (scope_id, _) = block_on(bare_scope(&installation, cap))??;
    let start = std::sync::Barrier::new(CLIENTS);
    let held = AtomicI64::new(0);
    let hold = || {
        block_on(async {
            let store = own_store(&installation).await?;
            start.wait();
            for _ in 0..HOLDS {
                let loss = Loss { epsilon_nano: 3, delta_femto: 5 };
                let yes =
                    store.run_tx("hold", async |tx| tx.budget_hold(scope_id, loss).await).await?;
                held.fetch_add(i64::from(yes), Ordering::SeqCst);
            }
            store.close().await;
            anyhow::Ok(())
        })?
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(hold)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })?;
    // δ is the tighter cap: 505 / 5.
    assert_eq!(held.load(Ordering::SeqCst), 101);
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        assert_eq!(ledger(&mut owner, scope_id).await?, [303, 505, 0, 0]);
        let over = "update budget_scope set epsilon_spent_nano = 698";
        let error = owner.execute(over).await.err().and_then(|e| e.into_database_error());
        assert_eq!(error.and_then(|e| e.code().map(Into::into)), Some(String::from("23514")));
        anyhow::Ok(())
    })?
}

#[derive(Clone, Debug)]
enum Step {
    Reserve(Loss),
    /// Ends the n-th open reservation.
    End(prop::sample::Index, ReservationEnd),
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0..60_i64, 1 => Just(i64::MAX), 1 => Just(-1), 1 => Just(i64::MIN)]
}

fn step() -> impl Strategy<Value = Step> {
    let loss = (amount(), amount())
        .prop_map(|(epsilon_nano, delta_femto)| Loss { epsilon_nano, delta_femto });
    let end = prop_oneof![Just(ReservationEnd::Committed), Just(ReservationEnd::Released)];
    prop_oneof![
        3 => loss.prop_map(Step::Reserve),
        2 => (any::<prop::sample::Index>(), end).prop_map(|(at, end)| Step::End(at, end)),
    ]
}

/// The ledger's arithmetic in the plainest form, in integers that cannot overflow.
fn fits(cap: Loss, now: [i64; 4], loss: Loss) -> bool {
    let sum = |parts: [i64; 3]| parts.iter().map(|part| i128::from(*part)).sum::<i128>();
    loss.epsilon_nano > 0
        && loss.delta_femto >= 0
        && sum([now[0], now[2], loss.epsilon_nano]) <= i128::from(cap.epsilon_nano)
        && sum([now[1], now[3], loss.delta_femto]) <= i128::from(cap.delta_femto)
}

async fn run_steps(
    installation: &Installation,
    store: &Store,
    cap: Loss,
    steps: &[Step],
) -> Result<()> {
    let (scope_id, job_id) = bare_scope(installation, cap).await?;
    let mut owner = installation.address.connect_as_owner().await?;
    let (mut model, mut open, mut attempt) = ([0_i64; 4], Vec::new(), 0);
    for step in steps {
        match step {
            Step::Reserve(loss) => {
                attempt += 1;
                let held = reserve(store, scope_id, job_id, attempt, *loss).await?;
                anyhow::ensure!(
                    held == fits(cap, model, *loss),
                    "{loss:?} on {model:?} of {cap:?}: {held}"
                );
                if held {
                    model[0] += loss.epsilon_nano;
                    model[1] += loss.delta_femto;
                    open.push((attempt, *loss));
                }
            }
            Step::End(_, _) if open.is_empty() => {}
            Step::End(at, end) => {
                let (attempt, loss) = open.swap_remove(at.index(open.len()));
                finish(store, job_id, attempt, *end).await?;
                let spent = i64::from(*end == ReservationEnd::Committed);
                model[0] -= loss.epsilon_nano;
                model[1] -= loss.delta_femto;
                model[2] += loss.epsilon_nano * spent;
                model[3] += loss.delta_femto * spent;
            }
        }
        anyhow::ensure!(
            ledger(&mut owner, scope_id).await? == model,
            "after {step:?}: not {model:?}"
        );
    }
    Ok(())
}

async fn reserve(
    store: &Store,
    scope_id: Uuid,
    job_id: Uuid,
    attempt: i32,
    loss: Loss,
) -> Result<bool> {
    Ok(store
        .run_tx("reserve", async |tx| {
            if !tx.budget_hold(scope_id, loss).await? {
                return Ok(false);
            }
            let event_id = note(tx, "budget_reserved").await?;
            tx.reservation_insert(scope_id, job_id, attempt, loss, event_id).await?;
            Ok(true)
        })
        .await?)
}

/// Ends a reservation; ending it again must be an error and change nothing.
async fn finish(store: &Store, job_id: Uuid, attempt: i32, end: ReservationEnd) -> Result<()> {
    let row = store
        .run_tx("finish", async |tx| {
            let row =
                tx.reservation_open(job_id, attempt).await?.ok_or_else(|| Error::bug("open"))?;
            let event_id = note(tx, "budget_ended").await?;
            tx.reservation_end(&row, end, event_id).await?;
            Ok(row)
        })
        .await?;
    for again in [ReservationEnd::Committed, ReservationEnd::Released] {
        let twice = store
            .run_tx("finish_again", async |tx| {
                assert!(tx.reservation_open(job_id, attempt).await?.is_none());
                let event_id = note(tx, "budget_ended").await?;
                tx.reservation_end(&row, again, event_id).await
            })
            .await;
        anyhow::ensure!(matches!(twice, Err(Error::Bug(_))), "ended twice: {twice:?}");
    }
    Ok(())
}

async fn note(tx: &mut chancery::store::Tx, kind: &'static str) -> chancery::error::Result<Uuid> {
    let subject_id = String::from("bare");
    let draft = EventDraft {
        kind,
        actor: &Actor::System,
        subject_kind: "job",
        subject_id,
        payload: json!({}),
    };
    tx.event_append(draft).await
}

#[test]
fn the_ledger_agrees_with_plain_arithmetic() -> Result<()> {
    let installation = Installation::new()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(installation.store(DatabaseRole::App))?;
    let cap = (0..200_i64, 0..200_i64)
        .prop_map(|(epsilon_nano, delta_femto)| Loss { epsilon_nano, delta_femto });
    let cases = Cases { cases: 24, failure_persistence: None, ..Cases::default() };
    TestRunner::new(cases).run(&(cap, prop::collection::vec(step(), 1..16)), |(cap, steps)| {
        runtime
            .block_on(run_steps(&installation, &store, cap, &steps))
            .map_err(|why| TestCaseError::fail(format!("{why:#}")))
    })?;
    runtime.block_on(store.close());
    Ok(())
}
