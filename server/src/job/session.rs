//! Dashboard sessions. Signing in and out are events, in the commit that opens or ends the session.

use serde_json::json;
use uuid::Uuid;

use super::people::{new_token, token_digest};
use crate::error::Result;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::Principal;
use crate::store::{Store, Tx};

/// Hours that a session holds.
pub const SESSION_HOURS: i64 = 12;

/// Opens a session; answers the secret for the cookie, of which only the digest is kept.
///
/// # Errors
/// The database fails.
pub async fn sign_in(store: &Store, who: &Principal) -> Result<String> {
    let session = new_token("chs");
    let csrf_token = new_token("csrf");
    store
        .run_tx("dashboard_sign_in", async |tx| {
            let expires_at = tx.clock().now() + time::Duration::hours(SESSION_HOURS);
            record(tx, who.principal_id, "dashboard_signed_in").await?;
            let digest = token_digest(&session);
            tx.session_insert(&digest, who.principal_id, &csrf_token, expires_at).await
        })
        .await?;
    Ok(session)
}

/// Ends a session.
///
/// # Errors
/// The database fails.
pub async fn sign_out(store: &Store, who: &Principal, session: &str) -> Result<()> {
    store
        .run_tx("dashboard_sign_out", async |tx| {
            record(tx, who.principal_id, "dashboard_signed_out").await?;
            tx.session_delete(&token_digest(session)).await
        })
        .await
}

async fn record(tx: &mut Tx, principal_id: Uuid, kind: &'static str) -> Result<Uuid> {
    tx.event_append(EventDraft {
        kind,
        actor: &Actor::Principal(principal_id),
        subject_kind: "principal",
        subject_id: principal_id.to_string(),
        payload: json!({}),
    })
    .await
}
