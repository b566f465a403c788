//! The sequencer against a database that lies: it refuses to sign, and never begins or forks a log.

use anyhow::Result;
use chancery::cli::block_on;
use chancery::clock::Clock;
use chancery::error::Error;
use chancery::sequencer::{Sequencer, Step};
use chancery::store::{DatabaseAddress, DatabaseRole, Store};
use chancery_audit::checkpoint::SignedCheckpoint;
use chancery_tests::Installation;
use chancery_tests::log::{append, as_owner, attacked, grow, sequencer, verified};
use sqlx::{Connection, Row};

/// The log of an older day in every row: what restoring a backup, or a patient attacker, leaves.
const CUT_BACK: [&str; 6] = [
    "update tile set hashes = substr(hashes, 1, 250 * 32) where level = 0 and tile_index = 0",
    "delete from tile where level > 0 or tile_index > 0",
    "delete from event where event_id in (select event_id from leaf where leaf_index >= 250)",
    "delete from leaf where leaf_index >= 250",
    "delete from checkpoint where size > 250",
    "update log_state s set size = c.size, note = c.note, published_at = c.published_at, \
     root = decode(split_part(c.note, E'\n', 3), 'base64') from checkpoint c where c.size = 250",
];

/// Why a sequencer does not open.
async fn refusal(installation: &Installation, address: &DatabaseAddress) -> String {
    match sequencer(installation, address).await {
        Err(Error::Integrity(why)) => why,
        Err(other) => panic!("it must be a matter of integrity: {other}"),
        Ok(_) => panic!("it must not open"),
    }
}

/// Why a running sequencer does not sign what waits, and proof that it changed nothing.
async fn refused_step(running: &Sequencer, address: &DatabaseAddress) -> Result<String> {
    let app = Store::connect(address, DatabaseRole::App, 2, Clock::System).await?;
    append(&app, 1).await?;
    let before = app.log_head().await?;
    let Err(Error::Integrity(why)) = running.step().await else { panic!("it must refuse to sign") };
    let after = app.log_head().await?;
    assert_eq!((before.size, before.note), (after.size, after.note));
    assert_eq!(app.event_pending_count().await?, 1);
    app.close().await;
    Ok(why)
}

fn assert_tells(why: &str, expected: &str) {
    assert!(why.contains(expected), "{why:?} does not tell {expected:?}");
}

#[test]
fn a_log_rolled_back_or_rewritten_is_not_opened() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        grow(&installation, &[250, 50]).await?;
        for (name, statements, expected) in [
            ("open_rollback", &CUT_BACK[..], "it was rolled back"),
            (
                "open_tile",
                &["update tile set hashes = overlay(hashes placing '\\x00ff'::bytea from 1) \
                             where level = 0 and tile_index = 1"],
                "do not lead to the signed root",
            ),
            ("open_size", &["update log_state set size = 299"], "another size or root"),
            (
                "open_root",
                &["update log_state set root = sha256('another')"],
                "another size or root",
            ),
            (
                "open_note",
                &["update log_state set note = replace(note, E'\n300\n', E'\n299\n')"],
                "not signed by this key",
            ),
            (
                "open_origin",
                &["update log_state set origin = 'another.example/log'"],
                "not of test.chancery.example",
            ),
            ("open_lost", &["delete from log_state"], "holds no log"),
        ] {
            let address = attacked(&installation, name, statements).await?;
            assert_tells(&refusal(&installation, &address).await, expected);
        }
        anyhow::Ok(())
    })?
}

#[test]
fn a_running_sequencer_signs_nothing_over_a_changed_log() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        grow(&installation, &[250, 50]).await?;
        for (name, statements, expected) in [
            ("run_rollback", &CUT_BACK[..], "it was rolled back"),
            ("run_edge", &[BREAK_EDGE], "do not lead to the signed root"),
            (
                "run_edge_lost",
                &["delete from tile where level = 0 and tile_index = 1"],
                "is missing",
            ),
            (
                "run_root",
                &["update log_state set root = sha256('another')"],
                "another size or root",
            ),
            ("run_lost", &["delete from log_state"], "holds no log"),
        ] {
            let address = attacked(&installation, name, &[]).await?;
            let running = sequencer(&installation, &address).await?;
            as_owner(&address, statements).await?;
            if name == "run_lost" {
                let Err(Error::Integrity(why)) = running.step().await else {
                    panic!("no log, no step")
                };
                assert_tells(&why, expected);
                assert_tells(&refusal(&installation, &address).await, expected);
            } else {
                assert_tells(&refused_step(&running, &address).await?, expected);
            }
            running.close().await;
        }
        anyhow::Ok(())
    })?
}

/// Head, tile and note replaced by another history of the same length under the same key would pass every
/// check inside the database: the copy outside it is what stops the signature.
#[test]
fn a_signed_fork_is_caught_by_the_copy_outside_the_database() -> Result<()> {
    let installation = Installation::new()?;
    let twin = Installation::new()?;
    block_on(async {
        grow(&installation, &[40]).await?;
        std::fs::copy(installation.config.log_key_path(), twin.config.log_key_path())?;
        as_owner(&twin.address, &["delete from log_state"]).await?;
        chancery::app::begin_log(&twin.config, &twin.address, &Clock::System).await?;
        grow(&twin, &[40]).await?;
        assert_tells(&refusal(&installation, &twin.address).await, "the log was rewritten");
        grow(&twin, &[10]).await?;
        assert_tells(&refusal(&installation, &twin.address).await, "the log was rewritten");
        anyhow::Ok(())
    })?
}

#[test]
fn without_its_checkpoint_copy_a_log_with_leaves_is_not_continued() -> Result<()> {
    let installation = Installation::new()?;
    let copy = installation.config.checkpoint_path();
    block_on(async {
        sequencer(&installation, &installation.address).await?.close().await;
        let checkpoints = grow(&installation, &[3, 3]).await?;
        let running = sequencer(&installation, &installation.address).await?;
        std::fs::remove_file(&copy)?;
        assert_tells(&refusal(&installation, &installation.address).await, "is missing while");
        assert_tells(&refused_step(&running, &installation.address).await?, "is missing while");
        // An older checkpoint from elsewhere is enough, and half a file is not.
        let note = checkpoints[0].to_string();
        std::fs::write(&copy, &note[..note.len() / 2])?;
        refusal(&installation, &installation.address).await;
        std::fs::write(&copy, &note)?;
        sequencer(&installation, &installation.address).await?.close().await;
        assert!(matches!(running.step().await?, Step::Published { size: 7, .. }));
        anyhow::Ok(())
    })?
}

#[test]
fn two_sequencers_at_once_make_one_log() -> Result<()> {
    const EVENTS: i64 = 400;
    let installation = Installation::new()?;
    std::thread::scope(|scope| {
        let sequencing = || {
            block_on(async {
                let sequencer = sequencer(&installation, &installation.address).await?;
                let store = installation.store(DatabaseRole::App).await?;
                let mut published = 0;
                while store.log_head().await?.size < EVENTS {
                    published += usize::from(sequencer.step().await? != Step::Idle);
                }
                sequencer.close().await;
                anyhow::Ok(published)
            })?
        };
        let sequencers = [scope.spawn(sequencing), scope.spawn(sequencing)];
        let appending = || {
            block_on(async {
                let store = installation.store(DatabaseRole::App).await?;
                for _ in 0..EVENTS / 8 {
                    append(&store, 4).await?;
                }
                anyhow::Ok(())
            })?
        };
        for appender in [scope.spawn(appending), scope.spawn(appending)] {
            appender.join().expect("the appender does not panic")?;
        }
        for sequencer in sequencers {
            sequencer.join().expect("the sequencer does not panic")?;
        }
        anyhow::Ok(())
    })?;
    block_on(async {
        let mut owner = installation.address.connect_as_owner().await?;
        let row = sqlx::query("select count(*), min(leaf_index), max(leaf_index) from leaf")
            .fetch_one(&mut owner)
            .await?;
        assert_eq!((row.get(0), row.get(1), row.get(2)), (EVENTS, 0_i64, EVENTS - 1));
        // Every checkpoint that was ever signed is a prefix of the log as it is now.
        let notes =
            sqlx::query("select note from checkpoint order by size").fetch_all(&mut owner).await?;
        owner.close().await?;
        assert!(notes.len() > 2, "{} checkpoints", notes.len());
        for note in notes {
            let trusted = SignedCheckpoint::parse(note.get::<String, _>(0).as_bytes())?;
            let report = verified(&installation, &installation.address, Some(&trusted)).await?;
            assert!(report.is_ok(), "{:?}", report.findings);
        }
        anyhow::Ok(())
    })?
}

const BREAK_EDGE: &str = "update tile set hashes = overlay(hashes placing '\\x00ff'::bytea from 1) \
                          where level = 0 and tile_index = 1";

/// Killed between the first commit and the copy of its checkpoint: the next start goes on.
#[test]
fn a_crash_before_the_first_copy_is_no_lost_log() -> Result<()> {
    let installation = Installation::new()?;
    block_on(async {
        let opened = sequencer(&installation, &installation.address).await?;
        let copy = std::fs::read(installation.config.checkpoint_path())?;
        let store = installation.store(DatabaseRole::App).await?;
        append(&store, 4).await?;
        opened.step().await?;
        // As the crash leaves it: the commit is there, the copy is still the empty log's.
        std::fs::write(installation.config.checkpoint_path(), copy)?;
        let again = sequencer(&installation, &installation.address).await?;
        append(&store, 4).await?;
        assert_eq!(again.step().await?, Step::Published { size: 8, full: false });
        opened.close().await;
        again.close().await;
        anyhow::Ok(())
    })?
}
