//! `componentize CORE.wasm COMPONENT.wasm`: turns the core module that rustc
//! writes for wasm32-unknown-unknown into a component. The world comes from
//! the section that the bindings left in the module. No adapter is given, so a
//! module that imports anything from WASI is an error here already.

use std::{env, fs};

use anyhow::{Context, bail};
use wit_component::ComponentEncoder;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [core, component] = arguments.as_slice() else {
        bail!("usage: componentize CORE.wasm COMPONENT.wasm");
    };
    let module = fs::read(core).with_context(|| format!("reading {core}"))?;
    let bytes = ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    fs::write(component, bytes).with_context(|| format!("writing {component}"))
}
