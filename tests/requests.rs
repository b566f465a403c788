//! What is asked twice happens once, and numbers that would break the ledger are refused at the edge.

use anyhow::{Context, Result};
use chancery::demo::cards;
use chancery_tests::http::{Answer, bearer, send};
use chancery_tests::{Installation, Running, adult};
use serde_json::{Value, json};

struct Site {
    running: Running,
    token: String,
    other: String,
    /// Goes last: it holds the folder.
    _installation: Installation,
}

impl Site {
    /// A service that admits jobs and runs none.
    fn new() -> Result<Self> {
        let mut installation = Installation::new()?;
        installation.config.jobs.parallel = 0;
        let token = installation.enrol("engineer", &["submitter"])?;
        let other = installation.enrol("colleague", &["submitter"])?;
        let running = installation.start()?;
        Ok(Self { running, token, other, _installation: installation })
    }

    fn client(&self) -> chancery::client::Client {
        self.running.client(&self.token)
    }

    fn post(&self, token: &str, path: &str, key: &str, body: &str) -> Result<Answer> {
        let url = format!("{}{path}", self.running.server);
        let token = bearer(token);
        let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key)];
        send("POST", &url, &headers[..if key.is_empty() { 1 } else { 2 }], body)
    }

    fn jobs(&self) -> Result<usize> {
        let list = self.client().get("/api/v1/jobs")?.expect(200)?;
        Ok(list["jobs"].as_array().context("jobs")?.len())
    }
}

#[test]
fn one_key_is_one_job_however_often_and_at_once_it_is_sent() -> Result<()> {
    let site = Site::new()?;
    adult::register(&site.client())?;
    let body = adult::quick_job("once").to_string();
    let post = || site.post(&site.token, "/api/v1/jobs", "key-1", &body);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(post)).collect();
        clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Result<_>>()
    })?;
    for answer in &answers {
        assert_eq!(answer.status, 202, "{}", answer.json());
        assert_eq!(answer.json(), answers[0].json());
    }
    assert_eq!(site.jobs()?, 1);
    let budgets = site.client().get("/api/v1/budgets")?.expect(200)?;
    let events = site.client().get("/api/v1/events?kind=budget_reserved")?.expect(200)?;
    let reserved = &events["events"][0]["payload"]["epsilon_nano"];
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(&budgets["budgets"][0]["epsilon_reserved_nano"], reserved);
    Ok(())
}

#[test]
fn a_key_belongs_to_one_request_of_one_person() -> Result<()> {
    let site = Site::new()?;
    adult::register(&site.client())?;
    let first = adult::quick_job("first").to_string();
    let second = adult::quick_job("second").to_string();
    assert_eq!(site.post(&site.token, "/api/v1/jobs", "key", &first)?.status, 202);
    let reused = site.post(&site.token, "/api/v1/jobs", "key", &second)?;
    assert_eq!((reused.status, &reused.json()["at"]), (400, &json!("Idempotency-Key")));
    // The same meaning in other bytes is another request too: what was signed off is bytes.
    let spaced = format!("{first} ");
    assert_eq!(site.post(&site.token, "/api/v1/jobs", "key", &spaced)?.status, 400);
    assert_eq!(site.post(&site.other, "/api/v1/jobs", "key", &second)?.status, 202);
    assert_eq!(site.jobs()?, 2);
    for bad in ["k".repeat(201), " ".into()] {
        let answer = site.post(&site.token, "/api/v1/jobs", &bad, &first)?;
        assert_eq!(answer.status, 400, "{bad:?}: {}", answer.json());
    }
    Ok(())
}

/// Every numeric literal of a body replaced by one that no ledger can hold.
const ABSURD: [&str; 10] =
    ["5e-324", "-5e-324", "0", "-1", "1e308", "1e999", "NaN", "Infinity", "null", "\"1\""];

fn with_literal(mut body: Value, pointer: &str, literal: &str) -> Result<String> {
    *body.pointer_mut(pointer).context(pointer.to_owned())? = json!("@literal@");
    Ok(body.to_string().replace("\"@literal@\"", literal))
}

#[test]
fn absurd_privacy_parameters_never_reach_the_ledger() -> Result<()> {
    let site = Site::new()?;
    adult::register(&site.client())?;
    let mut job = adult::quick_job("absurd");
    job["training"]["mitigation"] =
        json!({ "reweighing": { "attribute": "sex", "counts_epsilon": 0.1 } });
    for pointer in [
        "/training/privacy/noise_multiplier",
        "/training/privacy/clip_norm",
        "/training/privacy/delta",
        "/training/mitigation/reweighing/counts_epsilon",
    ] {
        for literal in ABSURD {
            let body = with_literal(job.clone(), pointer, literal)?;
            let answer = site.post(&site.token, "/api/v1/jobs", "", &body)?;
            assert_eq!(answer.status, 400, "{pointer} = {literal}: {}", answer.json());
        }
    }
    assert_eq!(site.jobs()?, 0);
    let budgets = site.client().get("/api/v1/budgets")?.expect(200)?;
    assert_eq!(budgets["budgets"][0]["epsilon_reserved_nano"], json!("0"));
    Ok(())
}

#[test]
fn absurd_caps_are_refused() -> Result<()> {
    let site = Site::new()?;
    let registration = adult::registration(&site.client())?;
    let caps = [
        ("/card/privacy_budget/epsilon", "1000.1"),
        ("/card/privacy_budget/epsilon", "1e-10"),
        ("/card/privacy_budget/delta", "0.2"),
        ("/card/privacy_budget/delta", "1e-16"),
    ];
    let absurd = ["/card/privacy_budget/epsilon", "/card/privacy_budget/delta"]
        .into_iter()
        .flat_map(|pointer| ABSURD.map(|literal| (pointer, literal)));
    for (pointer, literal) in absurd.chain(caps) {
        let body = with_literal(registration.clone(), pointer, literal)?;
        let answer = site.post(&site.token, "/api/v1/datasets", "", &body)?;
        assert_eq!(answer.status, 400, "{pointer} = {literal}: {}", answer.json());
    }
    let smallest = json!({ "epsilon": 1e-9, "delta": 1e-15 });
    let mut registration = registration;
    registration["card"]["privacy_budget"] = smallest;
    let answer = site.client().post("/api/v1/datasets", &registration, None)?;
    assert_eq!(answer.status, 201, "{}", answer.body);
    Ok(())
}

/// A second name for the same data would get its privacy budget twice.
#[test]
fn the_same_training_data_is_registered_once() -> Result<()> {
    let site = Site::new()?;
    let registration = adult::registration(&site.client())?;
    let register = |name: String| {
        let mut registration = registration.clone();
        registration["card"]["name"] = json!(name);
        site.post(&site.token, "/api/v1/datasets", "", &registration.to_string())
    };
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..4).map(|n| scope.spawn(move || register(format!("name-{n}")))).collect();
        let answers = clients.into_iter().map(|client| client.join().expect("no panic"));
        answers.map(|answer| anyhow::Ok(answer?.status)).collect::<Result<_>>()
    })?;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    let answer = register("another".into())?;
    let detail = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(answer.status == 409 && detail.contains("training split"), "{detail}");
    let budgets = site.client().get("/api/v1/budgets")?.expect(200)?;
    assert_eq!(budgets["budgets"].as_array().map(Vec::len), Some(1));
    // The system's card is unaffected: names are taken for each kind alone.
    site.client().post("/api/v1/systems", &cards::system(), None)?.expect(201)?;
    site.client().post("/api/v1/systems", &cards::system(), None)?.expect(409)?;
    Ok(())
}

/// A protected split must not be published as the held-out split of another data set, and a digest that
/// one has read somewhere is no data.
#[test]
fn a_split_has_one_use_and_belongs_to_whoever_brought_it() -> Result<()> {
    let site = Site::new()?;
    let engineer = site.client();
    adult::register(&engineer)?;
    let mut other = adult::registration(&engineer)?;
    other["card"]["name"] = json!("other");
    other["card"]["personal_data"] = json!(false);
    let small = engineer.put("/api/v1/blobs", &cut(200)?)?.expect(201)?["digest"].clone();
    let protected = std::mem::replace(&mut other["training_blob"], small);
    other["evaluation_blob"] = protected;
    let refused = engineer.post("/api/v1/datasets", &other, None)?;
    assert_eq!(refused.status, 409, "{}", refused.body);

    let colleague = site.running.client(&site.other);
    let stranger = colleague.post("/api/v1/datasets", &other, None)?;
    assert_eq!(stranger.status, 404, "{}", stranger.body);
    Ok(())
}

/// A misspelt name is told before anything is reserved.
#[test]
fn unknown_columns_cost_nothing() -> Result<()> {
    let site = Site::new()?;
    let engineer = site.client();
    adult::register(&engineer)?;
    for (pointer, value) in [
        ("/training/features", json!(["nocol"])),
        ("/training/features", json!(["income"])),
        (
            "/training/mitigation",
            json!({ "reweighing": { "attribute": "gender", "counts_epsilon": 0.1 } }),
        ),
        ("/minimised_excluded", json!(["nocol"])),
        ("/column_justifications", json!({ "nocol": "because" })),
    ] {
        let mut spec = adult::quick_job("misspelt");
        *spec.pointer_mut(pointer).context("a member")? = value;
        let refused = engineer.post("/api/v1/jobs", &spec, None)?;
        assert_eq!(refused.status, 400, "{pointer}: {}", refused.body);
    }
    let budgets = engineer.get("/api/v1/budgets")?.expect(200)?;
    assert_eq!(budgets["budgets"][0]["epsilon_reserved_nano"], "0");
    let mut long = adult::quick_job("long");
    long["purpose"] = json!("x".repeat(300_000));
    assert_eq!(engineer.post("/api/v1/jobs", &long, None)?.status, 413);
    Ok(())
}

fn cut(rows: usize) -> Result<Vec<u8>> {
    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(chancery::demo::ADULT_TRAINING),
        &mut text,
    )?;
    Ok(text.lines().skip(5000).take(rows).flat_map(|line| [line, "\n"]).collect::<String>().into())
}
