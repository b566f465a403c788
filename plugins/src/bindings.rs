//! Host bindings, generated from `wit/chancery-compute.wit`.
#![allow(missing_docs, clippy::all)]

wasmtime::component::bindgen!({
    path: "wit",
    world: "plugin",
    additional_derives: [PartialEq],
});
