//! The only room that knows HTTP: REST API, log tiles, live progress, dashboard pages.

pub mod api;
pub mod auth;
pub mod body;
pub mod live;
pub mod log;
pub mod openapi;
pub mod pages;
pub mod problem;

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, DefaultHeaders};
use actix_web::web::{self, Data};
use actix_web::{App as ActixApp, HttpServer};
use tokio::sync::watch;

use crate::app::App;
use crate::error::{Error, Result};

/// Serves in the calling thread until `stop` turns true; answers through `ready` where it listens.
///
/// # Errors
/// `open` fails, the address is taken, or the socket fails.
pub fn run(
    open: impl Future<Output = Result<App>>,
    mut stop: watch::Receiver<bool>,
    ready: mpsc::Sender<Result<SocketAddr>>,
) -> Result<()> {
    actix_web::rt::System::new().block_on(async move {
        let app = Data::new(open.await?);
        let (server, address) = bind(app.clone())?;
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            // A closed channel means that the service is gone: stop as well.
            let _ = stop.wait_for(|stopping| *stopping).await;
            handle.stop(true).await;
        });
        // The starter may have given up; then `stop` is already closed.
        let _ = ready.send(Ok(address));
        let served = server.await.map_err(|why| Error::dependency("serving HTTP", why));
        app.store.close().await;
        served
    })
}

fn bind(app: Data<App>) -> Result<(Server, SocketAddr)> {
    let failed = |why| Error::dependency(format!("listening on {}", app.config.listen), why);
    let listener = TcpListener::bind(&app.config.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let state = app.clone();
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(state.clone())
            .app_data(web::PayloadConfig::new(state.config.body_limit_bytes))
            .app_data(body::path_config())
            .app_data(body::query_config())
            .wrap(Compress::default())
            .wrap(security_headers())
            .configure(routes)
            .default_service(web::to(problem::not_found))
    })
    .workers(2)
    .disable_signals()
    .shutdown_timeout(5)
    .listen(listener)
    .map_err(failed)?
    .run();
    Ok((server, address))
}

/// All routes.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(web::scope("/api/v1").configure(api::routes))
        .service(web::scope("/log").configure(log::routes))
        .configure(openapi::routes)
        .configure(pages::routes);
}

/// Pages load nothing from elsewhere and cannot be framed.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "no-referrer"))
        .add(("X-Frame-Options", "DENY"))
}
