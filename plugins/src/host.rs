//! Loading a plugin: trust first, then compilation, then what it says of
//! itself.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ring::digest::{SHA256, digest};
use wasmtime::{
    Config, Engine, Result as EngineResult, WasmFeatures,
    component::{Component, Linker},
};

use crate::{
    ABI, Authority, Capabilities, Ceiling, Grant, Manifest, Operation, Plugin, PluginError,
    STACK_BYTES_MAX, Signature, TrustedKeys,
    bindings::PluginPre,
    sandbox::{Sandbox, host_failure},
    ticker::Ticker,
};

/// Loads plugins under one deployment's ceiling.
pub struct Host {
    ceiling: Ceiling,
    ticker: Arc<Ticker>,
    plugins_loaded: AtomicU64,
}

impl Host {
    /// A host with its clock.
    ///
    /// # Errors
    /// [`PluginError::Ceiling`] for a stack above [`STACK_BYTES_MAX`];
    /// [`PluginError::Host`] if the system gives no thread.
    pub fn new(ceiling: Ceiling) -> Result<Self, PluginError> {
        if ceiling.limits.stack_bytes > STACK_BYTES_MAX {
            return Err(PluginError::Ceiling("stack_bytes is above STACK_BYTES_MAX"));
        }
        let ticker = Arc::new(Ticker::start()?);
        Ok(Self { ceiling, ticker, plugins_loaded: AtomicU64::new(0) })
    }

    /// Verifies, compiles and inspects a plugin.
    ///
    /// The order matters: nothing of the component is parsed, let alone
    /// compiled or run, before its size and its signature are accepted.
    ///
    /// # Errors
    /// Everything that [`PluginError`] knows about trust, form and ABI; and the
    /// limits, which `describe` is already called under.
    pub fn load(
        &self,
        component: &[u8],
        manifest: &Manifest,
        signature: &Signature,
        trusted: &TrustedKeys,
        grant: &Grant,
    ) -> Result<Plugin, PluginError> {
        let limit_bytes = self.ceiling.component_bytes;
        if component.len() as u64 > limit_bytes {
            return Err(PluginError::ComponentTooLarge { limit_bytes });
        }
        signature.verify(component, manifest, trusted)?;
        if manifest.abi != ABI {
            return Err(PluginError::AbiMismatch { found: manifest.abi.clone() });
        }
        let authority = Authority::intersect(manifest, grant, &self.ceiling);
        let sandbox = self.sandbox(component, &authority)?;
        let described = sandbox.call(|guest, store| guest.call_describe(store))?.value;
        check_description(&described, manifest)?;
        let component_digest = digest(&SHA256, component);
        Ok(Plugin::new(sandbox, authority, described, component_digest.as_ref()))
    }

    fn sandbox(&self, bytes: &[u8], authority: &Authority) -> Result<Sandbox, PluginError> {
        let limits = *authority.limits();
        let engine = engine(limits.stack_bytes).map_err(host_failure)?;
        let component = Component::new(&engine, bytes)
            .map_err(|error| PluginError::Malformed(format!("{error:#}")))?;
        refuse_imports(&engine, &component)?;
        let mismatch = |error| PluginError::AbiMismatch { found: format!("{error:#}") };
        let component = Linker::new(&engine).instantiate_pre(&component).map_err(mismatch)?;
        let component = PluginPre::new(component).map_err(mismatch)?;
        let id = self.plugins_loaded.fetch_add(1, Ordering::Relaxed);
        Ok(Sandbox { engine, component, limits, ticker: Arc::clone(&self.ticker), id })
    }
}

/// An engine for each plugin: the stack limit belongs to the engine, and so
/// does the epoch. Whatever could answer differently on another machine is
/// off or made canonical: NaN bits, relaxed SIMD, threads.
fn engine(stack_bytes: u64) -> EngineResult<Engine> {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes as usize)
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_features(WasmFeatures::THREADS | WasmFeatures::SHARED_EVERYTHING_THREADS, false)
        .wasm_features(WasmFeatures::MEMORY64 | WasmFeatures::MULTI_MEMORY, false);
    Engine::new(&config)
}

/// The linker is empty, so an import would fail there as well; here it gets
/// its name. An import of mere types is refused like any other.
fn refuse_imports(engine: &Engine, component: &Component) -> Result<(), PluginError> {
    match component.component_type().imports(engine).next() {
        Some((name, _)) => Err(PluginError::Import(name.to_owned())),
        None => Ok(()),
    }
}

fn check_description(described: &Capabilities, manifest: &Manifest) -> Result<(), PluginError> {
    if described.abi != ABI {
        return Err(PluginError::AbiMismatch { found: described.abi.clone() });
    }
    let offered: Vec<_> = described.operations.iter().copied().map(Operation::from).collect();
    let disagreement = if described.name != manifest.name {
        "the name"
    } else if described.version != manifest.version {
        "the version"
    } else if !manifest.operations.iter().all(|operation| offered.contains(operation)) {
        "the operations"
    } else {
        return Ok(());
    };
    Err(PluginError::ManifestMismatch(disagreement))
}
