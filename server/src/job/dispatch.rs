//! Dispatch: leases a job, runs one attempt in its own process, and settles it whatever happens.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::dataset::DatasetCard;
use super::settle::{Attempt, AttemptEnd, append_job_event, settle};
use super::spec::JobSpec;
use crate::blob::Blobs;
use crate::config::Config;
use crate::engine::local::{Exit, LocalJob, Scratch};
use crate::engine::order::{InputBlob, JobOrder, Line, Outcome};
use crate::engine::run_job::EXIT_REPORTED;
use crate::error::{Error, Result};
use crate::job::gate::Gate;
use crate::keys::random_key;
use crate::store::event::Actor;
use crate::store::job::{JobRow, Lease};
use crate::store::{Store, Tx};

const IDLE: Duration = Duration::from_millis(100);
/// How often a lease is renewed, and a cancellation noticed.
const RENEW: Duration = Duration::from_millis(500);
/// What Rust's allocator says last, on standard error, before it aborts.
const ALLOCATION_FAILED: &str = "memory allocation of";

/// Everything the worker needs. It signs nothing.
pub struct Dispatcher {
    /// Database under the application's role.
    pub store: Store,
    /// Blobs.
    pub blobs: Blobs,
    /// Rules for the gate after evaluation.
    pub gate: Gate,
    /// Settings.
    pub config: Config,
    /// The program whose `run-job` is started: normally this very one.
    pub program: PathBuf,
}

impl Dispatcher {
    /// Leases and runs jobs until `stop` turns true. Those that run then are given up: their leases expire.
    pub async fn run(self: Rc<Self>, mut stop: watch::Receiver<bool>) {
        let slots = std::sync::Arc::new(Semaphore::new(self.config.jobs.parallel));
        let mut running = tokio::task::JoinSet::new();
        while !*stop.borrow() {
            match self.try_dispatch(&slots, &mut running).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "dispatch failed; it will be tried again"),
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        // Running children end with their lifeline; their leases expire and the next start takes over.
        running.shutdown().await;
    }

    async fn try_dispatch(
        self: &Rc<Self>,
        slots: &std::sync::Arc<Semaphore>,
        running: &mut tokio::task::JoinSet<()>,
    ) -> Result<bool> {
        while running.try_join_next().is_some() {}
        match self.settle_expired().await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            // One attempt that cannot be settled must not keep the others from running.
            Err(error) => tracing::error!(%error, "an expired attempt could not be settled"),
        }
        let Ok(slot) = slots.clone().try_acquire_owned() else { return Ok(false) };
        let lease_seconds = self.config.jobs.lease_seconds;
        let leased =
            self.store.run_tx("job_lease", async |tx| lease_next(tx, lease_seconds).await).await?;
        let Some((job, lease)) = leased else { return Ok(false) };
        let dispatcher = Rc::clone(self);
        running.spawn_local(async move {
            let _slot = slot;
            let job_id = job.job_id;
            if let Err(error) = dispatcher.run_attempt(job, lease).await {
                tracing::error!(%job_id, %error, "an attempt could not be settled; its lease will expire");
            }
        });
        Ok(true)
    }

    /// An expired lease settles as spent: its worker may have touched the data.
    async fn settle_expired(&self) -> Result<bool> {
        let settled = self
            .store
            .run_tx("settle_expired", async |tx| {
                let Some((job, lease)) = tx.job_take_expired().await? else { return Ok(None) };
                let end = AttemptEnd::Crashed(json!({ "reason": "lease_expired" }));
                let attempt = Attempt { job: &job, lease: &lease, data_opened: true };
                settle(tx, &self.gate, &self.config, &attempt, &end).await?;
                Ok(Some(scratch_name(&lease)))
            })
            .await?;
        // Only after the commit: nobody may settle this attempt with a result any more.
        let Some(scratch) = settled else { return Ok(false) };
        Scratch::remove_abandoned(&self.config.data_directory, &scratch);
        Ok(true)
    }

    async fn run_attempt(&self, job: JobRow, lease: Lease) -> Result<()> {
        let mut data_opened = false;
        let end = match self.run_process(&job, &lease, &mut data_opened).await {
            Ok(end) => end,
            Err(error @ Error::Conflict(_)) => return Err(error), // the lease is another worker's now
            Err(error) => AttemptEnd::Crashed(json!({
                "reason": "platform_error", "detail": error.to_string()
            })),
        };
        self.settle_patiently(&Attempt { job: &job, lease: &lease, data_opened }, &end).await
    }

    /// A database that restarts is no reason to lose a result: it is offered until the lease is over.
    async fn settle_patiently(&self, attempt: &Attempt<'_>, end: &AttemptEnd) -> Result<()> {
        let begun = Instant::now();
        loop {
            let settled = self
                .store
                .run_tx("settle", async |tx| {
                    settle(tx, &self.gate, &self.config, attempt, end).await
                })
                .await;
            match settled {
                Err(error) if self.may_return(&error, begun) => tokio::time::sleep(RENEW).await,
                settled => return settled,
            }
        }
    }

    /// Whether the database that failed may be back before a lease renewed at `since` is over.
    fn may_return(&self, error: &Error, since: Instant) -> bool {
        let lease = Duration::from_secs(self.config.jobs.lease_seconds.unsigned_abs());
        matches!(error, Error::Database(why) if why.is_unavailable()) && since.elapsed() < lease
    }

    async fn run_process(
        &self,
        job: &JobRow,
        lease: &Lease,
        data_opened: &mut bool,
    ) -> Result<AttemptEnd> {
        let scratch = Scratch::create(&self.config.data_directory, &scratch_name(lease))?;
        let outcome_key = random_key();
        let order = self.order(job, lease, &scratch, outcome_key.as_ref()).await?;
        // Fetching the inputs took its time: the attempt begins with a whole lease, or not at all.
        self.store.job_renew(lease, self.config.jobs.lease_seconds).await?;
        let mut process = LocalJob::start(&self.program, &order).await?;
        // The data keys are with the child now: from here on the loss counts as spent.
        *data_opened = true;
        let watched = self.watch(&mut process, job, lease, outcome_key.as_ref()).await;
        if !matches!(watched, Ok(Watched::Closed { .. })) {
            process.kill().await;
        }
        match watched? {
            Watched::Cancelled => Ok(AttemptEnd::Cancelled),
            Watched::TimedOut => Ok(AttemptEnd::Failed(json!({
                "reason": "wall_limit", "limit_seconds": self.config.jobs.wall_limit_seconds
            }))),
            Watched::Closed { outcome, failure } => {
                let exit = process.wait().await?;
                self.conclude(&scratch, exit, outcome, failure).await
            }
        }
    }

    /// Follows the child's lines, renews the lease, and looks whether somebody cancelled.
    async fn watch(
        &self,
        process: &mut LocalJob,
        job: &JobRow,
        lease: &Lease,
        outcome_key: &[u8],
    ) -> Result<Watched> {
        let lease_seconds = self.config.jobs.lease_seconds;
        let mut renew = tokio::time::interval(RENEW);
        let mut renewed_at = Instant::now();
        let deadline = tokio::time::sleep(Duration::from_secs(self.config.jobs.wall_limit_seconds));
        tokio::pin!(deadline);
        let (mut outcome, mut failure, mut sequence) = (None, None, 0);
        loop {
            tokio::select! {
                line = process.next_line() => match line? {
                    None => return Ok(Watched::Closed { outcome, failure }),
                    Some(Line::DataOpened) => {}
                    Some(Line::Failure { detail }) => failure = Some(detail),
                    Some(Line::Outcome { body, seal }) => {
                        let opened =
                            Outcome::open(&body, &seal, outcome_key, job.job_id, lease.attempt())?;
                        outcome = Some(Box::new(opened));
                    }
                    Some(Line::Progress { detail }) => {
                        // Progress is shown and nothing rests on it: a lost line loses no attempt.
                        if let Err(error) =
                            self.store.job_progress_insert(lease, sequence, &detail).await
                        {
                            tracing::warn!(job_id = %job.job_id, %error, "a line of progress was lost");
                        }
                        sequence += 1;
                    }
                },
                _ = renew.tick() => match self.store.job_renew(lease, lease_seconds).await {
                    Ok(true) => return Ok(Watched::Cancelled),
                    Ok(false) => renewed_at = Instant::now(),
                    Err(error) if self.may_return(&error, renewed_at) => {}
                    Err(error) => return Err(error),
                },
                () = &mut deadline => return Ok(Watched::TimedOut),
            }
        }
    }

    async fn conclude(
        &self,
        scratch: &Scratch,
        exit: Exit,
        outcome: Option<Box<Outcome>>,
        failure: Option<String>,
    ) -> Result<AttemptEnd> {
        if let (true, Some(outcome)) = (exit.status.success(), outcome) {
            let artefact = self.keep_artefact(scratch, &outcome).await?;
            return Ok(AttemptEnd::Succeeded { outcome, artefact });
        }
        if let (Some(EXIT_REPORTED), Some(detail)) = (exit.status.code(), failure) {
            return Ok(AttemptEnd::Failed(json!({ "reason": "job_error", "detail": detail })));
        }
        // The limit is the attempt's own, so the next one would meet it again and spend for nothing.
        if exit.stderr.contains(ALLOCATION_FAILED) {
            return Ok(AttemptEnd::Failed(crash_report("out_of_memory", &exit)));
        }
        Ok(AttemptEnd::Crashed(crash_report("crash", &exit)))
    }

    async fn keep_artefact(
        &self,
        scratch: &Scratch,
        outcome: &Outcome,
    ) -> Result<crate::blob::Sealed> {
        let bytes = scratch.read_artefact(&outcome.artefact_file)?;
        let sealed = self.blobs.put(&bytes).await?;
        if sealed.digest != outcome.artefact_digest {
            return Err(Error::Integrity(
                "the artefact is not the one that the job measured".into(),
            ));
        }
        Ok(sealed)
    }

    async fn order(
        &self,
        job: &JobRow,
        lease: &Lease,
        scratch: &Scratch,
        outcome_key: &[u8],
    ) -> Result<JobOrder> {
        let spec: JobSpec = serde_json::from_value(job.spec.clone()).map_err(Error::bug)?;
        let dataset = self.store.dataset_get(job.dataset_id).await?;
        let card: DatasetCard = serde_json::from_value(dataset.card).map_err(Error::bug)?;
        Ok(JobOrder {
            job_id: job.job_id,
            attempt: lease.attempt(),
            training: spec.training,
            schema: card.schema,
            training_input: self.input(&dataset.training_blob, scratch).await?,
            evaluation_input: self.input(&dataset.evaluation_blob, scratch).await?,
            scratch: scratch.path().to_owned(),
            device: spec.device,
            minimum_group_size: u64::from(self.config.gates.minimum_group_size),
            memory_limit_bytes: self.config.jobs.memory_limit_mib * 1024 * 1024,
            outcome_key: hex::encode(outcome_key),
        })
    }

    /// Copies the ciphertext next to the child, whatever store it comes from.
    async fn input(&self, digest: &str, scratch: &Scratch) -> Result<InputBlob> {
        let wrapped_key = self.store.blob_wrapped_key(digest).await?;
        let cipher = self.blobs.ciphertext(digest, &wrapped_key).await?;
        let path = scratch.path().join(format!("{digest}.sealed"));
        tokio::fs::write(&path, cipher)
            .await
            .map_err(|why| Error::dependency("writing a job's input", why))?;
        let data_key = hex::encode(self.blobs.data_key(digest, &wrapped_key)?.as_ref());
        Ok(InputBlob { path, digest: digest.to_owned(), data_key })
    }
}

/// Leases the next job and records that a process will get its data.
async fn lease_next(tx: &mut Tx, lease_seconds: i64) -> Result<Option<(JobRow, Lease)>> {
    let Some((job, lease)) = tx.job_lease(lease_seconds).await? else { return Ok(None) };
    let payload = json!({ "attempt": lease.attempt() });
    append_job_event(tx, &Actor::System, "job_attempt_started", job.job_id, payload).await?;
    Ok(Some((job, lease)))
}

enum Watched {
    Closed { outcome: Option<Box<Outcome>>, failure: Option<String> },
    Cancelled,
    TimedOut,
}

/// One folder an attempt, so that a lost one never meets its successor.
fn scratch_name(lease: &Lease) -> String {
    format!("{}-{}", lease.job_id(), lease.attempt())
}

fn crash_report(reason: &str, exit: &Exit) -> Value {
    use std::os::unix::process::ExitStatusExt;
    // The last lines only, and no more of it: standard error may quote what a kernel was working on.
    let tail: Vec<&str> = exit.stderr.lines().rev().take(3).collect();
    json!({
        "reason": reason,
        "exit_code": exit.status.code(),
        "signal": exit.status.signal(),
        "last_words": tail.into_iter().rev().collect::<Vec<_>>().join("\n"),
    })
}
