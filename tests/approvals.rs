//! Two people who did not make the model sign for it, or it answers nobody.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chancery::cli::block_on;
use chancery::demo::cards;
use chancery::job::approve::Verdict::{Approve, Reject};
use chancery_audit::dsse::{Envelope, pae};
use chancery_tests::log::as_owner;
use chancery_tests::stage::{Signer, Stage, send};
use serde_json::{Value, json};

const TYPE: &str = "application/vnd.in-toto+json";

#[test]
fn two_independent_signatures_deploy_and_a_stop_ends_it() -> Result<()> {
    let stage = Stage::new()?;
    let model = stage.train("fit", 0.0)?;
    assert_eq!(model["gate_passed"], true);
    let (first, second) = (stage.signer("first")?, stage.signer("second")?);

    let key = stage.installation.new_key("engineer")?;
    chancery::cli::register_key(&stage.engineer, &key)?;
    let own = Signer { client: stage.running.client("unused"), key }.sign(&model, Approve)?;
    let refused = send(&stage.engineer, &model, &own)?;
    assert_eq!((refused.status, refused.text("/type")), (403, "urn:chancery:problem:forbidden"));

    first.decide(&model, Approve)?.expect(201)?;
    first.decide(&model, Approve)?.expect(409)?;
    first.decide(&model, Reject)?.expect(409)?;
    let denied = stage.deploy("income", &model)?;
    assert_eq!(
        (denied.status, denied.text("/type")),
        (403, "urn:chancery:problem:denied-by-policy")
    );
    assert_eq!(denied.text("/reasons/0/rule"), "approvals_independent");
    assert_eq!(stage.events("deployment_denied")?.len(), 1);
    let predict = "/api/v1/deployments/income/predict";
    stage.engineer.post(predict, &cards::applicants(), None)?.expect(404)?;

    second.decide(&model, Approve)?.expect(201)?;
    stage.deploy("income", &model)?.expect(201)?;
    let answer = stage.engineer.post(predict, &cards::applicants(), None)?.expect(200)?;
    let probabilities: Vec<f64> = serde_json::from_value(answer["probabilities"].clone())?;
    assert!(probabilities.len() == 3 && probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
    let recorded = stage.events("predictions_recorded")?;
    assert_eq!((recorded.len(), &recorded[0]["rows"]), (1, &json!(3)));
    assert_eq!(recorded[0]["artefact_sha256"], model["artefact_sha256"]);

    let stop = "/api/v1/deployments/income/stop";
    first.client.post(stop, &json!({ "reason": " " }), None)?.expect(400)?;
    first.client.post(stop, &json!({ "reason": "drift" }), None)?.expect(200)?;
    stage.engineer.post(predict, &cards::applicants(), None)?.expect(404)?;
    first.client.post(stop, &json!({ "reason": "drift" }), None)?.expect(404)?;
    assert_eq!(stage.events("predictions_recorded")?.len(), 1);
    Ok(())
}

/// An envelope over an altered statement, signed anew by its signer.
fn resigned(signer: &Signer, envelope: &Value, pointer: &str, value: Value) -> Result<Value> {
    let payload = BASE64.decode(envelope["payload"].as_str().unwrap_or_default())?;
    let mut statement: Value = serde_json::from_slice(&payload)?;
    match statement.pointer_mut(pointer) {
        Some(place) => *place = value,
        None => anyhow::bail!("no {pointer} in {statement}"),
    }
    signed(signer, TYPE, statement.to_string().as_bytes())
}

fn signed(signer: &Signer, payload_type: &str, body: &[u8]) -> Result<Value> {
    let signature = signer.key.sign(&pae(payload_type, body));
    Ok(serde_json::to_value(Envelope::new(payload_type, body, &[("key", &signature)]))?)
}

#[test]
fn a_signature_that_does_not_hold_is_refused_and_recorded_nowhere() -> Result<()> {
    let stage = Stage::new()?;
    let (model, other) = (stage.train("fit", 0.0)?, stage.train("other", 0.0)?);
    let (signer, colleague) = (stage.signer("signer")?, stage.signer("colleague")?);
    let good = signer.sign(&model, Approve)?;

    let unregistered = Signer {
        client: stage.running.client("unused"),
        key: stage.installation.new_key("unregistered")?,
    };
    let mut altered = good.clone();
    let payload = BASE64.decode(good["payload"].as_str().unwrap_or_default())?;
    let text = String::from_utf8(payload)?.replace("read by group", "never read it");
    altered["payload"] = json!(BASE64.encode(&text));
    let mut retyped = good.clone();
    retyped["payloadType"] = json!("text/plain");
    let mut unsigned = good.clone();
    unsigned["signatures"] = json!([]);
    let with = |pointer: &str, value: Value| resigned(&signer, &good, pointer, value);
    let uuid = json!("00000000-0000-4000-8000-000000000000");
    for (name, envelope, at) in [
        ("unregistered key", unregistered.sign(&model, Approve)?, "/signatures"),
        ("a colleague's key", colleague.sign(&model, Approve)?, "/signatures"),
        ("altered payload", altered, "/signatures"),
        ("altered type", retyped, "/signatures"),
        ("another type", signed(&signer, "text/plain", text.as_bytes())?, "/payloadType"),
        ("no statement", signed(&signer, TYPE, b"approved!")?, "/payload"),
        ("another model", signer.sign(&other, Approve)?, "/payload/subject"),
        (
            "another digest",
            with("/subject/0/digest/sha256", json!("00".repeat(32)))?,
            "/payload/subject",
        ),
        ("another model's id", with("/predicate/model_id", uuid.clone())?, "/payload/predicate"),
        ("another evaluation", with("/predicate/evaluation_event_id", uuid)?, "/payload/predicate"),
        ("another verdict", with("/predicate/verdict", json!("perhaps"))?, "/payload/predicate"),
        (
            "more than asked",
            with("/predicate", json!({ "verdict": "approve" }))?,
            "/payload/predicate",
        ),
        (
            "another predicate",
            with("/predicateType", json!("urn:other"))?,
            "/payload/predicateType",
        ),
    ] {
        let refused = signer.send(&model, &envelope)?;
        assert_eq!((refused.status, refused.text("/at")), (400, at), "{name}: {}", refused.body);
    }
    // What is no envelope at all.
    for broken in
        [unsigned, json!({}), json!({ "payload": "!", "payloadType": TYPE, "signatures": [] })]
    {
        signer.send(&model, &broken)?.expect(400)?;
    }
    assert!(stage.events("approval_recorded")?.is_empty());
    signer.send(&model, &good)?.expect(201)?;
    assert_eq!(stage.events("approval_recorded")?[0]["envelope"], good);
    Ok(())
}

#[test]
fn one_rejection_blocks_whatever_others_say() -> Result<()> {
    let stage = Stage::new()?;
    let model = stage.train("fit", 0.0)?;
    for (name, verdict) in [("first", Approve), ("second", Approve), ("third", Reject)] {
        stage.signer(name)?.decide(&model, verdict)?.expect(201)?;
    }
    let denied = stage.deploy("income", &model)?;
    assert_eq!((denied.status, denied.text("/reasons/0/rule")), (403, "approvals_independent"));
    Ok(())
}

/// The database's owner writes approvals that nobody gave: the signatures are checked at deployment.
#[test]
fn an_approval_written_into_the_database_does_not_count() -> Result<()> {
    let stage = Stage::new()?;
    let model = stage.train("fit", 0.0)?;
    let (first, second) = (stage.signer("first")?, stage.signer("second")?);
    first.decide(&model, Approve)?.expect(201)?;
    let write = |statements: &[&str]| block_on(as_owner(&stage.installation.address, statements))?;

    // Triggers stop the owner's slips; whoever switches them off is stopped by the signatures.
    block_on(async {
        let mut owner = stage.installation.address.connect_as_owner().await?;
        for slip in [
            "update approval set verdict = 'reject'",
            "delete from approval",
            "update model set gate_passed = not gate_passed",
            "delete from model",
        ] {
            let error = sqlx::query(slip).execute(&mut owner).await.err();
            let code =
                error.and_then(|error| error.into_database_error()?.code().map(String::from));
            assert_eq!(code.as_deref(), Some("23001"), "{slip}");
        }
        anyhow::Ok(())
    })??;

    // The first person's envelope under the second person's name and key.
    let copied =
        "insert into approval select gen_random_uuid(), model_id, p.principal_id, k.key_id,
                  verdict, envelope, event_id from approval, principal p
                  join principal_key k using (principal_id) where p.name = 'second'";
    // The same with a signature of nobody.
    let forged = "update approval a set envelope = jsonb_set(envelope, '{signatures,0,sig}',
                  to_jsonb(encode(sha256('a') || sha256('b'), 'base64'))) from principal p
                  where p.principal_id = approver and p.name = 'second'";
    let broken = "update approval a set envelope = '\"approved\"' from principal p
                  where p.principal_id = approver and p.name = 'second'";
    for statement in [copied, forged, broken] {
        write(&[statement])?;
        let denied = stage.deploy("income", &model)?;
        assert_eq!(
            (denied.status, denied.text("/reasons/0/rule")),
            (403, "approvals_independent"),
            "{}",
            denied.body
        );
    }
    write(&[
        "delete from approval a using principal p where p.principal_id = approver and p.name = 'second'",
    ])?;

    // A true rejection whose row is turned into an approval.
    second.decide(&model, Reject)?.expect(201)?;
    write(&["update approval set verdict = 'approve' where verdict = 'reject'"])?;
    let denied = stage.deploy("income", &model)?;
    assert_eq!(
        (denied.status, denied.text("/reasons/0/rule")),
        (403, "approvals_independent"),
        "{}",
        denied.body
    );
    Ok(())
}

#[test]
fn a_model_that_failed_its_gate_is_neither_approved_nor_deployed() -> Result<()> {
    let stage = Stage::new()?;
    let model = stage.train("unfit", 0.9999)?;
    assert_eq!(model["gate_passed"], false);
    assert_eq!(stage.events("model_failed_evaluation")?.len(), 1);
    let (first, second) = (stage.signer("first")?, stage.signer("second")?);
    first.decide(&model, Approve)?.expect(409)?;
    stage.deploy("income", &model)?.expect(409)?;
    assert!(stage.events("approval_recorded")?.is_empty());

    // The owner turns the flag: the gate before deployment reads the measured numbers again.
    block_on(as_owner(&stage.installation.address, &["update model set gate_passed = true"]))??;
    first.decide(&model, Approve)?.expect(201)?;
    second.decide(&model, Approve)?.expect(201)?;
    let denied = stage.deploy("income", &model)?;
    assert_eq!(
        (denied.status, denied.text("/type")),
        (403, "urn:chancery:problem:denied-by-policy"),
        "{}",
        denied.body
    );
    Ok(())
}

/// With approvers' keys pinned in the configuration, a person made up in the database approves nothing.
#[test]
fn only_pinned_keys_count_where_keys_are_pinned() -> Result<()> {
    let mut stage = Stage::new()?;
    let model = stage.train("fit", 0.0)?;
    let mut key_ids = Vec::new();
    for name in ["first", "second"] {
        let signer = stage.signer(name)?;
        signer.decide(&model, Approve)?.expect(201)?;
        key_ids.push(chancery::job::approve::key_id(&signer.key.public_key()));
    }
    let request = json!({ "name": "income", "model_id": model["model_id"] });
    for (pinned, status) in [(&key_ids[..1], 403), (&key_ids[..], 201)] {
        stage.installation.config.gates.approver_keys = pinned.to_vec();
        let running = stage.installation.start()?;
        let token = stage.installation.enrol(&format!("engineer {status}"), &["submitter"])?;
        let reply = running.client(&token).post("/api/v1/deployments", &request, None)?;
        assert_eq!(reply.status, status, "{}", reply.body);
    }

    // A third person's key under the name of a pinned one: the id is computed, not believed.
    let third = stage.signer("third")?;
    third.decide(&model, Approve)?.expect(201)?;
    let swap = "update principal_key k set key_id = k.key_id || '-' from principal p
                where p.principal_id = k.principal_id and p.name = 'second'";
    let steal = format!(
        "update principal_key k set key_id = '{}' from principal p
         where p.principal_id = k.principal_id and p.name = 'third'",
        key_ids[1]
    );
    let forget = "delete from approval a using principal p
                  where p.principal_id = a.approver and p.name = 'second'";
    block_on(as_owner(&stage.installation.address, &[forget, swap, &steal]))??;
    let running = stage.installation.start()?;
    let token = stage.installation.enrol("engineer again", &["submitter"])?;
    let reply = running.client(&token).post("/api/v1/deployments", &request, None)?;
    assert_eq!(reply.status, 403, "{}", reply.body);
    Ok(())
}
