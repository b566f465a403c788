//! Buffers that cross the boundary, in both directions.

use ring::digest::{Context, SHA256};

use crate::{
    Buffer, Operation, PluginError, Values, bindings::exports::chancery::compute::compute as wit,
};

/// SHA-256 over buffers: each name, shape and element list with its length in
/// front, numbers little-endian. Two lists share a digest only if they are the
/// same to the bit, NaNs included.
pub fn digest(buffers: &[Buffer]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&length(buffers.len()));
    for buffer in buffers {
        context.update(&length(buffer.name.len()));
        context.update(buffer.name.as_bytes());
        context.update(&length(buffer.shape.len()));
        buffer.shape.iter().for_each(|size| context.update(&size.to_le_bytes()));
        let (tag, count) = match &buffer.data {
            Values::Bytes(values) => (0, values.len()),
            Values::U64s(values) => (1, values.len()),
            Values::F64s(values) => (2, values.len()),
        };
        context.update(&[tag]);
        context.update(&length(count));
        match &buffer.data {
            Values::Bytes(values) => context.update(values),
            Values::U64s(values) => values.iter().for_each(|v| context.update(&v.to_le_bytes())),
            Values::F64s(values) => values.iter().for_each(|v| context.update(&v.to_le_bytes())),
        }
    }
    let mut result = [0; 32];
    result.copy_from_slice(context.finish().as_ref());
    result
}

pub(crate) fn check_inputs(buffers: &[Buffer]) -> Result<(), PluginError> {
    match buffers.iter().find(|buffer| !is_shaped(buffer)) {
        Some(buffer) => Err(PluginError::InputShape(buffer.name.clone())),
        None => Ok(()),
    }
}

pub(crate) fn check_outputs(buffers: &[Buffer]) -> Result<(), PluginError> {
    match buffers.iter().find(|buffer| !is_shaped(buffer)) {
        Some(_) => Err(PluginError::MalformedOutput("a shape does not match its elements".into())),
        None => Ok(()),
    }
}

fn is_shaped(buffer: &Buffer) -> bool {
    let count = match &buffer.data {
        Values::Bytes(values) => values.len(),
        Values::U64s(values) => values.len(),
        Values::F64s(values) => values.len(),
    };
    let product = buffer.shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size));
    product == Some(count as u64)
}

fn length(count: usize) -> [u8; 8] {
    (count as u64).to_le_bytes()
}

impl From<wit::Operation> for Operation {
    fn from(operation: wit::Operation) -> Self {
        match operation {
            wit::Operation::Compile => Self::Compile,
            wit::Operation::Run => Self::Run,
            wit::Operation::Gradient => Self::Gradient,
            wit::Operation::Cost => Self::Cost,
        }
    }
}
