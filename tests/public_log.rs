//! The public log over HTTP: what an auditor without a token fetches is what an export holds, and a proof
//! fetched from the API verifies offline.

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::export::export;
use chancery::store::DatabaseRole;
use chancery_audit::merkle::leaf_hash;
use chancery_audit::policy::Policy;
use chancery_audit::proof::LogProof;
use chancery_audit::tile::{bundles_for_growth, decode_bundle, tiles_for_growth};
use chancery_tests::http::{Answer, bearer, send};
use chancery_tests::log::grow;
use chancery_tests::{Installation, Running};

const SIZE: u64 = 300;

fn fetch(running: &Running, path: &str) -> Result<Answer> {
    send("GET", &format!("{}{path}", running.server), &[], "")
}

#[test]
fn checkpoint_and_tiles_are_served_as_they_are_exported() -> Result<()> {
    let installation = Installation::new()?;
    let folder = tempfile::tempdir()?;
    block_on(async {
        grow(&installation, &[200, 100]).await?;
        let store = installation.store(DatabaseRole::Auditor).await?;
        export(&store, folder.path()).await?;
        store.close().await;
        anyhow::Ok(())
    })??;
    let running = installation.start()?;
    let checkpoint = fetch(&running, "/log/checkpoint")?;
    assert_eq!(checkpoint.body, std::fs::read(folder.path().join("checkpoint"))?);
    assert_eq!(checkpoint.header("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(checkpoint.header("Cache-Control"), "public, max-age=2");
    let key = fetch(&running, "/log/key")?;
    assert_eq!(
        key.body,
        format!("{}\n", chancery::app::log_key(&installation.config)?).into_bytes()
    );

    let tiles = tiles_for_growth(0, SIZE).into_iter().map(|tile| tile.to_string());
    let bundles = bundles_for_growth(0, SIZE).into_iter().map(|bundle| bundle.to_string());
    let paths: Vec<String> = tiles.chain(bundles).collect();
    assert_eq!(paths.len(), 5, "{paths:?}");
    for path in paths {
        let served = fetch(&running, &format!("/log/{path}"))?;
        assert_eq!(served.status, 200, "{path}");
        assert_eq!(served.body, std::fs::read(folder.path().join(&path))?, "{path}");
        assert_eq!(served.header("Content-Type"), "application/octet-stream", "{path}");
        assert_eq!(served.header("Cache-Control"), "public, max-age=31536000, immutable", "{path}");
    }
    for absent in [
        "tile/0/001.p/45",
        "tile/0/002",
        "tile/0/001",
        "tile/2/000",
        "tile/0/1",
        "tile/0/000.p/0",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/64/000",
        "tile/0/x999/999.p/1",
        "tile/entries/x999/x999/x999/x999/x999/999.p/1",
        "tile/../checkpoint",
    ] {
        assert_eq!(fetch(&running, &format!("/log/{absent}"))?.status, 404, "{absent}");
    }
    // An older, narrower tile stays what it was.
    let narrow = fetch(&running, "/log/tile/0/000.p/200")?;
    let wide = fetch(&running, "/log/tile/0/000")?;
    assert_eq!(narrow.body, wide.body[..200 * 32]);
    Ok(())
}

#[test]
fn the_proof_of_each_event_verifies_offline_and_of_no_other() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("auditor", &["auditor"])?;
    block_on(grow(&installation, &[SIZE as usize - 1]))??;
    let running = installation.start()?;
    let policy = format!("log {}\nquorum none\n", chancery::app::log_key(&installation.config)?);
    let policy = Policy::parse(&policy)?;
    let stranger =
        installation.new_key("stranger")?.verifier_key(&installation.config.log_origin)?;
    let stranger = Policy::parse(&format!("log {stranger}\nquorum none\n"))?;
    let mut entries = Vec::new();
    for bundle in bundles_for_growth(0, SIZE) {
        let body = fetch(&running, &format!("/log/{bundle}"))?.body;
        entries.extend(decode_bundle(&body)?.into_iter().map(<[u8]>::to_vec));
    }
    assert_eq!(entries.len() as u64, SIZE);
    for index in [0, 1, 128, 255, 256, 299] {
        let entry: serde_json::Value = serde_json::from_slice(&entries[index])?;
        let event_id = entry["id"].as_str().context("an event id")?;
        let url = format!("{}/api/v1/events/{event_id}/proof", running.server);
        let answer = send("GET", &url, &[("Authorization", &bearer(&token))], "")?;
        assert_eq!(answer.header("Content-Type"), "text/plain; charset=utf-8");
        let proof = LogProof::parse(&answer.body)?;
        assert_eq!(proof.index, index as u64);
        proof.verify(&leaf_hash(&entries[index]), &policy)?;
        let other = leaf_hash(&entries[(index + 1) % entries.len()]);
        assert!(proof.verify(&other, &policy).is_err(), "leaf {index}");
        assert!(proof.verify(&leaf_hash(&entries[index]), &stranger).is_err(), "leaf {index}");
    }
    Ok(())
}

/// `UPDATE_SNAPSHOTS=1` writes it anew; the difference is then read in review.
#[test]
fn the_committed_interface_is_the_one_that_is_served() -> Result<()> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let document = chancery::http::openapi::document()?;
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, format!("{document}\n"))?;
    }
    let committed =
        std::fs::read_to_string(&path).context("UPDATE_SNAPSHOTS=1 writes docs/openapi.json")?;
    assert_eq!(
        committed,
        format!("{document}\n"),
        "run this test with UPDATE_SNAPSHOTS=1 and review"
    );
    let installation = Installation::new()?;
    let running = installation.start()?;
    let served = fetch(&running, "/openapi.json")?;
    assert_eq!(served.header("Content-Type"), "application/json");
    assert_eq!(served.body, document.into_bytes());
    Ok(())
}
