//! Style, scripts and the seal, carried in the program. Each address holds the digest of its bytes,
//! so that a browser may keep them for good.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Path;

use super::fault::{PageFault, PageResult};
use crate::blob::digest_of;
use crate::error::Error;

/// Addresses for pages.
pub static STYLE: LazyLock<String> = LazyLock::new(|| CHANCERY_CSS.address());
/// The seal, as an icon.
pub static SEAL: LazyLock<String> = LazyLock::new(|| SEAL_SVG.address());
/// Live progress of a job.
pub static PROGRESS: LazyLock<String> = LazyLock::new(|| PROGRESS_JS.address());
/// Signing in the browser.
pub static APPROVE: LazyLock<String> = LazyLock::new(|| APPROVE_JS.address());

struct Asset {
    stem: &'static str,
    extension: &'static str,
    mime: &'static str,
    body: &'static str,
}

const CHANCERY_CSS: Asset = Asset {
    stem: "chancery",
    extension: "css",
    mime: "text/css; charset=utf-8",
    body: include_str!("assets/chancery.css"),
};
const SEAL_SVG: Asset = Asset {
    stem: "seal",
    extension: "svg",
    mime: "image/svg+xml",
    body: include_str!("assets/seal.svg"),
};
const PROGRESS_JS: Asset = Asset {
    stem: "progress",
    extension: "js",
    mime: "text/javascript; charset=utf-8",
    body: include_str!("assets/progress.js"),
};
const APPROVE_JS: Asset = Asset {
    stem: "approve",
    extension: "js",
    mime: "text/javascript; charset=utf-8",
    body: include_str!("assets/approve.js"),
};

impl Asset {
    fn address(&self) -> String {
        format!("/assets/{}", self.name())
    }

    fn name(&self) -> String {
        let digest = digest_of(self.body.as_bytes());
        format!("{}.{}.{}", self.stem, &digest[..16], self.extension)
    }
}

/// `GET /assets/{name}`
pub async fn asset(name: Path<String>) -> PageResult {
    let all = [CHANCERY_CSS, SEAL_SVG, PROGRESS_JS, APPROVE_JS];
    let found = all
        .into_iter()
        .find(|asset| asset.name() == *name)
        .ok_or_else(|| PageFault(Error::NotFound { what: "asset", name: name.to_string() }))?;
    Ok(HttpResponse::Ok()
        .content_type(found.mime)
        .insert_header(("Cache-Control", "public, max-age=31536000, immutable"))
        .body(found.body))
}
