//! Hostile components, each ended by the limit that is meant for it. After
//! each, the same host still computes.
#![allow(clippy::unwrap_used)]

mod support;

use chancery_plugins::{Blame, Limits, PluginError};
use support::{assert_host_works, hostile, limits, load_hostile, run};

/// Loads, runs, and answers what went wrong.
fn attack(fields: &str, body: &str, limits: Limits) -> PluginError {
    let component = hostile(fields, body);
    let error = load_hostile(&component, limits).and_then(|plugin| run(&plugin)).unwrap_err();
    assert_host_works();
    error
}

const LOOP: &str = "(loop $again (br $again)) unreachable";

#[test]
fn the_workshop_builds_a_plugin_that_works() {
    let plugin = load_hostile(&hostile("", "i32.const 256"), limits()).unwrap();
    let outcome = run(&plugin).unwrap();
    assert!(outcome.buffers.is_empty());
    assert!(outcome.fuel_used > 0);
    assert_eq!(outcome.memory_bytes, 2 << 16);
}

#[test]
fn an_endless_loop_ends_by_fuel() {
    let error = attack("", LOOP, Limits { fuel: 1_000_000, ..limits() });
    assert!(matches!(error, PluginError::FuelExhausted { limit: 1_000_000 }), "{error}");
    assert_eq!(error.blame(), Blame::Limit);
}

#[test]
fn an_endless_loop_with_endless_fuel_ends_by_the_clock() {
    let limits = Limits { fuel: (1 << 53) - 1, deadline_ms: 50, ..limits() };
    // `describe` must not need the 50 ms: load with time, then run without.
    let error = attack("", LOOP, limits);
    assert!(matches!(error, PluginError::DeadlineExceeded { limit_ms: 50 }), "{error}");
}

#[test]
fn an_endless_start_function_ends_at_load() {
    let fields = "(func $start (loop $again (br $again))) (start $start)";
    let component = hostile(fields, "unreachable");
    let error = load_hostile(&component, Limits { fuel: 1_000_000, ..limits() }).err().unwrap();
    assert!(matches!(error, PluginError::FuelExhausted { .. }), "{error}");
    assert_host_works();
}

#[test]
fn a_memory_bomb_is_defused() {
    let body = "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable";
    let error = attack("", body, Limits { memory_bytes: 4 << 20, ..limits() });
    assert!(matches!(error, PluginError::MemoryExceeded { limit_bytes: 4_194_304 }), "{error}");
}

#[test]
fn one_huge_growth_is_refused() {
    let error = attack("", "(drop (memory.grow (i32.const 65000))) i32.const 256", limits());
    assert!(matches!(error, PluginError::MemoryExceeded { .. }), "{error}");
}

#[test]
fn tables_count_as_memory() {
    let fields = "(table $t 0 funcref)";
    let body = "(loop $again (drop (table.grow $t (ref.null func) (i32.const 65536)))
                (br $again)) unreachable";
    let error = attack(fields, body, limits());
    assert!(matches!(error, PluginError::MemoryExceeded { .. }), "{error}");
}

#[test]
fn a_memory_that_starts_too_large_is_refused() {
    let component = hostile("", "i32.const 256");
    let limits = Limits { memory_bytes: 65_536, ..limits() };
    let error = load_hostile(&component, limits).err().unwrap();
    assert!(matches!(error, PluginError::MemoryExceeded { .. }), "{error}");
    assert_host_works();
}

#[test]
fn more_instances_than_allowed_are_refused() {
    let limits = Limits { instances: 0, ..limits() };
    let error = load_hostile(&hostile("", "i32.const 256"), limits).err().unwrap();
    assert!(matches!(error, PluginError::Instantiation(_)), "{error}");
    assert_host_works();
}

#[test]
fn endless_recursion_ends_by_the_stack() {
    let fields = "(func $down (param i64) (result i64)
        (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))";
    let error = attack(fields, "(drop (call $down (i64.const 0))) i32.const 256", limits());
    assert!(matches!(error, PluginError::StackExceeded { .. }), "{error}");
}

#[test]
fn a_panic_is_a_trap() {
    let error = attack("", "unreachable", limits());
    assert!(matches!(error, PluginError::Trapped(_)), "{error}");
    assert_eq!(error.blame(), Blame::Author);
    let error = attack("", "(i32.div_s (i32.const 1) (i32.const 0))", limits());
    assert!(matches!(error, PluginError::Trapped(_)), "{error}");
    let error = attack("", "(i32.load (i32.const -4))", limits());
    assert!(matches!(error, PluginError::Trapped(_)), "{error}");
}

/// Stores the words at 512: ok, then a list of buffers at an address.
fn answer(list_address: u32, list_length: u32) -> String {
    format!(
        "(i32.store8 (i32.const 512) (i32.const 0))
         (i32.store (i32.const 516) (i32.const {list_address}))
         (i32.store (i32.const 520) (i32.const {list_length}))"
    )
}

#[test]
fn an_answer_larger_than_allowed_is_not_copied() {
    // 1000 buffers at 4096, each claiming the same 64 KiB of memory: 64 MB of
    // answer out of 128 KiB of memory.
    let body = format!(
        "(local $at i32) {} (local.set $at (i32.const 4096))
         (loop $next
            (i32.store8 (i32.add (local.get $at) (i32.const 16)) (i32.const 0))
            (i32.store (i32.add (local.get $at) (i32.const 20)) (i32.const 65536))
            (i32.store (i32.add (local.get $at) (i32.const 24)) (i32.const 65536))
            (local.set $at (i32.add (local.get $at) (i32.const 28)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 32096))))
         i32.const 512",
        answer(4096, 1000)
    );
    let error = attack("", &body, limits());
    assert!(matches!(error, PluginError::OutputTooLarge { limit_bytes: 8_388_608 }), "{error}");
}

#[test]
fn an_answer_that_points_outside_is_malformed() {
    for (address, length) in [(131_068, 1), (4096, u32::MAX), (u32::MAX - 3, 1)] {
        let body = format!("{} i32.const 512", answer(address, length));
        let error = attack("", &body, limits());
        assert!(matches!(error, PluginError::MalformedOutput(_)), "{address} {length}: {error}");
    }
    let error = attack("", "i32.const -8", limits());
    assert!(matches!(error, PluginError::MalformedOutput(_)), "{error}");
}

#[test]
fn an_answer_with_a_false_shape_is_malformed() {
    // One buffer at 4096: an empty name, no dimension (so one element is
    // announced), no byte.
    let body = format!("{} i32.const 512", answer(4096, 1));
    let error = attack("", &body, limits());
    assert!(matches!(error, PluginError::MalformedOutput(_)), "{error}");
}

#[test]
fn an_argument_that_does_not_fit_is_the_guest_s_trap() {
    // The guest's allocator answers the same 2048 whatever the length: bytes
    // beyond its memory are an error of the call, not of the host.
    let plugin = load_hostile(&hostile("", "i32.const 256"), limits()).unwrap();
    let error = plugin.compile("any", &vec![0; 1 << 20]).unwrap_err();
    assert_eq!(error.blame(), Blame::Author, "{error}");
    assert_host_works();
}
