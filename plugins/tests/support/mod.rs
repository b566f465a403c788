//! A key, a host, the quantum plugin, and a workshop for hostile components.
#![allow(clippy::unwrap_used, dead_code)]

use std::{collections::BTreeSet, sync::LazyLock};

use chancery_plugins::{
    ABI, Buffer, Ceiling, Grant, Host, Limits, Manifest, Operation, Plugin, PluginError, PublicKey,
    RunOutcome, RunRequest, Signature, TrustedKeys, Values,
};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub const QUANTUM: &[u8] = include_bytes!("../../quantum/quantum.wasm");

pub static HOST: LazyLock<Host> = LazyLock::new(|| Host::new(ceiling()).unwrap());
pub static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(new_key);

pub fn limits() -> Limits {
    Limits {
        fuel: 2_000_000_000,
        memory_bytes: 64 << 20,
        deadline_ms: 120_000,
        stack_bytes: 512 << 10,
        output_bytes: 8 << 20,
        instances: 8,
    }
}

pub fn all_operations() -> BTreeSet<Operation> {
    [Operation::Compile, Operation::Run, Operation::Gradient, Operation::Cost].into()
}

pub fn ceiling() -> Ceiling {
    // Fuel above what any test waits for, so that a grant can ask for it.
    let limits = Limits { fuel: (1 << 53) - 1, ..limits() };
    Ceiling { operations: all_operations(), limits, component_bytes: 1 << 20 }
}

pub fn grant(limits: Limits) -> Grant {
    Grant { operations: all_operations(), limits }
}

pub fn manifest(name: &str, version: &str) -> Manifest {
    Manifest {
        name: name.into(),
        version: version.into(),
        abi: ABI.into(),
        operations: all_operations(),
        limits: ceiling().limits,
    }
}

pub fn new_key() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
}

pub fn trusted() -> TrustedKeys {
    let (key, _) = Signature::sign(b"", &manifest("any", "1"), &KEY).unwrap().parts();
    [key, PublicKey::from_bytes([7; 32])].into_iter().collect()
}

/// Signs and loads, on the host that all tests of a file share.
pub fn load(component: &[u8], manifest: &Manifest, limits: Limits) -> Result<Plugin, PluginError> {
    let signature = Signature::sign(component, manifest, &KEY).unwrap();
    HOST.load(component, manifest, &signature, &trusted(), &grant(limits))
}

pub fn load_quantum(host: &Host) -> Plugin {
    let manifest = manifest("chancery-quantum", "0.1.0");
    let signature = Signature::sign(QUANTUM, &manifest, &KEY).unwrap();
    host.load(QUANTUM, &manifest, &signature, &trusted(), &grant(limits())).unwrap()
}

pub fn input(name: &str, text: &str) -> Buffer {
    let data = Values::Bytes(text.as_bytes().to_vec());
    Buffer { name: name.into(), shape: vec![text.len() as u64], data }
}

pub fn reals<'a>(outcome: &'a RunOutcome, name: &str) -> &'a [f64] {
    let buffer = outcome.buffers.iter().find(|buffer| buffer.name == name).unwrap();
    match &buffer.data {
        Values::F64s(values) => values,
        _ => panic!("{name} is not real"),
    }
}

/// Compiles nothing and runs: what every attack starts with.
pub fn run(plugin: &Plugin) -> Result<RunOutcome, PluginError> {
    let program = plugin.compile("any", b"")?;
    plugin.run(&RunRequest { program: &program, params: &[], inputs: &[], shots: 0, seed: 0 })
}

/// The shared host still computes, beside and after every attack.
pub fn assert_host_works() {
    static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| load_quantum(&HOST));
    let source = b"OPENQASM 2.0; qreg q[2]; h q[0]; cx q[0],q[1];";
    let program = PLUGIN.compile("openqasm2", source).unwrap();
    let inputs = [input("observables", "Z0 Z1\nX0 X1\nZ0")];
    let request = RunRequest { program: &program, params: &[], inputs: &inputs, shots: 0, seed: 0 };
    let outcome = PLUGIN.run(&request).unwrap();
    let expected = [1.0, 1.0, 0.0];
    for (ours, expected) in reals(&outcome, "expectations").iter().zip(expected) {
        assert!((ours - expected).abs() < 1e-12);
    }
}

/// A component whose `run` is the given body (params: seven i32, one i64;
/// result: the address of a `result<list<buffer>, fault>`). All the rest is
/// well-behaved: `describe` answers "hostile" 1.0 and `abi`, the other
/// functions answer an empty list.
pub fn hostile_with(abi: &str, fields: &str, run: &str) -> Vec<u8> {
    let name = "chancery:compute/compute@0.1.0";
    assert_eq!(abi.len(), ABI.len());
    let module = format!(
        r#"(module
        (memory (export "memory") 2)
        (data (i32.const 0) "hostile")
        (data (i32.const 16) "1.0")
        (data (i32.const 32) "{abi}")
        (data (i32.const 64) "\00\01\02\03")
        (data (i32.const 128) "\00\00\00\00\07\00\00\00" "\10\00\00\00\03\00\00\00"
            "\20\00\00\00\16\00\00\00" "\00\00\00\00\00\00\00\00"
            "\40\00\00\00\04\00\00\00" "\00\00\00\00\00\00\00\00" "\01\00")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 2048)
        (func (export "{name}#describe") (result i32) i32.const 128)
        (func (export "{name}#compile") (param i32 i32 i32 i32) (result i32) i32.const 256)
        (func (export "{name}#gradient") (param i32 i32 i32 i32 i32 i32) (result i32)
            i32.const 256)
        (func (export "{name}#cost") (param i32 i32) (result i32) i32.const 256)
        (func (export "{name}#run") (param i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
            {run})
        {fields})"#
    );
    let mut module = wat::parse_str(module).unwrap();
    let mut resolve = Resolve::default();
    let text = include_str!("../../wit/chancery-compute.wit");
    let package = resolve.push_str("chancery-compute.wit", text).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

pub fn hostile(fields: &str, run: &str) -> Vec<u8> {
    hostile_with(ABI, fields, run)
}

pub fn load_hostile(component: &[u8], limits: Limits) -> Result<Plugin, PluginError> {
    load(component, &manifest("hostile", "1.0"), limits)
}
