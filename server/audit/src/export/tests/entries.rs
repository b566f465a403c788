//! Entries and tiles altered, moved, removed and rewritten.

use expect_test::{Expect, expect};

use super::super::fixture::*;
use crate::merkle::leaf_hash;

fn check(files: &Files, expected: Expect) {
    expected.assert_eq(&text(&verify(files)));
}

#[test]
fn an_altered_entry_is_named() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 1, |entries| entries[44] = event(300, "job_denied").0);
    check(
        &files,
        expect![[r#"
        leaf 300, event 01920000-0000-7000-8000-00000000012c (job_denied): the entry was altered: its hash is not the one in tile 0
    "#]],
    );
    let report = verify(&files);
    let first = report.first_tampered().unwrap();
    assert_eq!(first.leaf_index, Some(300));
    assert_eq!(first.event_id, Some(event_id(300)));
}

#[test]
fn an_entry_replaced_by_nonsense_is_named_by_its_payload() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 2, |entries| entries[187] = b"{}".to_vec());
    check(
        &files,
        expect![[r#"
        leaf 699, event 01920000-0000-7000-8000-0000000002bb: the entry was altered: its hash is not the one in tile 0
    "#]],
    );
}

#[test]
fn a_deleted_entry_is_missing_and_the_rest_moved() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 1, |entries| drop(entries.remove(44)));
    check(
        &files,
        expect![[r#"
        leaf 300, event 01920000-0000-7000-8000-00000000012c: the entry is missing
        leaves 301 to 511, event 01920000-0000-7000-8000-00000000012d: the entry was moved: it stands 1 place(s) earlier
    "#]],
    );
}

#[test]
fn a_deletion_repacked_over_all_bundles() {
    let whole = Log::of(700);
    let mut shorter = whole.clone();
    shorter.entries.remove(300);
    let (mut files, repacked) = (whole.export(), shorter.export());
    files.retain(|path, _| !path.starts_with("tile/entries/"));
    files.extend(repacked.into_iter().filter(|(path, _)| path.starts_with("tile/entries/")));
    let last = files.remove("tile/entries/002.p/187").unwrap();
    files.insert("tile/entries/002.p/188".into(), last);
    check(
        &files,
        expect![[r#"
        leaf 300, event 01920000-0000-7000-8000-00000000012c: the entry is missing
        leaves 301 to 699, event 01920000-0000-7000-8000-00000000012d: the entry was moved: it stands 1 place(s) earlier
    "#]],
    );
}

#[test]
fn an_inserted_entry_is_noticed() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 2, |entries| entries.insert(10, event(9999, "job_admitted").0));
    check(
        &files,
        expect![[r#"
        leaves 522 to 699, event 01920000-0000-7000-8000-00000000020a: the entry was moved: it stands 1 place(s) later
        leaf 700, event 01920000-0000-7000-8000-0000000002bb (job_admitted): the bundle holds something the log does not have: one entry more
    "#]],
    );
}

#[test]
fn swapped_entries_are_moved() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 0, |entries| entries.swap(3, 5));
    check(
        &files,
        expect![[r#"
        leaf 3, event 01920000-0000-7000-8000-000000000003: the entry was moved: it stands 2 place(s) later
        leaf 5, event 01920000-0000-7000-8000-000000000005: the entry was moved: it stands 2 place(s) earlier
    "#]],
    );
}

#[test]
fn entries_swapped_across_bundles_are_moved() {
    let mut files = Log::of(700).export();
    edit_bundle(&mut files, 0, |entries| entries[3] = event(600, "job_admitted").0);
    edit_bundle(&mut files, 2, |entries| entries[88] = event(3, "job_admitted").0);
    check(
        &files,
        expect![[r#"
        leaf 3, event 01920000-0000-7000-8000-000000000003: the entry was moved: it stands 597 place(s) later
        leaf 600, event 01920000-0000-7000-8000-000000000258: the entry was moved: it stands 597 place(s) earlier
    "#]],
    );
}

#[test]
fn truncated_bundles() {
    let mut files = Log::of(700).export();
    files.get_mut("tile/entries/002.p/188").unwrap().truncate(10_000);
    check(
        &files,
        expect![[r#"
        leaves 551 to 699, event 01920000-0000-7000-8000-000000000227: the entry is missing
    "#]],
    );
    files.remove("tile/entries/002.p/188");
    check(
        &files,
        expect![[r#"
        leaves 512 to 699, event 01920000-0000-7000-8000-000000000200: the entry is missing
    "#]],
    );
    files.remove("tile/0/002.p/188");
    check(
        &files,
        expect![[r#"
        leaves 512 to 699: the entry is missing
    "#]],
    );
}

#[test]
fn trailing_bytes_in_a_bundle() {
    let mut files = Log::of(700).export();
    files.get_mut("tile/entries/000").unwrap().push(0);
    check(
        &files,
        expect![[r#"
        leaf 255: the bundle holds something the log does not have: 1 bytes after the last entry
    "#]],
    );
}

#[test]
fn an_altered_tile_is_not_blamed_on_the_entries() {
    let mut files = Log::of(700).export();
    edit_tile(&mut files, 0, 1, |hashes| hashes[44] = leaf_hash(b"other"));
    check(
        &files,
        expect![[r#"
        leaf 300, event 01920000-0000-7000-8000-00000000012c (job_admitted): tile/0/001 was altered: its hashes are not those of the signed tree
    "#]],
    );
    let mut files = Log::of(700).export();
    edit_tile(&mut files, 1, 0, |hashes| hashes[1] = leaf_hash(b"other"));
    check(
        &files,
        expect![[r#"
        log: tile/1/000.p/2 was altered: its hashes are not those of the signed tree
    "#]],
    );
    files.remove("tile/1/000.p/2");
    check(
        &files,
        expect![[r#"
        log: tile/1/000.p/2 is missing or damaged: it is not there
    "#]],
    );
    files.remove("tile/0/000");
    check(
        &files,
        expect![[r#"
        log: tile/1/000.p/2 is missing or damaged: it is not there
        leaves 0 to 255: tile/0/000 is missing or damaged: it is not there
    "#]],
    );
}

#[test]
fn entry_and_tile_rewritten_together_are_placed_in_their_block() {
    let mut files = Log::of(700).export();
    rewrite(&mut files, 300, event(300, "job_denied").0);
    check(
        &files,
        expect![[r#"
        leaves 256 to 511: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
    "#]],
    );
    // Another entry altered alone is still named exactly.
    edit_bundle(&mut files, 0, |entries| entries[7] = event(7, "job_denied").0);
    check(
        &files,
        expect![[r#"
        leaf 7, event 01920000-0000-7000-8000-000000000007 (job_denied): the entry was altered: its hash is not the one in tile 0
        leaves 256 to 511: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
    "#]],
    );
}

#[test]
fn a_rewritten_block_whose_payload_was_forgotten_is_named_exactly() {
    let mut files = Log::of(700).export();
    let (mut forged, _) = event(301, "job_denied");
    let id = event_id(301).into_bytes();
    let at = forged.windows(36).position(|window| window == id).unwrap();
    forged[at..at + 36].copy_from_slice(event_id(300).as_bytes());
    rewrite(&mut files, 300, forged);
    check(
        &files,
        expect![[r#"
        leaves 256 to 511: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
        leaf 300, event 01920000-0000-7000-8000-00000000012c (job_denied): the payload was altered: its salted digest is not the one in the entry
    "#]],
    );
}

#[test]
fn a_rewritten_partial_block_has_nothing_above_it() {
    let log = Log::of(700);
    let mut files = log.export();
    rewrite(&mut files, 600, event(600, "job_denied").0);
    check(
        &files,
        expect![[r#"
        leaves 0 to 699: entries and tiles agree with each other but do not lead to the checkpoint's root: one of these leaves, or the checkpoint, was rewritten
    "#]],
    );
    // An older checkpoint narrows it down.
    let report = verify_against(&files, &log.checkpoint(550));
    expect![[r#"
        leaves 550 to 699: entries and tiles agree with each other but do not lead to the checkpoint's root: one of these leaves, or the checkpoint, was rewritten
    "#]].assert_eq(&text(&report));
}

#[test]
fn a_rewritten_edge_and_a_rewritten_block() {
    let mut files = Log::of(700).export();
    rewrite(&mut files, 600, event(600, "job_denied").0);
    rewrite(&mut files, 20, event(20, "job_denied").0);
    check(
        &files,
        expect![[r#"
        log: entries and tiles agree with each other but do not lead to the checkpoint's root: one of these leaves, or the checkpoint, was rewritten
        leaves 0 to 255: the block does not match the tiles above it, and neither can be tied to the signed root
    "#]],
    );
}

#[test]
fn a_tree_of_three_levels() {
    let log = Log::of(66_000);
    let whole = log.export();
    check(&whole, expect![[""]]);
    let mut files = whole.clone();
    rewrite(&mut files, 300, event(300, "job_denied").0);
    check(
        &files,
        expect![[r#"
        leaves 256 to 511: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
    "#]],
    );
    // With the level-1 tile rewritten too, only level 2 still leads to the root.
    let mut other = log.clone();
    other.entries[300] = event(300, "job_denied").0;
    let forged = other.export();
    files.insert("tile/1/000".into(), forged["tile/1/000"].clone());
    check(
        &files,
        expect![[r#"
        leaves 0 to 65535: entries and their hashes were rewritten together: the block does not match the tiles above it, which lead to the signed root
    "#]],
    );
    // A level-1 tile altered alone harms no entry.
    let mut files = whole.clone();
    edit_tile(&mut files, 1, 0, |hashes| hashes[1] = leaf_hash(b"other"));
    check(
        &files,
        expect![[r#"
        log: tile/1/000 was altered: its hashes are not those of the signed tree
    "#]],
    );
}
