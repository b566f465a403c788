//! Datasets: a governance card and two encrypted splits, let in by the gate.

use std::collections::BTreeMap;

use chancery_kernels::tabular::{TabularData, TabularSchema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::dataset_facts;
use super::gate::{DecisionEvent, Gate};
use super::spec::require_name;
use crate::blob::{Blobs, digest_of};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::budget::Loss;
use crate::store::dataset::DatasetRow;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::Principal;

/// The governance card of a dataset (AI Act Art. 10, GDPR Art. 5, 6, 9, 30).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetCard {
    /// Unique name.
    pub name: String,
    /// Where it comes from.
    #[serde(default)]
    pub origin: Option<String>,
    /// How it was collected.
    #[serde(default)]
    pub collection: Option<String>,
    /// How it was prepared.
    #[serde(default)]
    pub preparation: Option<String>,
    /// What the data is assumed to measure.
    #[serde(default)]
    pub assumptions: Option<String>,
    /// Licence.
    pub licence: String,
    /// Purposes it may be used for.
    pub purposes: Vec<String>,
    /// A legal basis for each purpose.
    pub legal_bases: Vec<chancery_policy::LegalBasis>,
    /// Columns with special categories and their 9(2) basis.
    #[serde(default)]
    pub special_categories: Vec<chancery_policy::SpecialCategory>,
    /// RFC 3339 date after which it must not be used.
    #[serde(default)]
    pub retention_until: Option<String>,
    /// For whom it is representative.
    #[serde(default)]
    pub representativeness: Option<String>,
    /// What is known to be missing.
    #[serde(default)]
    pub known_gaps: Option<String>,
    /// Whether special categories are processed on a large scale; absent reads as yes.
    #[serde(default)]
    pub large_scale: Option<bool>,
    /// Whether it holds personal data.
    pub personal_data: bool,
    /// Columns, label and protected attributes: public metadata, so that no privacy is spent on scaling.
    pub schema: TabularSchema,
    /// Budget over all jobs on the training split.
    pub privacy_budget: BudgetCap,
}

/// Cap of a dataset's privacy budget.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetCap {
    /// ε.
    pub epsilon: f64,
    /// δ.
    pub delta: f64,
}

/// A registration request: the card, and the digests of two uploaded blobs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetRegistration {
    /// Governance card.
    pub card: DatasetCard,
    /// Digest of the training split.
    pub training_blob: String,
    /// Digest of the held-out split.
    pub evaluation_blob: String,
}

/// Encrypts and keeps bytes; answers their address.
///
/// # Errors
/// The object store or the database fails.
pub async fn upload(store: &Store, blobs: &Blobs, who: &Principal, bytes: &[u8]) -> Result<Value> {
    let digest = digest_of(bytes);
    // The same bytes again are stored once.
    let sealed = match store.blob_wrapped_key(&digest).await {
        Ok(_) => None,
        Err(Error::NotFound { .. }) => Some(blobs.put(bytes).await?),
        Err(error) => return Err(error),
    };
    let answer = json!({ "digest": digest, "size_bytes": bytes.len() });
    store
        .run_tx("blob_upload", async |tx| {
            if let Some(sealed) = &sealed {
                tx.blob_insert(sealed).await?;
            }
            tx.blob_holder_insert(&digest, who.principal_id).await?;
            tx.event_append(EventDraft {
                kind: "blob_uploaded",
                actor: &Actor::Principal(who.principal_id),
                subject_kind: "blob",
                subject_id: digest.clone(),
                payload: answer.clone(),
            })
            .await
        })
        .await?;
    Ok(answer)
}

/// Registers a dataset: both splits are parsed against the card's schema before the gate decides.
///
/// # Errors
/// A split does not fit the schema, the gate denies (recorded), or the name is taken.
pub async fn register(
    store: &Store,
    blobs: &Blobs,
    gate: &Gate,
    config: &Config,
    who: &Principal,
    registration: &DatasetRegistration,
) -> Result<Value> {
    let card = &registration.card;
    require_name("/card/name", &card.name)?;
    let cap = card.privacy_budget.ledger()?;
    for (at, digest) in
        [("training", &registration.training_blob), ("evaluation", &registration.evaluation_blob)]
    {
        require_holder(store, who, at, digest).await?;
    }
    let training_rows = count_rows(store, blobs, &registration.training_blob, card).await?;
    count_rows(store, blobs, &registration.evaluation_blob, card).await?;
    store
        .run_tx("dataset_register", async |tx| {
            let dataset_id = tx.clock().new_id();
            let facts = dataset_facts(config, tx.clock().now(), who, dataset_id, registration);
            let decided = gate.decide(tx, &facts)?;
            let actor = Actor::Principal(who.principal_id);
            let kind = if decided.decision().allow { "dataset_registered" } else { "dataset_denied" };
            let event_id = decided
                .record(
                    tx,
                    DecisionEvent {
                        kind,
                        actor: &actor,
                        subject_kind: "dataset",
                        subject_id: dataset_id.to_string(),
                        payload: json!({ "registration": registration, "training_rows": training_rows }),
                    },
                )
                .await?;
            let admitted = match decided.admitted() {
                Ok(admitted) => admitted,
                Err(denied) => return Ok(Err(denied.into_denial(event_id))),
            };
            tx.blob_claim(&registration.training_blob, "training").await?;
            tx.blob_claim(&registration.evaluation_blob, "evaluation").await?;
            tx.dataset_insert(&DatasetRow {
                dataset_id,
                name: card.name.clone(),
                card: serde_json::to_value(card).map_err(Error::bug)?,
                training_blob: registration.training_blob.clone(),
                evaluation_blob: registration.evaluation_blob.clone(),
                training_rows,
                decision_id: admitted.decision_id(),
                registered_event_id: event_id,
            })
            .await
            .map_err(|error| dataset_taken(error, &card.name))?;
            let opened = tx
                .event_append(EventDraft {
                    kind: "budget_opened",
                    actor: &actor,
                    subject_kind: "dataset",
                    subject_id: dataset_id.to_string(),
                    payload: json!({
                        "epsilon_cap_nano": cap.epsilon_nano.to_string(),
                        "delta_cap_femto": cap.delta_femto.to_string(),
                    }),
                })
                .await?;
            tx.budget_open(dataset_id, cap, opened).await?;
            Ok(Ok(json!({
                "dataset_id": dataset_id,
                "name": card.name,
                "training_rows": training_rows,
                "receipt": receipt(event_id),
            })))
        })
        .await?
}

/// Where to fetch the proof of an event.
pub fn receipt(event_id: Uuid) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("event_id", event_id.to_string()),
        ("proof", format!("/api/v1/events/{event_id}/proof")),
    ])
}

fn dataset_taken(error: Error, name: &str) -> Error {
    match error {
        Error::Database(inner) if inner.constraint() == Some("dataset_training_blob_key") => {
            Error::Conflict(
                "this training split is registered already: use that dataset, for the same data \
                 under a second name would get its privacy budget twice"
                    .into(),
            )
        }
        other => name_taken(other, "dataset", name),
    }
}

/// A unique name that is taken is the caller's to mend.
pub fn name_taken(error: Error, what: &str, name: &str) -> Error {
    match error {
        Error::Database(inner) if inner.is_unique_violation() => {
            Error::Conflict(format!("a {what} named {name:?} exists already; choose another name"))
        }
        other => other,
    }
}

impl BudgetCap {
    /// Caps round down, losses round up.
    fn ledger(self) -> Result<Loss> {
        // Anything smaller than the ledger's unit would become a cap of zero.
        if !(1e-9..=1000.0).contains(&self.epsilon) || !(1e-15..=0.1).contains(&self.delta) {
            return Err(Error::invalid(
                "/card/privacy_budget",
                "epsilon must lie in [1e-9, 1000] and delta in [1e-15, 0.1]",
            ));
        }
        Ok(Loss {
            epsilon_nano: (self.epsilon * 1e9).floor() as i64,
            delta_femto: (self.delta * 1e15).floor() as i64,
        })
    }
}

/// Somebody else's blob is answered as if it were not there: its digest must not be a way to ask about it.
async fn require_holder(store: &Store, who: &Principal, part: &str, digest: &str) -> Result<()> {
    let officer = who.require(&["data_protection_officer"]).is_ok();
    if officer || store.blob_is_held(digest, who.principal_id).await? {
        return Ok(());
    }
    Err(Error::NotFound { what: "blob", name: format!("{digest} ({part} split; upload it first)") })
}

async fn count_rows(store: &Store, blobs: &Blobs, digest: &str, card: &DatasetCard) -> Result<i64> {
    let wrapped_key = store.blob_wrapped_key(digest).await?;
    let plain = blobs.get(digest, &wrapped_key).await?;
    let schema = card.schema.clone();
    let rows = tokio::task::spawn_blocking(move || {
        TabularData::parse_csv(&plain, &schema, &schema.default_features()).map(|data| data.rows())
    })
    .await
    .map_err(Error::bug)?
    .map_err(|why| Error::invalid("/card/schema", format!("blob {digest}: {why}")))?;
    i64::try_from(rows).map_err(Error::bug)
}
