//! Attacks on the log by the database's owner, with triggers switched off: an exported folder and the
//! log's public key are enough to find each of them.

use anyhow::{Context, Result};
use chancery::cli::block_on;
use chancery_audit::export::{Fault, Report};
use chancery_tests::Installation;
use chancery_tests::log::{attacked, grow, verified};
use expect_test::expect;

/// Sizes of the checkpoints: 250, 500, 640. Two full tiles, and an edge.
const BATCHES: [usize; 3] = [250, 250, 140];

/// What verification says of a log that was attacked.
async fn attack(installation: &Installation, name: &str, statements: &[&str]) -> Result<Report> {
    let address = attacked(installation, name, statements).await?;
    verified(installation, &address, None).await
}

/// The first finding on a leaf, with the event's random id left out.
fn first(report: &Report) -> String {
    let Some(finding) = report.first_tampered() else { return "no leaf is named".into() };
    let index = finding.leaf_index.unwrap_or_default();
    format!("leaf {index} (+{}): {}", finding.leaf_count, finding.fault)
}

#[test]
fn every_attack_is_found_and_its_first_leaf_named() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        grow(&installation, &BATCHES).await?;
        for (name, statements, expected) in [
            (
                "entry",
                &[ALTER_ENTRY][..],
                expect!["leaf 300 (+1): the entry was altered: its hash is not the one in tile 0"],
            ),
            (
                "payload",
                &[ALTER_PAYLOAD],
                expect![
                    "leaf 77 (+1): the payload was altered: its salted digest is not the one in the entry"
                ],
            ),
            (
                "salt",
                &[ALTER_SALT],
                expect![
                    "leaf 78 (+1): the payload was altered: its salted digest is not the one in the entry"
                ],
            ),
            ("row", &DELETE_ROW, expect!["leaf 200 (+1): the entry is missing"]),
            (
                "order",
                &SWAP_LEAVES,
                expect!["leaf 10 (+1): the entry was moved: it stands 10 place(s) later"],
            ),
            (
                "twice",
                &REPEAT_LEAF,
                expect!["leaf 600 (+1): the entry was altered: its hash is not the one in tile 0"],
            ),
            ("tail", &DELETE_TAIL, expect!["leaf 630 (+10): the entry is missing"]),
            (
                "tile0",
                &["update tile set hashes = overlay(hashes placing '\\x00ff'::bytea from 33) \
                         where level = 0 and tile_index = 1"],
                expect![
                    "leaf 257 (+1): tile/0/001 was altered: its hashes are not those of the signed tree"
                ],
            ),
            (
                "edge",
                &["update tile set hashes = overlay(hashes placing '\\x00ff'::bytea from 33) \
                        where level = 0 and tile_index = 2"],
                expect![
                    "leaf 513 (+1): tile/0/002.p/128 was altered: its hashes are not those of the signed tree"
                ],
            ),
            (
                "tile1",
                &["update tile set hashes = overlay(hashes placing '\\x00ff'::bytea from 33) \
                         where level = 1"],
                expect!["no leaf is named"],
            ),
            (
                "gone",
                &["delete from tile where level = 0 and tile_index = 1"],
                expect![
                    "leaf 256 (+256): tile/0/001 is missing or damaged: malformed tile: tile/0/001 has 0 bytes"
                ],
            ),
            (
                "leaf_and_tile",
                &[ALTER_ENTRY, REHASH_TILE],
                expect![
                    "leaf 256 (+256): entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root"
                ],
            ),
        ] {
            let report = attack(&installation, name, statements).await?;
            assert!(!report.is_ok(), "{name} was not found");
            expected.assert_eq(&first(&report));
        }
        anyhow::Ok(())
    })?
}

#[test]
fn a_forged_head_is_no_checkpoint_of_the_log() -> Result<()> {
    let installation = Installation::new()?;
    let other = Installation::new()?;
    block_on(async {
        grow(&installation, &[100]).await?;
        let smaller = "update log_state set note = replace(note, E'\n100\n', E'\n99\n')";
        let report = attack(&installation, "size", &[smaller]).await?;
        assert!(matches!(report.findings[0].fault, Fault::CheckpointSignature(_)), "{report:?}");

        let other_root = "update log_state set note = replace(note, split_part(note, E'\n', 3), \
                          encode(sha256('another'), 'base64'))";
        let report = attack(&installation, "root", &[other_root]).await?;
        assert!(matches!(report.findings[0].fault, Fault::CheckpointSignature(_)), "{report:?}");

        let cut = "update log_state set note = left(note, -10)";
        let report = attack(&installation, "cut", &[cut]).await?;
        assert!(matches!(report.findings[0].fault, Fault::CheckpointUnreadable(_)), "{report:?}");

        // A log of the same name, signed by somebody else: whole in itself, and not this log.
        grow(&other, &[100]).await?;
        let report = verified(&installation, &other.address, None).await?;
        assert!(matches!(report.findings[0].fault, Fault::CheckpointSignature(_)), "{report:?}");
        anyhow::Ok(())
    })?
}

#[test]
fn an_honest_log_verifies_against_each_checkpoint_and_erasure_is_no_fault() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        let checkpoints = grow(&installation, &[1, 255, 1, 300]).await?;
        let address = &installation.address;
        for trusted in checkpoints.iter().map(Some).chain([None]) {
            let report = verified(&installation, address, trusted).await?;
            assert!(report.is_ok(), "{:?}", report.findings);
            assert_eq!((report.size(), report.erased), (557, 0));
        }
        // Erasure is what the triggers let the owner do.
        let mut owner = address.connect_as_owner().await?;
        let erase = "update event_payload set salt = null, payload = null where event_id in
                     (select event_id from leaf where leaf_index in (0, 256, 556))";
        sqlx::query(erase).execute(&mut owner).await?;
        let report = verified(&installation, address, checkpoints.last()).await?;
        assert!(report.is_ok(), "{:?}", report.findings);
        assert_eq!(report.erased, 3);
        anyhow::Ok(())
    })?
}

#[test]
fn a_log_cut_back_to_an_older_checkpoint_needs_a_newer_one_to_be_found() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        let checkpoints = grow(&installation, &BATCHES).await?;
        let address = attacked(&installation, "rollback", &CUT_BACK).await?;
        // In itself it is the honest log of its day: nothing inside it can tell.
        let report = verified(&installation, &address, None).await?;
        assert!(report.is_ok() && report.size() == 500, "{:?}", report.findings);
        let report = verified(&installation, &address, Some(&checkpoints[1])).await?;
        assert!(report.is_ok(), "{:?}", report.findings);
        let report = verified(&installation, &address, Some(&checkpoints[2])).await?;
        let fault = &report.findings.first().context("a finding")?.fault;
        assert_eq!(*fault, Fault::RolledBack { trusted_size: 640 });
        anyhow::Ok(())
    })?
}

#[test]
fn a_log_written_anew_under_the_true_key_is_a_fork() -> Result<()> {
    let installation = Installation::new()?;
    let twin = Installation::new()?;
    block_on(async {
        let checkpoints = grow(&installation, &BATCHES).await?;
        // The key stolen, the log begun again with other events of the same number.
        let key = |of: &Installation| of.config.log_key_path();
        std::fs::copy(key(&installation), key(&twin))?;
        let statement = "delete from log_state";
        chancery_tests::log::as_owner(&twin.address, &[statement]).await?;
        chancery::app::begin_log(&twin.config, &twin.address, &chancery::clock::Clock::System)
            .await?;
        grow(&twin, &BATCHES).await?;
        let report = verified(&installation, &twin.address, None).await?;
        assert!(report.is_ok(), "{:?}", report.findings);
        for (trusted, trusted_size) in checkpoints.iter().zip([250, 500, 640]) {
            let report = verified(&installation, &twin.address, Some(trusted)).await?;
            assert_eq!(report.findings[0].fault, Fault::Forked { trusted_size });
        }
        anyhow::Ok(())
    })?
}

const ALTER_ENTRY: &str = "update event e set entry = convert_to(replace(convert_from(entry, 'UTF8'), 'note_taken', \
     'note_faked'), 'UTF8') from leaf l where l.event_id = e.event_id and leaf_index = 300";
/// The level-0 tile made to agree with the altered entry (RFC 9162 §2.1.1: SHA-256(0x00 ‖ entry)).
const REHASH_TILE: &str = "update tile t set hashes = overlay(hashes placing sha256('\\x00'::bytea || entry) \
     from (300 - 256) * 32 + 1) from leaf join event using (event_id) \
     where leaf_index = 300 and level = 0 and tile_index = 1";
const ALTER_PAYLOAD: &str = "update event_payload p set payload = convert_to(replace(convert_from(payload, 'UTF8'), \
     'as it was', 'as it never was'), 'UTF8') from leaf l \
     where l.event_id = p.event_id and leaf_index = 77";
const ALTER_SALT: &str = "update event_payload p set salt = sha256(salt) from leaf l \
                          where l.event_id = p.event_id and leaf_index = 78";
const DELETE_ROW: [&str; 3] = [
    "delete from event where event_id = (select event_id from leaf where leaf_index = 200)",
    "delete from event_payload where event_id = (select event_id from leaf where leaf_index = 200)",
    "delete from leaf where leaf_index = 200",
];
const SWAP_LEAVES: [&str; 3] = [
    "update leaf set leaf_index = 1000000 where leaf_index = 10",
    "update leaf set leaf_index = 10 where leaf_index = 20",
    "update leaf set leaf_index = 20 where leaf_index = 1000000",
];
/// Leaf 600 tells the event of leaf 599 a second time.
const REPEAT_LEAF: [&str; 2] = [
    "update event e set entry = (select entry from leaf join event using (event_id) \
     where leaf_index = 599) from leaf l where l.event_id = e.event_id and leaf_index = 600",
    "update event_payload p set (salt, payload) = (select salt, payload from leaf join event_payload \
     using (event_id) where leaf_index = 599) from leaf l \
     where l.event_id = p.event_id and leaf_index = 600",
];
const DELETE_TAIL: [&str; 1] = ["delete from leaf where leaf_index >= 630"];
const CUT_BACK: [&str; 4] = [
    "delete from event where event_id in (select event_id from leaf where leaf_index >= 500)",
    "delete from leaf where leaf_index >= 500",
    "delete from checkpoint where size > 500",
    "update log_state s set size = c.size, note = c.note, published_at = c.published_at, \
     root = decode(split_part(c.note, E'\n', 3), 'base64') from checkpoint c where c.size = 500",
];
