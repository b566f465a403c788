//! Prediction: each batch is recorded, as digests and counts, before its answer leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chancery_kernels::artefact;
use chancery_kernels::{TrainedModel, predict_rows};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::dataset::receipt;
use crate::blob::{Blobs, digest_of};
use crate::error::{Error, Result};
use crate::keys::random_bytes;
use crate::store::Store;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::Principal;

/// Rows of one request at most.
const ROWS_MAX: usize = 10_000;

/// Largest body of one request.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A batch to predict.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionRequest {
    /// One object for each row, by column name.
    pub rows: Vec<Map<String, Value>>,
}

/// Models that were opened, by artefact digest: a digest never means another model.
#[derive(Default)]
pub struct InferenceCache {
    models: Mutex<HashMap<String, Arc<TrainedModel>>>,
}

impl InferenceCache {
    async fn model(&self, store: &Store, blobs: &Blobs, digest: &str) -> Result<Arc<TrainedModel>> {
        let held = self.models.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        if let Some(model) = held {
            return Ok(model);
        }
        let bytes = blobs.get(digest, &store.blob_wrapped_key(digest).await?).await?;
        let model = artefact::from_safetensors(&bytes)
            .map_err(|why| Error::Integrity(format!("artefact {digest}: {why}")))?;
        let model = Arc::new(model);
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.insert(digest.to_owned(), Arc::clone(&model));
        Ok(model)
    }
}

/// Answers a batch: probabilities, and labels at one half.
///
/// # Errors
/// Nothing answers under this name, or a row does not fit the model's columns.
pub async fn predict(
    store: &Store,
    blobs: &Blobs,
    cache: &InferenceCache,
    who: &Principal,
    name: &str,
    request: PredictionRequest,
) -> Result<Value> {
    // Bounded by rows here and by bytes where the body is read.
    if request.rows.is_empty() || request.rows.len() > ROWS_MAX {
        return Err(Error::invalid("/rows", format!("send 1 to {ROWS_MAX} rows")));
    }
    let deployment = store.deployment_active(name).await?;
    let model = store.model_get(deployment.model_id).await?;
    let loaded = cache.model(store, blobs, &model.artefact_digest).await?;
    let salt = hex::encode(random_bytes::<32>());
    let returned_salt = salt.clone();
    let (probabilities, inputs) = tokio::task::spawn_blocking(move || {
        // Salted, for the rows of a small batch could be guessed: the caller gets the salt, the log does not.
        let inputs = digest_of(format!("{salt}{}", json!(request.rows)).as_bytes());
        predict_rows(&loaded, &request.rows).map(|probabilities| (probabilities, inputs))
    })
    .await
    .map_err(Error::bug)?
    .map_err(|why| Error::invalid("/rows", why.to_string()))?;
    let labels: Vec<bool> = probabilities.iter().map(|p| *p >= 0.5).collect();
    let positives = labels.iter().filter(|label| **label).count();
    let outputs = digest_of(format!("{returned_salt}{}", json!(probabilities)).as_bytes());
    let event_id = store
        .run_tx("predictions_record", async |tx| {
            // The swap-safe check: a deployment that was stopped meanwhile gives no answer.
            let active = tx.deployment_share(name).await?;
            if active.map(|d| d.deployment_id) != Some(deployment.deployment_id) {
                return Err(Error::Conflict(
                    "the deployment was stopped or replaced; ask again".into(),
                ));
            }
            tx.event_append(EventDraft {
                kind: "predictions_recorded",
                actor: &Actor::Principal(who.principal_id),
                subject_kind: "deployment",
                subject_id: deployment.deployment_id.to_string(),
                payload: json!({
                    "model_id": model.model_id,
                    "artefact_sha256": model.artefact_digest,
                    "rows": labels.len(),
                    "positive": positives,
                    "inputs_sha256": inputs,
                    "outputs_sha256": outputs,
                }),
            })
            .await
        })
        .await?;
    Ok(json!({
        "deployment_id": deployment.deployment_id,
        "model_id": model.model_id,
        "probabilities": probabilities,
        "labels": labels,
        "salt": returned_salt,
        "receipt": receipt(event_id),
    }))
}
