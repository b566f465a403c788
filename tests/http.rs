//! HTTP as others see it: problem details, headers, sessions, and what never enters the record.

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery::job::people::token_digest;
use chancery::store::DatabaseRole;
use chancery_tests::http::{Answer, bearer, send};
use chancery_tests::{Installation, Running};
use serde_json::{Value, json};

/// Method, path, body, status, last part of the type, title, what the detail tells, where.
type Case<'a> = (&'a str, &'a str, Vec<u8>, u16, &'a str, &'a str, &'a str, Option<&'a str>);

fn get(running: &Running, path: &str, token: &str) -> Result<Answer> {
    send("GET", &format!("{}{path}", running.server), &[("Authorization", &bearer(token))], "")
}

#[test]
fn every_refusal_is_a_problem_document() -> Result<()> {
    let mut installation = Installation::new()?;
    installation.config.body_limit_bytes = 1024;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    let invalid = ("invalid-request", "The request cannot be used");
    let missing = ("not-found", "Not found");
    let cases: Vec<Case<'_>> = vec![
        (
            "POST",
            "/api/v1/jobs",
            b"{".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "EOF",
            Some("body, line 1 column 1"),
        ),
        (
            "POST",
            "/api/v1/jobs",
            b"\xff\xfe".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "expected value",
            Some("body, line 1 column 1"),
        ),
        (
            "POST",
            "/api/v1/jobs",
            b"{\"kind\":\"train\",\"surprise\":1}".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "unknown field `surprise`",
            Some("body, line 1 column 26"),
        ),
        (
            "POST",
            "/api/v1/jobs",
            b"{\"kind\":\"train\"} {}".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "missing field",
            Some("body, line 1 column 16"),
        ),
        (
            "POST",
            "/api/v1/systems",
            b"[]".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "invalid",
            Some("body, line 1 column 2"),
        ),
        (
            "POST",
            "/api/v1/deployments",
            b"{\"name\":\"UPPER\",\"model_id\":\"00000000-0000-4000-8000-000000000000\"}".to_vec(),
            400,
            invalid.0,
            invalid.1,
            "lower-case",
            Some("/name"),
        ),
        (
            "GET",
            "/api/v1/events?limit=many",
            vec![],
            400,
            invalid.0,
            invalid.1,
            "invalid digit",
            Some("query"),
        ),
        (
            "GET",
            "/api/v1/events?surprise=1",
            vec![],
            400,
            invalid.0,
            invalid.1,
            "unknown field",
            Some("query"),
        ),
        (
            "POST",
            "/api/v1/principals",
            b"{}".to_vec(),
            403,
            "forbidden",
            "You may not do this",
            "administrator",
            None,
        ),
        (
            "GET",
            "/api/v1/jobs/00000000-0000-4000-8000-000000000000",
            vec![],
            404,
            missing.0,
            missing.1,
            "no job",
            None,
        ),
        ("GET", "/api/v1/jobs/not-an-id", vec![], 404, missing.0, missing.1, "no resource", None),
        ("GET", "/api/v1/nothing", vec![], 404, missing.0, missing.1, "/api/v1/nothing", None),
        ("DELETE", "/api/v1/jobs", vec![], 404, missing.0, missing.1, "no resource", None),
        ("GET", "/log/tile/9/x", vec![], 404, missing.0, missing.1, "no tile", None),
        (
            "POST",
            "/api/v1/jobs",
            vec![b' '; 1025],
            413,
            "too-large",
            "The request is too large",
            "larger than",
            None,
        ),
        (
            "PUT",
            "/api/v1/blobs",
            vec![0; 4096],
            413,
            "too-large",
            "The request is too large",
            "larger than",
            None,
        ),
    ];
    for (method, path, body, status, kind, title, detail, at) in cases {
        let url = format!("{}{path}", running.server);
        let answer = send(method, &url, &[("Authorization", &bearer(&token))], body)?;
        let problem = answer.json();
        assert_eq!(answer.status, status, "{method} {path}: {problem}");
        assert_eq!(answer.header("Content-Type"), "application/problem+json", "{method} {path}");
        assert_eq!(problem["type"], format!("urn:chancery:problem:{kind}"), "{method} {path}");
        assert_eq!(
            (&problem["title"], &problem["status"]),
            (&json!(title), &json!(status)),
            "{path}"
        );
        assert_eq!(problem.get("at").and_then(Value::as_str), at, "{method} {path}: {problem}");
        assert!(
            problem["detail"].as_str().is_some_and(|text| text.contains(detail)),
            "{path}: {problem}"
        );
    }
    let engineer = running.client(&token);
    let system = chancery::demo::cards::system();
    engineer.post("/api/v1/systems", &system, None)?.expect(201)?;
    let taken = engineer.post("/api/v1/systems", &system, None)?;
    assert_eq!((taken.status, taken.text("/type")), (409, "urn:chancery:problem:conflict"));
    Ok(())
}

#[test]
fn every_answer_carries_the_security_headers() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("engineer", &["submitter"])?;
    let running = installation.start()?;
    for path in ["/api/v1/me", "/log/checkpoint", "/openapi.json", "/nothing", "/api/v1/jobs/x"] {
        let answer = get(&running, path, &token)?;
        let policy = answer.header("Content-Security-Policy");
        for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("X-Content-Type-Options"), "nosniff", "{path}");
        assert_eq!(answer.header("X-Frame-Options"), "DENY", "{path}");
        assert_eq!(answer.header("Referrer-Policy"), "no-referrer", "{path}");
    }
    Ok(())
}

/// A page elsewhere can make a browser send the cookie, and so must not be able to change anything.
#[test]
fn a_session_cookie_reads_and_changes_nothing() -> Result<()> {
    let installation = Installation::new()?;
    let token = installation.enrol("boss", &["administrator"])?;
    let secret = "session-secret";
    block_on(async {
        let store = installation.store(DatabaseRole::App).await?;
        let who = store.principal_by_token(&token_digest(&token)).await?.context("enrolled")?;
        for (secret, days) in [(secret, 1), ("expired", -1)] {
            let until = store.clock().now() + time::Duration::days(days);
            store
                .run_tx("session", async |tx| {
                    tx.session_insert(&token_digest(secret), who.principal_id, secret, until).await
                })
                .await?;
        }
        store.close().await;
        anyhow::Ok(())
    })??;
    let running = installation.start()?;
    let with = |method: &str, path: &str, secret: &str| {
        let cookie = format!("chancery_session={secret}");
        send(method, &format!("{}{path}", running.server), &[("Cookie", &cookie)], "{}")
    };
    assert_eq!(with("GET", "/api/v1/me", secret)?.json()["name"], "boss");
    assert_eq!(with("GET", "/api/v1/me", "expired")?.status, 401);
    assert_eq!(with("GET", "/api/v1/me", "guessed")?.status, 401);
    for (method, path) in [
        ("POST", "/api/v1/principals"),
        ("POST", "/api/v1/deployments"),
        ("POST", "/api/v1/deployments/income/stop"),
        ("POST", "/api/v1/deployments/income/predict"),
        ("POST", "/api/v1/jobs/00000000-0000-4000-8000-000000000000/cancel"),
    ] {
        let answer = with(method, path, secret)?;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.json());
        assert!(
            answer.json()["detail"].as_str().is_some_and(|text| text.contains("may only read"))
        );
    }
    Ok(())
}

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
