//! People: who may do what, and the keys they sign with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::approve::key_id;
use super::dataset::{name_taken, receipt};
use crate::error::{Error, Result};
use crate::keys::random_bytes;
use crate::store::Store;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::{Principal, PrincipalKey};

/// Days that a new token holds.
const TOKEN_DAYS: i64 = 90;
const ROLES: [&str; 5] =
    ["submitter", "reviewer", "auditor", "data_protection_officer", "administrator"];

/// A person or service to let in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPrincipal {
    /// Display name.
    pub name: String,
    /// Roles.
    pub roles: Vec<String>,
}

/// A principal that was let in, with the only copy of its token.
pub struct Issued {
    /// Who.
    pub principal: Principal,
    /// Shown once; the database keeps its digest.
    pub token: String,
}

/// SHA-256 of a token, as the database holds it.
pub fn token_digest(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

/// A random token with a recognisable prefix.
pub fn new_token(prefix: &str) -> String {
    format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// Lets somebody in and issues a token.
///
/// # Errors
/// The name is taken or empty, or a role is unknown.
pub async fn enrol(store: &Store, by: &Actor, new: &NewPrincipal) -> Result<Issued> {
    if new.name.trim().is_empty() || new.name.len() > 200 {
        return Err(Error::invalid("/name", "give a name of at most 200 characters"));
    }
    if new.roles.is_empty() {
        return Err(Error::invalid("/roles", format!("give at least one of {}", ROLES.join(", "))));
    }
    if let Some(role) = new.roles.iter().find(|role| !ROLES.contains(&role.as_str())) {
        let known = ROLES.join(", ");
        return Err(Error::invalid("/roles", format!("{role:?} is no role; roles are {known}")));
    }
    let token = new_token("chy");
    let principal = store
        .run_tx("principal_enrol", async |tx| {
            let principal = Principal {
                principal_id: uuid::Uuid::new_v4(),
                name: new.name.clone(),
                roles: new.roles.clone(),
            };
            let expires_at = tx.clock().now() + time::Duration::days(TOKEN_DAYS);
            let event_id = tx
                .event_append(EventDraft {
                    kind: "principal_enrolled",
                    actor: by,
                    subject_kind: "principal",
                    subject_id: principal.principal_id.to_string(),
                    payload: json!({ "roles": new.roles, "token_days": TOKEN_DAYS }),
                })
                .await?;
            tx.principal_insert(&principal, event_id)
                .await
                .map_err(|error| name_taken(error, "principal", &new.name))?;
            tx.token_insert(&token_digest(&token), principal.principal_id, expires_at).await?;
            Ok(principal)
        })
        .await?;
    Ok(Issued { principal, token })
}

/// Registers the public key with which the caller will sign approvals.
///
/// # Errors
/// Not 32 bytes of base64, or registered already.
pub async fn register_key(store: &Store, who: &Principal, public_key: &str) -> Result<Value> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(public_key)
        .ok()
        .filter(|bytes| bytes.len() == 32)
        .ok_or_else(|| {
            Error::invalid("/public_key", "send 32 bytes of an Ed25519 key in base64")
        })?;
    let key =
        PrincipalKey { key_id: key_id(&bytes), principal_id: who.principal_id, public_key: bytes };
    store
        .run_tx("key_register", async |tx| {
            let event_id = tx
                .event_append(EventDraft {
                    kind: "key_registered",
                    actor: &Actor::Principal(who.principal_id),
                    subject_kind: "principal",
                    subject_id: who.principal_id.to_string(),
                    payload: json!({ "key_id": key.key_id, "public_key": public_key }),
                })
                .await?;
            tx.principal_key_insert(&key, event_id).await.map_err(|error| match error {
                Error::Database(inner) if inner.is_unique_violation() => {
                    Error::Conflict("this key is registered already".into())
                }
                other => other,
            })?;
            Ok(json!({ "key_id": key.key_id, "receipt": receipt(event_id) }))
        })
        .await
}
