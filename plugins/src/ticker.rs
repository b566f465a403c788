//! The wall clock of running plugins: one thread that advances the epoch of
//! every engine at work, and sleeps while there is none.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use wasmtime::Engine;

use crate::PluginError;

/// Time between two epochs. A deadline is kept to within two of them.
pub(crate) const TICK: Duration = Duration::from_millis(4);

/// Owns the thread; dropping it ends the thread.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps an engine's epoch moving until it is dropped.
pub(crate) struct Ticking<'a> {
    ticker: &'a Ticker,
    engine: u64,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Engine by plugin, and how many calls it serves. One entry for an engine
    /// however many calls run: a second one would halve their deadlines.
    working: BTreeMap<u64, (Engine, usize)>,
    is_stopped: bool,
}

impl Ticker {
    pub(crate) fn start() -> Result<Self, PluginError> {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("plugin-ticker".into())
            .spawn(move || its.tick_until_stopped())
            .map_err(|error| PluginError::Host(error.to_string()))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks for one call. `id` belongs to the engine alone.
    pub(crate) fn tick(&self, id: u64, engine: &Engine) -> Ticking<'_> {
        self.shared.lock().working.entry(id).or_insert_with(|| (engine.clone(), 0)).1 += 1;
        self.shared.changed.notify_one();
        Ticking { ticker: self, engine: id }
    }

    /// Epochs after which a call has had at least `deadline`: the first tick
    /// may come at once, so it does not count.
    pub(crate) fn ticks(deadline: Duration) -> u64 {
        let whole = deadline.as_nanos().div_ceil(TICK.as_nanos());
        u64::try_from(whole).unwrap_or(u64::MAX / 2).min(u64::MAX / 2) + 1
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        let mut state = self.ticker.shared.lock();
        if let Some((_, calls)) = state.working.get_mut(&self.engine) {
            *calls -= 1;
            if *calls == 0 {
                state.working.remove(&self.engine);
            }
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // Its only failure would be a panic, of which nothing depends.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn tick_until_stopped(&self) {
        let mut state = self.lock();
        while !state.is_stopped {
            state = if state.working.is_empty() {
                self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
            } else {
                drop(state);
                thread::sleep(TICK);
                let state = self.lock();
                state.working.values().for_each(|(engine, _)| engine.increment_epoch());
                state
            };
        }
    }

    /// A poisoned lock is still a consistent map: no update is half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
