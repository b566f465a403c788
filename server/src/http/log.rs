//! The public log: checkpoint and tiles (C2SP tlog-tiles). No token: leaves hold no personal data.

use actix_web::web::{Data, Path, ServiceConfig, get};
use actix_web::{HttpResponse, web};
use chancery_audit::tile::{BundleId, TileId, encode_bundle};

use super::problem::HttpResult;
use crate::app::App;
use crate::error::{Error, Result};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

pub(super) fn routes(service: &mut ServiceConfig) {
    service
        .route("/checkpoint", get().to(checkpoint))
        .route("/key", get().to(key))
        .route("/tile/{path:.*}", web::get().to(tile));
}

async fn checkpoint(app: Data<App>) -> HttpResult {
    let head = app.store.log_head().await?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", "public, max-age=2"))
        .content_type("text/plain; charset=utf-8")
        .body(head.note))
}

/// The verifier key, for convenience: an auditor pins it from elsewhere.
async fn key(app: Data<App>) -> HttpResult {
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(format!("{}\n", app.log_key)))
}

async fn tile(app: Data<App>, path: Path<String>) -> HttpResult {
    let missing = || Error::NotFound { what: "tile", name: path.to_string() };
    let name = format!("tile/{path}");
    let bytes = if let Ok(tile) = TileId::parse(&name) {
        let index = i64::try_from(tile.index()).map_err(|_| missing())?;
        app.store.log_tile(i16::from(tile.level()), index, usize::from(tile.width())).await?
    } else {
        let bundle = BundleId::parse(&name).map_err(|_| missing())?;
        entries(&app, bundle.index(), u64::from(bundle.width())).await?
    };
    let bytes = bytes.ok_or_else(missing)?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", IMMUTABLE))
        .content_type("application/octet-stream")
        .body(bytes))
}

async fn entries(app: &App, index: u64, width: u64) -> Result<Option<Vec<u8>>> {
    let range = index.checked_mul(256).and_then(|start| Some((start, start.checked_add(width)?)));
    let Some((start, end)) = range else { return Ok(None) };
    let (Ok(start), Ok(end)) = (i64::try_from(start), i64::try_from(end)) else { return Ok(None) };
    let events = app.store.event_list_leaves(start, end).await?;
    if events.len() as u64 != width {
        return Ok(None);
    }
    let entries: Vec<&[u8]> = events.iter().map(|event| event.entry.as_slice()).collect();
    encode_bundle(&entries).map(Some).map_err(Error::bug)
}
