//! Who may call what: every route of the API with every role. A route that is missing here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chancery_tests::Installation;
use chancery_tests::http::{bearer, send};
use serde_json::Value;

const ROLES: [&str; 5] =
    ["submitter", "reviewer", "auditor", "data_protection_officer", "administrator"];
const ANYONE: &[&str] = &ROLES;

/// Method, route, and the roles that may call it.
const ROUTES: [(&str, &str, &[&str]); 27] = [
    ("post", "/api/v1/principals", &["administrator"]),
    ("get", "/api/v1/me", ANYONE),
    ("post", "/api/v1/me/keys", &["reviewer", "data_protection_officer"]),
    ("put", "/api/v1/blobs", &["submitter"]),
    ("post", "/api/v1/datasets", &["submitter", "data_protection_officer"]),
    ("get", "/api/v1/datasets", ANYONE),
    ("post", "/api/v1/systems", &["submitter"]),
    ("get", "/api/v1/systems", ANYONE),
    ("get", "/api/v1/budgets", ANYONE),
    ("post", "/api/v1/jobs", &["submitter"]),
    ("get", "/api/v1/jobs", ANYONE),
    ("get", "/api/v1/jobs/{job_id}", ANYONE),
    // Whose job it is decides, not the role: see `cancelling_is_for_the_submitter_and_administrators`.
    ("post", "/api/v1/jobs/{job_id}/cancel", ANYONE),
    ("get", "/api/v1/jobs/{job_id}/progress", ANYONE),
    ("get", "/api/v1/models", ANYONE),
    ("get", "/api/v1/models/{model_id}", ANYONE),
    ("post", "/api/v1/models/{model_id}/approvals", &["reviewer", "data_protection_officer"]),
    (
        "post",
        "/api/v1/models/{model_id}/reports",
        &["auditor", "reviewer", "data_protection_officer"],
    ),
    ("post", "/api/v1/deployments", &["submitter", "administrator"]),
    ("get", "/api/v1/deployments", ANYONE),
    ("post", "/api/v1/deployments/{name}/predict", ANYONE),
    (
        "post",
        "/api/v1/deployments/{name}/stop",
        &["submitter", "reviewer", "data_protection_officer", "administrator"],
    ),
    ("get", "/api/v1/reports/{report_id}", ANYONE),
    ("get", "/api/v1/events", ANYONE),
    ("get", "/api/v1/events/{event_id}", ANYONE),
    ("get", "/api/v1/events/{event_id}/proof", ANYONE),
    ("get", "/api/v1/decisions/{decision_id}", ANYONE),
];

/// The path with values that name nothing, so that an allowed call changes nothing.
fn concrete(route: &str) -> String {
    let id = "00000000-0000-4000-8000-000000000000";
    let ids = ["job_id", "model_id", "report_id", "event_id", "decision_id"];
    let path =
        ids.iter().fold(route.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), id));
    path.replace("{name}", "nothing")
}

#[test]
fn the_table_holds_every_documented_route() -> Result<()> {
    let document: Value = serde_json::from_str(&chancery::http::openapi::document()?)?;
    let paths = document["paths"].as_object().context("paths")?;
    let documented: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flat_map(|methods| methods.keys());
            methods.map(|method| (method.clone(), path.clone()))
        })
        .collect();
    let tested: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(documented, tested);
    Ok(())
}

/// What is served and not documented would be missing from the table above as well.
#[test]
fn every_served_route_is_documented() -> Result<()> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/http/api/mod.rs");
    let source = std::fs::read_to_string(folder)?;
    let served: BTreeSet<(String, String)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix(".route(\""))
        .map(|line| {
            let (path, rest) = line.split_once("\", ").context("a path and a method")?;
            let (method, _) = rest.split_once("()").context("a method")?;
            anyhow::Ok((method.to_owned(), format!("/api/v1{path}")))
        })
        .collect::<Result<_>>()?;
    let tested: BTreeSet<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(served, tested);
    Ok(())
}

#[test]
fn every_route_answers_each_role_as_the_table_says() -> Result<()> {
    let installation = Installation::new()?;
    let tokens: BTreeMap<&str, String> = ROLES
        .iter()
        .map(|role| Ok((*role, installation.enrol(&format!("the {role}"), &[role])?)))
        .collect::<Result<_>>()?;
    let running = installation.start()?;
    let call = |method: &str, route: &str, token: Option<&str>| {
        let url = format!("{}{}", running.server, concrete(route));
        let token = token.map(bearer);
        let headers: Vec<(&str, &str)> =
            token.iter().map(|token| ("Authorization", token.as_str())).collect();
        send(&method.to_uppercase(), &url, &headers, "not json")
    };
    for (method, route, allowed) in ROUTES {
        for token in [None, Some("chy_unknown"), Some(""), Some("Bearer x")] {
            let answer = call(method, route, token)?;
            assert_eq!(answer.status, 401, "{method} {route} with {token:?}: {}", answer.json());
            assert_eq!(answer.header("WWW-Authenticate"), "Bearer");
        }
        for (role, token) in &tokens {
            let answer = call(method, route, Some(token))?;
            let forbidden = answer.status == 403;
            assert_eq!(
                forbidden,
                !allowed.contains(role),
                "{method} {route} as {role}: {}",
                answer.json()
            );
            if forbidden {
                assert_eq!(answer.json()["type"], "urn:chancery:problem:forbidden");
            } else {
                assert!(
                    matches!(answer.status, 200 | 201 | 400 | 404),
                    "{method} {route}: {}",
                    answer.status
                );
            }
        }
    }
    Ok(())
}

#[test]
fn cancelling_is_for_the_submitter_and_administrators() -> Result<()> {
    let mut installation = Installation::new()?;
    installation.config.jobs.parallel = 0;
    let names = [("engineer", "submitter"), ("colleague", "submitter"), ("boss", "administrator")];
    let tokens = names
        .iter()
        .map(|(name, role)| installation.enrol(name, &[role]))
        .collect::<Result<Vec<String>>>()?;
    let running = installation.start()?;
    let [engineer, colleague, boss] = [0, 1, 2].map(|at| running.client(&tokens[at]));
    chancery_tests::adult::register(&engineer)?;
    let submit = |name: &str| {
        let job = engineer
            .post("/api/v1/jobs", &chancery_tests::adult::quick_job(name), None)?
            .expect(202)?;
        anyhow::Ok(format!("/api/v1/jobs/{}/cancel", job["job_id"].as_str().context("a job")?))
    };
    let (mine, other) = (submit("mine")?, submit("other")?);
    colleague.post(&mine, &Value::Null, None)?.expect(403)?;
    engineer.post(&mine, &Value::Null, None)?.expect(202)?;
    engineer.post(&mine, &Value::Null, None)?.expect(409)?;
    boss.post(&other, &Value::Null, None)?.expect(202)?;
    let budgets = engineer.get("/api/v1/budgets")?.expect(200)?;
    assert_eq!(
        budgets["budgets"][0]["epsilon_reserved_nano"], "0",
        "what never ran gives its budget back"
    );
    Ok(())
}
