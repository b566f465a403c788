//! The artefact: a safetensors file whose bytes are a function of the model alone.
//!
//! Tensors `layer.{i}.weight` `[inputs, outputs]` and `layer.{i}.bias` `[outputs]`, 32-bit floats.
//! The metadata has one entry, `chancery`, whose value is JSON: safetensors writes metadata from a
//! hash map, and with a single entry its order cannot vary.

use std::collections::HashMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::network::{Network, parameter_count};
use crate::privacy::PrivacyLoss;
use crate::tabular::{Encoder, TabularSchema};
use crate::train::TrainSpec;
use crate::{KernelError, TrainedModel};

const METADATA_KEY: &str = "chancery";
const FORMAT: &str = "chancery-mlp/1";

/// What the tensors do not say.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    format: String,
    features: Vec<String>,
    schema_sha256: String,
    schema: TabularSchema,
    spec: TrainSpec,
    privacy: Option<PrivacyLoss>,
}

/// The artefact's bytes: equal models give equal bytes.
///
/// # Errors
/// [`KernelError::Dependency`] where serialisation fails, which no model is known to cause.
pub fn to_safetensors(model: &TrainedModel) -> Result<Vec<u8>, KernelError> {
    let metadata = Metadata {
        format: FORMAT.into(),
        features: model.features().to_vec(),
        schema_sha256: model.schema_digest().to_owned(),
        schema: model.schema().clone(),
        spec: model.spec().clone(),
        privacy: model.privacy(),
    };
    let json = serde_json::to_string(&metadata).map_err(|error| failed("serde_json", &error))?;
    let tensors = named_tensors(model.network());
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            Ok((name, view.map_err(|error| failed("safetensors", &error))?))
        })
        .collect::<Result<Vec<_>, KernelError>>()?;
    let entry = HashMap::from([(METADATA_KEY.to_owned(), json)]);
    safetensors::serialize(views, Some(entry)).map_err(|error| failed("safetensors", &error))
}

/// Reads an artefact back. Strict: every tensor must be there, no other, all values finite, and
/// digest, schema, features and specification must agree.
///
/// # Errors
/// [`KernelError::Artefact`] saying what is malformed.
pub fn from_safetensors(bytes: &[u8]) -> Result<TrainedModel, KernelError> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| malformed(&e.to_string()))?;
    let entries = header.metadata().as_ref().filter(|entries| entries.len() == 1);
    let json = entries
        .and_then(|entries| entries.get(METADATA_KEY))
        .ok_or_else(|| malformed("its metadata is not the single entry `chancery`"))?;
    let metadata: Metadata =
        serde_json::from_str(json).map_err(|error| malformed(&error.to_string()))?;
    let widths = checked_widths(&metadata)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| malformed(&e.to_string()))?;
    let parameters = read_parameters(&tensors, &widths)?;
    let network = Network::from_parts(widths, parameters)
        .ok_or_else(|| malformed("its tensors do not fill the network"))?;
    let Metadata { spec, schema, privacy, .. } = metadata;
    TrainedModel::from_parts(spec, &schema, network, privacy)
}

fn named_tensors(network: &Network) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let bytes = |range: std::ops::Range<usize>| {
        network.parameters()[range].iter().flat_map(|value| value.to_le_bytes()).collect()
    };
    let mut tensors = Vec::new();
    for (layer, span) in network.spans().into_iter().enumerate() {
        let weight = bytes(span.start..span.bias_start());
        tensors.push((weight_name(layer), vec![span.inputs, span.outputs], weight));
        let bias = bytes(span.bias_start()..span.end());
        tensors.push((bias_name(layer), vec![span.outputs], bias));
    }
    tensors
}

fn weight_name(layer: usize) -> String {
    format!("layer.{layer}.weight")
}

fn bias_name(layer: usize) -> String {
    format!("layer.{layer}.bias")
}

/// Widths of the network that the metadata describes, once it agrees with itself.
fn checked_widths(metadata: &Metadata) -> Result<Vec<usize>, KernelError> {
    let Metadata { format, features, schema_sha256, schema, spec, .. } = metadata;
    if format != FORMAT {
        return Err(malformed("its format is not chancery-mlp/1"));
    }
    if *schema_sha256 != schema.digest() {
        return Err(malformed("the schema does not have the stated digest"));
    }
    if *features != spec.features {
        return Err(malformed("its feature list differs from the specification's"));
    }
    spec.validate()?;
    let inputs = Encoder::new(schema, features)?.width();
    Ok([&[inputs], spec.hidden.as_slice(), &[1]].concat())
}

fn read_parameters(tensors: &SafeTensors<'_>, widths: &[usize]) -> Result<Vec<f32>, KernelError> {
    if tensors.len() != 2 * (widths.len() - 1) {
        return Err(malformed("it has missing or additional tensors"));
    }
    let mut parameters = Vec::with_capacity(parameter_count(widths));
    for (layer, pair) in widths.windows(2).enumerate() {
        append(tensors, &weight_name(layer), pair, &mut parameters)?;
        append(tensors, &bias_name(layer), &pair[1..], &mut parameters)?;
    }
    Ok(parameters)
}

fn append(
    tensors: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
    parameters: &mut Vec<f32>,
) -> Result<(), KernelError> {
    let view = tensors.tensor(name).map_err(|error| malformed(&error.to_string()))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(malformed(&format!("`{name}` is not 32-bit floats of shape {shape:?}")));
    }
    for bytes in view.data().chunks_exact(4) {
        let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if !value.is_finite() {
            return Err(malformed(&format!("`{name}` holds a value that is not finite")));
        }
        parameters.push(value);
    }
    Ok(())
}

fn malformed(problem: &str) -> KernelError {
    KernelError::Artefact(problem.to_owned())
}

fn failed(library: &'static str, error: &dyn std::fmt::Display) -> KernelError {
    KernelError::Dependency { library, message: error.to_string() }
}
