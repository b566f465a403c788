//! Predictions of a trained model.

use burn::backend::Flex;
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::Backend;
use serde_json::{Map, Value};

use crate::network::{DeviceNetwork, Network, matrix, to_host};
use crate::tabular::TabularData;
use crate::{KernelError, TrainedModel};

/// Rows in one forward pass.
const CHUNK_ROWS: usize = 4096;

/// Probability of the positive label for each row of a table.
///
/// # Errors
/// [`KernelError::Mismatch`] where the table was read under another schema or feature list.
pub fn predict(model: &TrainedModel, data: &TabularData) -> Result<Vec<f32>, KernelError> {
    if data.schema_digest() != model.schema_digest() || data.feature_names() != model.features() {
        return Err(KernelError::Mismatch(
            "the table was not read under the model's schema and features".into(),
        ));
    }
    probabilities::<Flex>(model.network(), data.features(), &Default::default())
}

/// Probability of the positive label for each JSON object, such as
/// `{"age": 39, "workclass": "Private", …}`. Every feature must be there; `"?"` or `null` marks an
/// unknown category; other columns of the schema are accepted and not read.
///
/// # Errors
/// [`KernelError::Row`] naming the row, the field and what is wanted.
pub fn predict_rows(
    model: &TrainedModel,
    rows: &[Map<String, Value>],
) -> Result<Vec<f32>, KernelError> {
    let mut inputs = Vec::with_capacity(rows.len() * model.encoder().width());
    for (index, row) in rows.iter().enumerate() {
        model.encoder().encode_json(index, row, &mut inputs)?;
    }
    probabilities::<Flex>(model.network(), &inputs, &Default::default())
}

/// `features` is `[rows, width]` row-major.
pub(crate) fn probabilities<B: Backend>(
    network: &Network,
    features: &[f32],
    device: &B::Device,
) -> Result<Vec<f32>, KernelError> {
    let width = network.widths()[0];
    let on_device: DeviceNetwork<B> = network.upload(device);
    let mut all = Vec::with_capacity(features.len() / width);
    for chunk in features.chunks(CHUNK_ROWS * width) {
        let inputs = matrix(chunk.to_vec(), [chunk.len() / width, width], device);
        all.extend(to_host(sigmoid(on_device.forward(inputs).logits))?);
    }
    Ok(all)
}
