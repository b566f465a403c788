//! People and their keys.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::problem::HttpResult;
use crate::job::people::{NewPrincipal, enrol, register_key};
use crate::job::spec::parse_json;
use crate::store::event::Actor;

/// A public key to register.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// 32 bytes of an Ed25519 public key in base64.
    pub public_key: String,
}

#[utoipa::path(post, path = "/api/v1/principals", tag = "people",
    request_body(content_type = "application/json", description = "Name and roles"),
    responses((status = 201, description = "Enrolled; the token is shown this once"),
              (status = 403, description = "Needs the role administrator")))]
/// Enrols a person or a service.
pub async fn create_principal(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["administrator"])?;
    let new: NewPrincipal = parse_json(&body)?;
    let issued = enrol(&app.store, &Actor::Principal(caller.0.principal_id), &new).await?;
    Ok(HttpResponse::Created().insert_header(("Cache-Control", "no-store")).json(json!({
        "principal_id": issued.principal.principal_id,
        "token": issued.token,
    })))
}

#[utoipa::path(get, path = "/api/v1/me", tag = "people",
    responses((status = 200, description = "Who the token belongs to")))]
/// Who is asking.
pub async fn me(caller: Caller) -> HttpResult {
    let Caller(who) = caller;
    Ok(HttpResponse::Ok().json(json!({
        "principal_id": who.principal_id, "name": who.name, "roles": who.roles,
    })))
}

#[utoipa::path(post, path = "/api/v1/me/keys", tag = "people",
    request_body(content_type = "application/json", description = "Ed25519 public key in base64"),
    responses((status = 201, description = "Registered")))]
/// Registers the key with which the caller signs approvals.
pub async fn create_key(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["reviewer", "data_protection_officer"])?;
    let new: NewKey = parse_json(&body)?;
    Ok(HttpResponse::Created().json(register_key(&app.store, &caller.0, &new.public_key).await?))
}
