//! AI systems: what a model is for, how risky that is, who oversees it.

use chancery_policy::{ProhibitedPractices, RiskFacts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dataset::{name_taken, receipt};
use super::spec::require_name;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::dataset::SystemRow;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::Principal;

/// The card of an AI system (AI Act Art. 5, 6, 14; GDPR Art. 35).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemCard {
    /// Unique name.
    pub name: String,
    /// What it is meant for.
    pub intended_purpose: String,
    /// Class of risk.
    pub risk: RiskFacts,
    /// The attested answers on prohibited practices.
    pub prohibited_practices: ProhibitedPractices,
    /// Who oversees it.
    #[serde(default)]
    pub overseer: Option<String>,
    /// Data-protection impact assessment.
    #[serde(default)]
    pub dpia_reference: Option<String>,
}

/// Registers an AI system.
///
/// # Errors
/// The name is taken, or the database fails.
pub async fn register(store: &Store, who: &Principal, card: &SystemCard) -> Result<Value> {
    require_name("/name", &card.name)?;
    store
        .run_tx("system_register", async |tx| {
            let system_id = tx.clock().new_id();
            let event_id = tx
                .event_append(EventDraft {
                    kind: "system_registered",
                    actor: &Actor::Principal(who.principal_id),
                    subject_kind: "system",
                    subject_id: system_id.to_string(),
                    payload: json!({ "card": card }),
                })
                .await?;
            tx.system_insert(&SystemRow {
                system_id,
                name: card.name.clone(),
                card: serde_json::to_value(card).map_err(Error::bug)?,
                registered_event_id: event_id,
            })
            .await
            .map_err(|error| name_taken(error, "AI system", &card.name))?;
            Ok(json!({ "system_id": system_id, "name": card.name, "receipt": receipt(event_id) }))
        })
        .await
}
