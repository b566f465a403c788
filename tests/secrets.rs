//! What never enters the record: tokens, private keys, names.

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::job::people::token_digest;
use chancery::store::DatabaseRole;
use chancery_tests::Installation;
use serde_json::json;

#[test]
fn tokens_and_private_keys_never_enter_the_record() -> Result<()> {
    let installation = Installation::new()?;
    let boss = installation.enrol("boss", &["administrator"])?;
    let running = installation.start()?;
    let new = json!({ "name": "Erika Mustermann", "roles": ["reviewer"] });
    let issued = running.client(&boss).post("/api/v1/principals", &new, None)?.expect(201)?;
    let token = issued["token"].as_str().context("a token")?.to_owned();
    let key = installation.new_key("erika")?;
    chancery::cli::register_key(&running.client(&token), &key)?;
    drop(running);

    let read = |name: &str| std::fs::read(installation.config.data_directory.join(name));
    let private = read("people/erika.p8")?;
    // PKCS#8 of an Ed25519 key: the seed stands in bytes 16 to 48 (RFC 8410 §7).
    let mut secrets = vec![
        private[16..48].to_vec(),
        read("keys/log.p8")?[16..48].to_vec(),
        read("keys/master.key")?,
    ];
    secrets.extend([token.clone().into_bytes(), boss.clone().into_bytes(), b"Mustermann".to_vec()]);
    secrets.extend([token_digest(&token), token_digest(&boss)]);
    let encoded: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| encodings(secret)).collect();
    secrets.extend(encoded);
    block_on(async {
        let store = installation.store(DatabaseRole::Auditor).await?;
        let events = store.event_list(None, None, 1000).await?;
        assert!(events.len() >= 3, "{} events", events.len());
        for event in events {
            let payload = event.payload.as_deref().unwrap_or_default();
            for text in [event.entry.as_slice(), payload] {
                let found = secrets.iter().find(|secret| contains(text, secret));
                assert!(found.is_none(), "{}: {}", event.kind, String::from_utf8_lossy(text));
            }
        }
        store.close().await;
        anyhow::Ok(())
    })?
}

fn encodings(secret: &[u8]) -> [Vec<u8>; 3] {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    [hex::encode(secret), STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)]
        .map(String::into_bytes)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
