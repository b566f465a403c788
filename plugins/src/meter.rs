//! Counts what an instance holds, over all its memories and tables together:
//! a limit for each memory would be no limit on their number.

use wasmtime::ResourceLimiter;

use crate::Limits;

/// Host bytes of one table element, rounded up.
const TABLE_ELEMENT_BYTES: usize = 16;

/// The store's data: what is held, and whether the limit was hit.
pub(crate) struct Meter {
    bytes_max: usize,
    instances_max: usize,
    bytes_held: usize,
    is_exhausted: bool,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            bytes_max: saturate(limits.memory_bytes),
            instances_max: saturate(limits.instances),
            bytes_held: 0,
            is_exhausted: false,
        }
    }

    pub(crate) fn bytes_held(&self) -> u64 {
        self.bytes_held as u64
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.is_exhausted
    }

    /// An error traps the guest. The alternative, a growth that answers -1,
    /// would let the guest go on, differently than on a larger machine.
    fn hold(&mut self, bytes: usize) -> wasmtime::Result<bool> {
        let held = self.bytes_held.saturating_add(bytes);
        if held > self.bytes_max {
            self.is_exhausted = true;
            return Err(wasmtime::Error::msg("memory limit exceeded"));
        }
        self.bytes_held = held;
        Ok(true)
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.hold(desired.saturating_sub(current))
    }

    /// The system has no memory although the limit would allow it: end the
    /// call, for the reason above.
    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.hold(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn tables(&self) -> usize {
        self.instances_max
    }

    fn memories(&self) -> usize {
        self.instances_max
    }
}

pub(crate) fn saturate(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
