//! Dashboard pages.

pub(super) fn routes(_service: &mut actix_web::web::ServiceConfig) {}
