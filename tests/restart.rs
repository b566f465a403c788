//! A service that is stopped and started anew, or runs twice: no job is lost, none runs twice at once.

use std::collections::HashMap;
use std::sync::mpsc;

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::clock::Clock;
use chancery::service::{Part, Service, Start};
use chancery::store::DatabaseRole;
use chancery_tests::invariants::{Jobs, checkpoint, require_consistent, require_log_verifies};
use chancery_tests::jobs::{
    PATIENCE, arguments, kinds, process_of, processes, reservations, submit, until, wait,
    working_process,
};
use chancery_tests::{Installation, adult, program};
use serde_json::json;
use sqlx::{Connection, Executor};
use uuid::Uuid;

fn start_of(installation: &Installation, clock: Clock) -> Result<Start> {
    Ok(Start {
        config: installation.config.clone(),
        address: installation.address.clone(),
        clock,
        program: program()?,
    })
}

/// Stops a service; a stop that hangs is an error and no endless test.
fn stop(service: Service) -> Result<()> {
    let (done, stopped) = mpsc::channel();
    std::thread::spawn(move || {
        service.stop();
        let _ = done.send(());
    });
    stopped.recv_timeout(PATIENCE).context("the service stops")
}

fn pending(installation: &Installation) -> Result<i64> {
    block_on(async {
        let store = installation.store(DatabaseRole::Auditor).await?;
        let count = store.event_pending_count().await?;
        store.close().await;
        Ok(count)
    })?
}

#[test]
fn a_service_stopped_in_the_middle_of_a_job_is_taken_over_by_the_next() -> Result<()> {
    let mut installation = Installation::new()?;
    installation.config.jobs.lease_seconds = 2;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let job_id = submit(&client, &adult::long_job("interrupted"))?;
    let child = working_process(&client, job_id)?;
    let folder = std::fs::read_link(format!("/proc/{child}/cwd"))?;
    stop(running.service)?;
    until("the child's end", || Ok(process_of(job_id).is_none().then_some(())))?;
    assert_eq!(pending(&installation)?, 0, "the last events are published");
    // As a kill would have left it: what the lost attempt had is cleared away with its lease.
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("model.safetensors"), "a model in the clear")?;
    let seen = checkpoint(&installation.config).context("a checkpoint")?;
    require_log_verifies(&installation.config, &installation.address, &[])?;

    let running = installation.start()?;
    let job = wait(&running.client(&token), job_id)?;
    assert_eq!((&job["state"], &job["attempt"]), (&json!("succeeded"), &json!(2)), "{job}");
    assert!(!folder.exists(), "{} is left", folder.display());
    stop(running.service)?;
    assert_eq!(reservations(&installation.address, job_id)?, ["committed", "committed"]);
    assert!(kinds(&installation, job_id)?.contains(&"job_attempt_lost".to_owned()));
    require_consistent(&installation.address, Jobs::Ended)?;
    require_log_verifies(&installation.config, &installation.address, &[seen])?;
    Ok(())
}

#[test]
fn a_job_queued_before_the_stop_runs_after_the_start_without_loss() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let first = submit(&client, &adult::long_job("first"))?;
    let second = submit(&client, &adult::quick_job("second"))?;
    wait(&client, first)?;
    stop(running.service)?;
    let running = installation.start()?;
    let job = wait(&running.client(&token), second)?;
    assert_eq!(job["state"], json!("succeeded"), "{job}");
    stop(running.service)?;
    require_consistent(&installation.address, Jobs::Ended)
}

#[test]
fn a_shutdown_publishes_every_event_that_was_answered() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let mut unlawful = adult::quick_job("unlawful");
    unlawful.as_object_mut().context("an object")?.remove("legal_basis");
    // A request is held up by a lock until the stop is under way, so its event is the last of all.
    let (release, released) = mpsc::channel();
    let (locked, lock) = mpsc::channel();
    let reply = std::thread::scope(|scope| -> Result<_> {
        let installation = &installation;
        scope.spawn(move || hold_decisions(installation, &locked, &released));
        lock.recv_timeout(PATIENCE)?;
        let request = scope.spawn(|| client.post("/api/v1/jobs", &unlawful, None));
        until("the request to wait", || Ok(waits_for_a_lock(installation)?.then_some(())))?;
        let stopping = scope.spawn(|| stop(running.service));
        // Long enough for a part that does not wait for the others to be gone.
        std::thread::sleep(std::time::Duration::from_secs(1));
        release.send(())?;
        stopping.join().map_err(|_| anyhow::anyhow!("the stop panicked"))??;
        Ok(request.join().map_err(|_| anyhow::anyhow!("the request panicked"))??)
    })?;
    assert_eq!(reply.status, 403, "{}", reply.body);
    assert_eq!(pending(&installation)?, 0);
    let size = require_log_verifies(&installation.config, &installation.address, &[])?;
    let copy = checkpoint(&installation.config).context("a checkpoint")?;
    assert_eq!(copy.lines().nth(1).context("a size")?.parse::<u64>()?, size);
    Ok(())
}

/// Locks the decisions until it is released; sequencing needs none.
fn hold_decisions(
    installation: &Installation,
    locked: &mpsc::Sender<()>,
    released: &mpsc::Receiver<()>,
) -> Result<()> {
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        let mut tx = owner.begin().await?;
        tx.execute("lock table decision in exclusive mode").await?;
        locked.send(())?;
        released.recv_timeout(PATIENCE)?;
        Ok(tx.commit().await?)
    })?
}

fn waits_for_a_lock(installation: &Installation) -> Result<bool> {
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        let sql = "select exists (select from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock')";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut owner).await?)
    })?
}

#[test]
fn two_services_on_one_database_never_run_a_job_twice() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let one = installation.start()?;
    let two = installation.start()?;
    let client = one.client(&token);
    adult::register(&client)?;
    let submitted: Result<Vec<Uuid>> = (0..6)
        .map(|n| submit(&two.client(&token), &adult::quick_job(&format!("job-{n}"))))
        .collect();
    let jobs = submitted?;
    until("the end of all jobs", || {
        for (job_id, count) in running_now(&installation) {
            assert_eq!(count, 1, "job {job_id} runs {count} times at once");
        }
        let list = client.get("/api/v1/jobs")?.expect(200)?;
        let states = list["jobs"].as_array().context("jobs")?.iter().map(|job| &job["state"]);
        Ok(states.clone().all(|state| *state == "succeeded").then_some(()))
    })?;
    for job_id in jobs {
        assert_eq!(reservations(&installation.address, job_id)?, ["committed"], "one attempt each");
    }
    stop(one.service)?;
    // The other goes on alone, sequencing included.
    let last = wait(&two.client(&token), submit(&two.client(&token), &adult::quick_job("last"))?)?;
    assert_eq!(last["state"], json!("succeeded"));
    stop(two.service)?;
    assert_eq!(pending(&installation)?, 0);
    require_consistent(&installation.address, Jobs::Ended)?;
    require_log_verifies(&installation.config, &installation.address, &[])?;
    Ok(())
}

#[test]
fn a_worker_whose_clock_is_wrong_cannot_make_one_job_two_models() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let client = running.client(&token);
    adult::register(&client)?;
    let job_id = submit(&client, &adult::long_job("contested"))?;
    working_process(&client, job_id)?;
    // An hour ahead, every lease of the other looks expired.
    let ahead = Clock::fake(Clock::System.now());
    ahead.advance(3600);
    let second = Service::start(&start_of(&installation, ahead)?, &[Part::Worker])?;
    let job = wait(&client, job_id)?;
    assert!(["succeeded", "failed"].contains(&job["state"].as_str().unwrap_or_default()), "{job}");
    stop(second)?;
    stop(running.service)?;
    require_consistent(&installation.address, Jobs::Ended)?;
    require_log_verifies(&installation.config, &installation.address, &[])?;
    Ok(())
}

/// How many processes each job of this installation has at this moment.
fn running_now(installation: &Installation) -> HashMap<String, u32> {
    let mut counts = HashMap::new();
    let scratch = installation.config.data_directory.join("scratch");
    for pid in processes() {
        let Ok(folder) = std::fs::read_link(format!("/proc/{pid}/cwd")) else { continue };
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let runs = arguments(pid).iter().any(|argument| argument == "run-job");
        // The folder of an attempt is its job's identifier and the attempt's number.
        if let (true, true, Some((job_id, _))) =
            (runs, folder.starts_with(&scratch), name.rsplit_once('-'))
        {
            *counts.entry(job_id.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}
