//! One call in one fresh instance, under every limit.

use std::{sync::Arc, time::Duration};

use wasmtime::{Engine, Store, Trap};

use crate::{
    Limits, PluginError,
    bindings::{PluginPre, exports::chancery::compute::compute::Guest},
    meter::{Meter, saturate},
    ticker::Ticker,
};

/// A compiled component, its limits, and the clock that ends its calls.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) component: PluginPre<Meter>,
    pub(crate) limits: Limits,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) id: u64,
}

/// A call's answer, and what it took.
pub(crate) struct Metered<T> {
    pub(crate) value: T,
    pub(crate) fuel_used: u64,
    pub(crate) memory_bytes: u64,
}

impl Sandbox {
    /// Instantiates, calls and drops. Limits are set before the instance is
    /// made, because making it runs the component's start functions.
    pub(crate) fn call<T>(
        &self,
        function: impl FnOnce(&Guest, &mut Store<Meter>) -> wasmtime::Result<T>,
    ) -> Result<Metered<T>, PluginError> {
        let mut store = self.store().map_err(host_failure)?;
        let _ticking = self.ticker.tick(self.id, &self.engine);
        let instance = self
            .component
            .instantiate(&mut store)
            .map_err(|error| self.blame(&error, &store, PluginError::Instantiation))?;
        let value = function(instance.chancery_compute_compute(), &mut store)
            .map_err(|error| self.blame(&error, &store, PluginError::MalformedOutput))?;
        let fuel_left = store.get_fuel().map_err(host_failure)?;
        Ok(Metered {
            value,
            fuel_used: self.limits.fuel.saturating_sub(fuel_left),
            memory_bytes: store.data().bytes_held(),
        })
    }

    fn store(&self) -> wasmtime::Result<Store<Meter>> {
        let mut store = Store::new(&self.engine, Meter::new(&self.limits));
        store.limiter(|meter| meter);
        store.set_fuel(self.limits.fuel)?;
        // Lists of an answer may overlap in the guest's memory: it is what the
        // host would hold that counts, not what the guest holds.
        store.set_hostcall_fuel(saturate(self.limits.output_bytes));
        store.epoch_deadline_trap();
        store.set_epoch_deadline(Ticker::ticks(Duration::from_millis(self.limits.deadline_ms)));
        Ok(store)
    }

    /// The limit that ended a call, or else `other` with the engine's words.
    fn blame(
        &self,
        error: &wasmtime::Error,
        store: &Store<Meter>,
        other: fn(String) -> PluginError,
    ) -> PluginError {
        let limits = &self.limits;
        if store.data().is_exhausted() {
            return PluginError::MemoryExceeded { limit_bytes: limits.memory_bytes };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => PluginError::FuelExhausted { limit: limits.fuel },
            Some(Trap::Interrupt) => PluginError::DeadlineExceeded { limit_ms: limits.deadline_ms },
            Some(Trap::StackOverflow) => {
                PluginError::StackExceeded { limit_bytes: limits.stack_bytes }
            }
            Some(trap) => PluginError::Trapped(trap.to_string()),
            None if is_output_limit(error) => {
                PluginError::OutputTooLarge { limit_bytes: limits.output_bytes }
            }
            None => other(format!("{error:#}")),
        }
    }
}

/// The engine's error for this has no public type; a test holds the words.
fn is_output_limit(error: &wasmtime::Error) -> bool {
    format!("{error:#}").contains("fuel allocated for hostcalls has been exhausted")
}

pub(crate) fn host_failure(error: wasmtime::Error) -> PluginError {
    PluginError::Host(format!("{error:#}"))
}
