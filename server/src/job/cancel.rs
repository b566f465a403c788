//! Cancelling: at once while a job waits, through its worker while it runs.

use serde_json::{Value, json};
use uuid::Uuid;

use super::dataset::receipt;
use super::settle::{append_job_event, end_reservation};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::budget::ReservationEnd;
use crate::store::event::Actor;
use crate::store::principal::Principal;

/// Cancels a job.
///
/// # Errors
/// Not found, not the caller's, or already ended.
pub async fn cancel(store: &Store, who: &Principal, job_id: Uuid) -> Result<Value> {
    store
        .run_tx("job_cancel", async |tx| {
            let job = tx.job_lock(job_id).await?;
            if job.submitter != who.principal_id {
                who.require(&["administrator"])?;
            }
            let actor = Actor::Principal(who.principal_id);
            let requested =
                append_job_event(tx, &actor, "job_cancel_requested", job_id, json!({})).await?;
            match job.state.as_str() {
                "queued" => {
                    // A job that never left the queue has touched nothing: its reservation goes back.
                    let end = ReservationEnd::Released;
                    end_reservation(tx, job_id, job.attempt + 1, end).await?;
                    let payload = json!({ "state": "cancelled", "attempt": job.attempt });
                    let settled = append_job_event(tx, &actor, "job_settled", job_id, payload).await?;
                    tx.job_cancel_queued(job_id, settled).await?;
                    Ok(json!({ "job_id": job_id, "state": "cancelled", "receipt": receipt(settled) }))
                }
                "running" => {
                    tx.job_request_cancel(job_id).await?;
                    Ok(json!({ "job_id": job_id, "state": "cancelling", "receipt": receipt(requested) }))
                }
                ended => Err(Error::Conflict(format!("this job has ended already: {ended}"))),
            }
        })
        .await
}
