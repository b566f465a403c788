//! The running platform: HTTP, sequencer and worker, each in a thread of its own with its own connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::app::App;
use crate::blob::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::http;
use crate::job::dispatch::Dispatcher;
use crate::job::gate::Gate;
use crate::keys::{MasterKey, SigningKey};
use crate::sequencer::Sequencer;
use crate::store::{DatabaseAddress, DatabaseRole, Store};

/// A part that a process runs. Processes of their own hold only the keys of their parts: HTTP and the
/// worker the master key, the sequencer the log key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// API, dashboard, log tiles.
    Http,
    /// The single appender.
    Sequencer,
    /// Runs jobs.
    Worker,
}

impl Part {
    /// All parts, for one machine.
    pub const ALL: [Self; 3] = [Self::Http, Self::Sequencer, Self::Worker];
}

/// What a service is started with.
#[derive(Clone)]
pub struct Start {
    /// Settings.
    pub config: Config,
    /// Database.
    pub address: DatabaseAddress,
    /// Clock.
    pub clock: Clock,
    /// The program whose `run-job` is started.
    pub program: PathBuf,
}

/// A running service. Dropping it stops it and waits.
pub struct Service {
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    stop_sequencer: watch::Sender<bool>,
    sequencer: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts the parts and waits until each is ready.
    ///
    /// # Errors
    /// The first part that cannot start says why; the others are stopped again.
    pub fn start(start: &Start, parts: &[Part]) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (stop_sequencer, sequencer_stopped) = watch::channel(false);
        let mut service =
            Self { address: None, stop, threads: Vec::new(), stop_sequencer, sequencer: None };
        if parts.contains(&Part::Sequencer) {
            let (thread, ()) = spawn("sequencer", start, sequencer_stopped, run_sequencer)?;
            service.sequencer = Some(thread);
        }
        if parts.contains(&Part::Http) {
            let (thread, address) = spawn("http", start, stopped.clone(), run_http)?;
            service.threads.push(thread);
            service.address = Some(address);
        }
        if parts.contains(&Part::Worker) {
            let (thread, ()) = spawn("worker", start, stopped, run_worker)?;
            service.threads.push(thread);
        }
        Ok(service)
    }

    /// Where HTTP listens, if it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Stops gracefully: requests finish, the last events are sequenced.
    pub fn stop(mut self) {
        self.join();
    }

    /// Leaves the parts to the end of the process, without waiting: where the database is gone, nothing
    /// can be finished, and each part would wait in vain for a connection.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    fn join(&mut self) {
        // No receiver left means that every part has ended by itself.
        let _ = self.stop.send(true);
        self.threads.drain(..).for_each(join);
        // Told to stop only now, so that the others' last events are published.
        let _ = self.stop_sequencer.send(true);
        self.sequencer.take().into_iter().for_each(join);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.join();
    }
}

/// Starts a part in a thread of its own and waits until it is ready.
fn spawn<T: Send + 'static>(
    name: &'static str,
    start: &Start,
    stopped: watch::Receiver<bool>,
    run: fn(Start, watch::Receiver<bool>, mpsc::Sender<Result<T>>),
) -> Result<(JoinHandle<()>, T)> {
    let (ready, answer) = mpsc::channel();
    let start = start.clone();
    let thread = std::thread::Builder::new()
        .name(name.into())
        .spawn(move || run(start, stopped, ready))
        .map_err(|why| Error::dependency(format!("starting {name}"), why))?;
    let value =
        answer.recv().map_err(|_| Error::bug(format!("{name} ended before it was ready")))??;
    Ok((thread, value))
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a part of the service panicked");
    }
}

fn run_http(start: Start, stop: watch::Receiver<bool>, ready: mpsc::Sender<Result<SocketAddr>>) {
    let open = async move { App::open(&start.config, &start.address, start.clock).await };
    if let Err(error) = http::run(open, stop, ready.clone()) {
        // Nobody listens any more when the start had succeeded: then the log tells.
        if let Err(mpsc::SendError(Err(error))) = ready.send(Err(error)) {
            tracing::error!(%error, "serving HTTP failed");
        }
    }
}

fn run_sequencer(start: Start, stop: watch::Receiver<bool>, ready: mpsc::Sender<Result<()>>) {
    on_own_runtime(ready, async move |ready| {
        let opened = async {
            let key = SigningKey::read(&start.config.log_key_path())?;
            let store =
                Store::connect(&start.address, DatabaseRole::Sequencer, 2, start.clock).await?;
            let copy = start.config.checkpoint_path();
            Sequencer::open(store, key, &start.config.log_origin, copy).await
        };
        if let Some(sequencer) = announce(opened.await, &ready) {
            sequencer.run(stop).await;
            sequencer.close().await;
        }
    });
}

fn run_worker(start: Start, stop: watch::Receiver<bool>, ready: mpsc::Sender<Result<()>>) {
    on_own_runtime(ready, async move |ready| {
        let opened = async {
            let master = MasterKey::read(&start.config.master_key_path())?;
            Ok(Dispatcher {
                store: Store::connect(&start.address, DatabaseRole::App, 4, start.clock).await?,
                blobs: Blobs::open(&start.config, master)?,
                gate: Gate::embedded()?,
                config: start.config,
                program: start.program,
            })
        };
        if let Some(dispatcher) = announce(opened.await, &ready) {
            dispatcher.gate.register(&dispatcher.store).await.unwrap_or_else(|error| {
                tracing::error!(%error, "the rule pack could not be kept");
            });
            let dispatcher = Rc::new(dispatcher);
            Rc::clone(&dispatcher).run(stop).await;
            dispatcher.store.close().await;
        }
    });
}

fn announce<T>(opened: Result<T>, ready: &mpsc::Sender<Result<()>>) -> Option<T> {
    let (value, answer) = match opened {
        Ok(value) => (Some(value), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // The starter waits for exactly this message.
    let _ = ready.send(answer);
    value
}

fn on_own_runtime(
    ready: mpsc::Sender<Result<()>>,
    work: impl AsyncFnOnce(mpsc::Sender<Result<()>>),
) {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => tokio::task::LocalSet::new().block_on(&runtime, work(ready)),
        Err(why) => {
            let _ = ready.send(Err(Error::dependency("starting a runtime", why)));
        }
    }
}
