//! What is loaded at all: signatures, keys, ABI, imports, authority, and
//! bytes that are no component.
#![allow(clippy::unwrap_used)]

mod support;

use chancery_plugins::{
    Blame, Ceiling, Grant, Host, Limits, Manifest, Operation, Plugin, PluginError, RunRequest,
    STACK_BYTES_MAX, Signature,
};
use proptest::prelude::*;
use support::{
    HOST, KEY, QUANTUM, assert_host_works, ceiling, grant, hostile, hostile_with, limits, load,
    load_hostile, load_quantum, manifest, new_key, run, trusted,
};

fn good() -> (Vec<u8>, Manifest, Signature) {
    let (component, manifest) = (hostile("", "i32.const 256"), manifest("hostile", "1.0"));
    let signature = Signature::sign(&component, &manifest, &KEY).unwrap();
    (component, manifest, signature)
}

fn load_signed(component: &[u8], manifest: &Manifest, signature: &Signature) -> PluginError {
    let error =
        HOST.load(component, manifest, signature, &trusted(), &grant(limits())).err().unwrap();
    assert_host_works();
    error
}

#[test]
fn a_signature_covers_component_manifest_and_abi() {
    let (component, manifest, signature) = good();
    let mut other = component.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(matches!(load_signed(&other, &manifest, &signature), PluginError::BadSignature));

    let more_fuel = Limits { fuel: manifest.limits.fuel - 1, ..manifest.limits };
    let other = Manifest { limits: more_fuel, ..manifest.clone() };
    assert!(matches!(load_signed(&component, &other, &signature), PluginError::BadSignature));

    let other = Manifest { abi: "chancery:compute@0.2.0".into(), ..manifest.clone() };
    assert!(matches!(load_signed(&component, &other, &signature), PluginError::BadSignature));

    let (key, mut bytes) = signature.parts();
    bytes[10] ^= 1;
    let other = Signature::from_bytes(*key.as_bytes(), bytes);
    let error = load_signed(&component, &manifest, &other);
    assert!(matches!(error, PluginError::BadSignature));
    assert_eq!(error.blame(), Blame::Administrator);
}

#[test]
fn a_stranger_s_key_is_not_trusted() {
    let (component, manifest, signature) = good();
    let stranger = Signature::sign(&component, &manifest, &new_key()).unwrap();
    assert!(matches!(load_signed(&component, &manifest, &stranger), PluginError::UntrustedKey));
    let none = [].into_iter().collect();
    let result = HOST.load(&component, &manifest, &signature, &none, &grant(limits()));
    assert!(matches!(result.err().unwrap(), PluginError::UntrustedKey));
    // A trusted key's name on a stranger's signature.
    let (_, bytes) = stranger.parts();
    let forged = Signature::from_bytes(*signature.parts().0.as_bytes(), bytes);
    assert!(matches!(load_signed(&component, &manifest, &forged), PluginError::BadSignature));
}

#[test]
fn an_import_is_refused_by_name() {
    let texts = [
        (r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#, "wasi:clocks"),
        (
            r#"(component (import "wasi:random/random@0.2.0" (instance
            (export "get-random-u64" (func (result u64))))))"#,
            "wasi:random",
        ),
        (r#"(component (import "chancery:compute/types@0.1.0" (instance)))"#, "chancery:compute"),
    ];
    for (text, name) in texts {
        let error = load_hostile(&wat::parse_str(text).unwrap(), limits()).err().unwrap();
        assert!(matches!(&error, PluginError::Import(found) if found.starts_with(name)), "{error}");
        assert_host_works();
    }
}

#[test]
fn another_abi_is_refused() {
    let mismatch = |error: PluginError| {
        assert!(matches!(error, PluginError::AbiMismatch { .. }), "{error}");
        assert_host_works();
    };
    // The manifest says so.
    let (component, ours, _) = good();
    let other = Manifest { abi: "chancery:compute@9.0.0".into(), ..ours };
    mismatch(load(&component, &other, limits()).err().unwrap());
    // The component's `describe` says so.
    let component = hostile_with("chancery:compute@9.0.0", "", "unreachable");
    mismatch(load_hostile(&component, limits()).err().unwrap());
    // The component exports nothing, or another type under the right name.
    for text in [
        "(component)",
        r#"(component (component $c) (instance $i (instantiate $c))
            (export "chancery:compute/compute@0.1.0" (instance $i)))"#,
    ] {
        mismatch(load_hostile(&wat::parse_str(text).unwrap(), limits()).err().unwrap());
    }
}

#[test]
fn a_manifest_that_does_not_fit_the_component_is_refused() {
    let component = hostile("", "unreachable");
    for (name, version) in [("harmless", "1.0"), ("hostile", "2.0")] {
        let error = load(&component, &manifest(name, version), limits()).err().unwrap();
        assert!(matches!(error, PluginError::ManifestMismatch(_)), "{error}");
    }
}

#[test]
fn authority_is_the_intersection() {
    let component = hostile("", "i32.const 256");
    let asked = Manifest {
        operations: [Operation::Compile, Operation::Run].into(),
        limits: Limits { fuel: 300_000, ..limits() },
        ..manifest("hostile", "1.0")
    };
    let granted = Grant {
        operations: [Operation::Run, Operation::Gradient].into(),
        limits: Limits { memory_bytes: 1 << 20, ..limits() },
    };
    let ceiling = Ceiling { limits: Limits { deadline_ms: 9_000, ..limits() }, ..ceiling() };
    let host = Host::new(ceiling).unwrap();
    let signature = Signature::sign(&component, &asked, &KEY).unwrap();
    let plugin = host.load(&component, &asked, &signature, &trusted(), &granted).unwrap();
    let expected = Limits { fuel: 300_000, memory_bytes: 1 << 20, deadline_ms: 9_000, ..limits() };
    assert_eq!(plugin.authority().limits(), &expected);
    let allowed = [Operation::Compile, Operation::Run, Operation::Gradient, Operation::Cost]
        .map(|operation| plugin.authority().allows(operation));
    assert_eq!(allowed, [false, true, false, false]);
    let error = plugin.compile("any", b"").unwrap_err();
    assert!(matches!(error, PluginError::NotGranted(Operation::Compile)), "{error}");
}

#[test]
fn a_program_runs_only_where_it_was_compiled() {
    let other = load_hostile(&hostile("", "i32.const 256"), limits()).unwrap();
    let program = other.compile("any", b"").unwrap();
    let request = RunRequest { program: &program, params: &[], inputs: &[], shots: 0, seed: 0 };
    let error = load_quantum(&HOST).run(&request).unwrap_err();
    assert!(matches!(error, PluginError::ForeignProgram), "{error}");
}

#[test]
fn ceilings_and_manifests_are_checked() {
    let mut high = ceiling();
    high.limits.stack_bytes = STACK_BYTES_MAX + 1;
    assert!(matches!(Host::new(high).err().unwrap(), PluginError::Ceiling(_)));

    let small = Ceiling { component_bytes: 100, ..ceiling() };
    let (component, manifest, signature) = good();
    let result = Host::new(small).unwrap().load(
        &component,
        &manifest,
        &signature,
        &trusted(),
        &grant(limits()),
    );
    assert!(matches!(result.err().unwrap(), PluginError::ComponentTooLarge { limit_bytes: 100 }));

    let json = serde_json::to_vec(&manifest).unwrap();
    assert_eq!(Manifest::parse(&json).unwrap(), manifest);
    let mut value = serde_json::to_value(&manifest).unwrap();
    value["network"] = true.into();
    assert!(Manifest::parse(&serde_json::to_vec(&value).unwrap()).is_err());
    // 2^53 and 2^53 + 1 have one canonical form.
    let large = Manifest { limits: Limits { fuel: 1 << 53, ..limits() }, ..manifest };
    assert!(matches!(large.canonical_bytes(), Err(PluginError::Manifest(_))));
}

fn survive(plugin: Result<Plugin, PluginError>) -> Option<PluginError> {
    // A damaged component may still be one: then it runs under its limits.
    plugin.and_then(|plugin| run(&plugin)).err()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_no_component(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let error = load_hostile(&bytes, limits()).err().unwrap();
        prop_assert!(matches!(error, PluginError::Malformed(_)), "{error}");
    }

    #[test]
    fn bytes_after_a_component_s_header_are_no_component(
        bytes in prop::collection::vec(any::<u8>(), 1..512),
    ) {
        let bytes = [b"\0asm\x0d\0\x01\0", &bytes[..]].concat();
        prop_assert!(load_hostile(&bytes, limits()).is_err());
    }

    #[test]
    fn damaged_components_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = hostile("", "i32.const 256");
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let limits = Limits { fuel: 1_000_000, ..limits() };
        survive(load_hostile(&bytes, limits));
    }
}

#[test]
fn a_truncated_or_core_module_is_malformed() {
    let core = wat::parse_str("(module)").unwrap();
    for bytes in [&QUANTUM[..QUANTUM.len() / 2], &core, b"(component)", b""] {
        let error = load_hostile(bytes, limits()).err().unwrap();
        assert!(matches!(error, PluginError::Malformed(_)), "{error}");
        assert_host_works();
    }
}
