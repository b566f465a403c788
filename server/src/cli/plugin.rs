//! Compute plugins from the command line: sign a component, run a program in the sandbox.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery_plugins::{
    Ceiling, Grant, Host, Limits, Manifest, Operation, PublicKey, RunRequest, Signature,
    TrustedKeys, Values, signing_message,
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::keys::SigningKey;

/// Plugins.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Sign a component together with its manifest.
    Sign {
        /// Component (.wasm).
        #[arg(long)]
        component: PathBuf,
        /// Manifest (JSON).
        #[arg(long)]
        manifest: PathBuf,
        /// Signing key.
        #[arg(long)]
        key: PathBuf,
    },
    /// Run a program in the sandbox and print its buffers as JSON.
    Run(PluginRun),
}

/// A run in the sandbox.
#[derive(Debug, Args)]
pub struct PluginRun {
    /// Component (.wasm).
    #[arg(long)]
    component: PathBuf,
    /// Manifest (JSON).
    #[arg(long)]
    manifest: PathBuf,
    /// What `plugin sign` printed.
    #[arg(long)]
    signature: PathBuf,
    /// Public key that is trusted, in base64 (`keys public` prints it).
    #[arg(long)]
    trust: String,
    /// Source of the program.
    source: PathBuf,
    /// Its form.
    #[arg(long, default_value = "openqasm2")]
    kind: String,
    /// Parameter; repeatable.
    #[arg(long = "param")]
    params: Vec<f64>,
    /// Samples to draw.
    #[arg(long, default_value_t = 0)]
    shots: u32,
    /// Seed of the samples: the same seed gives the same bytes.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureFile {
    key: String,
    signature: String,
}

/// `chancery plugin …`
pub fn plugin(command: &PluginCommand) -> Result<ExitCode> {
    match command {
        PluginCommand::Sign { component, manifest, key } => sign(component, manifest, key)?,
        PluginCommand::Run(options) => println!("{:#}", run(options)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(component: &Path, manifest: &Path, key: &Path) -> Result<()> {
    let manifest = read_manifest(manifest)?;
    let message = signing_message(&read(component)?, &manifest).map_err(plugin_error)?;
    let key = SigningKey::read(key)?;
    let file = SignatureFile {
        key: BASE64.encode(key.public_key()),
        signature: BASE64.encode(key.sign(&message)),
    };
    println!("{:#}", json!(file));
    Ok(())
}

fn run(options: &PluginRun) -> Result<Value> {
    let component = read(&options.component)?;
    let manifest = read_manifest(&options.manifest)?;
    let file: SignatureFile = serde_json::from_slice(&read(&options.signature)?)
        .map_err(|why| Error::invalid("--signature", why.to_string()))?;
    let signature = Signature::from_bytes(
        decode("--signature: key", &file.key)?,
        decode("--signature: signature", &file.signature)?,
    );
    let trusted: TrustedKeys =
        std::iter::once(PublicKey::from_bytes(decode("--trust", &options.trust)?)).collect();
    let host = Host::new(ceiling()).map_err(plugin_error)?;
    // On the command line the person who runs it grants what the manifest asks for, below the ceiling.
    let grant = Grant { operations: manifest.operations.clone(), limits: manifest.limits };
    let plugin =
        host.load(&component, &manifest, &signature, &trusted, &grant).map_err(plugin_error)?;
    let program = plugin.compile(&options.kind, &read(&options.source)?).map_err(plugin_error)?;
    let request = RunRequest {
        program: &program,
        params: &options.params,
        inputs: &[],
        shots: options.shots,
        seed: options.seed,
    };
    let outcome = plugin.run(&request).map_err(plugin_error)?;
    let buffers: Vec<Value> = outcome
        .buffers
        .iter()
        .map(|b| json!({ "name": b.name, "shape": b.shape, "data": values(&b.data) }))
        .collect();
    Ok(json!({
        "plugin_sha256": hex::encode(plugin.digest()),
        "output_sha256": hex::encode(chancery_plugins::digest(&outcome.buffers)),
        "fuel_used": outcome.fuel_used,
        "buffers": buffers,
    }))
}

/// What this program allows any plugin.
fn ceiling() -> Ceiling {
    Ceiling {
        operations: [Operation::Compile, Operation::Run, Operation::Gradient, Operation::Cost]
            .into(),
        limits: Limits {
            fuel: 50_000_000_000,
            memory_bytes: 256 << 20,
            deadline_ms: 60_000,
            stack_bytes: 512 << 10,
            output_bytes: 64 << 20,
            instances: 8,
        },
        component_bytes: 16 << 20,
    }
}

fn values(data: &Values) -> Value {
    match data {
        Values::Bytes(bytes) => json!(hex::encode(bytes)),
        Values::U64s(numbers) => json!(numbers),
        Values::F64s(numbers) => json!(numbers),
    }
}

fn decode<const N: usize>(at: &str, text: &str) -> Result<[u8; N]> {
    let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| Error::invalid(at, format!("needs {N} bytes in base64")))
}

fn read_manifest(path: &Path) -> Result<Manifest> {
    Manifest::parse(&read(path)?).map_err(plugin_error)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|why| Error::dependency(format!("reading {}", path.display()), why))
}

fn plugin_error(why: chancery_plugins::PluginError) -> Error {
    Error::invalid("plugin", why.to_string())
}
