#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use super::*;
use crate::{
    merkle::{leaf_hash, verify_consistency, verify_inclusion},
    testing::{LEAVES, leaf_hashes},
};
use proptest::prelude::*;

/// The sizes around every change of shape.
const SIZES: [u64; 10] = [0, 1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537];

/// Tiles in memory; a partial tile may be answered from a wider one.
#[derive(Default)]
struct Store(BTreeMap<TileId, Vec<u8>>);

impl Store {
    fn of(leaves: &[Hash]) -> Self {
        let mut store = Self::default();
        store.put(TileWriter::default().append(leaves).unwrap());
        store
    }

    fn put(&mut self, growth: Growth) {
        self.0.extend(growth.tiles);
    }
}

impl TileReader for Store {
    type Error = &'static str;

    fn read(&self, tile: TileId) -> Result<Vec<u8>, Self::Error> {
        let wide = |id: &&TileId| {
            id.level() == tile.level() && id.index() == tile.index() && id.width() >= tile.width()
        };
        let id = self.0.keys().find(wide).ok_or("not there")?;
        Ok(self.0[id][..usize::from(tile.width()) * 32].to_vec())
    }
}

/// Hash `i` of a level, straight from its definition.
fn naive_tile(leaves: &[Hash], tile: TileId) -> Vec<u8> {
    let span = 256_usize.pow(tile.level().into());
    let first = tile.index() as usize * 256;
    let hashes: Vec<_> = (first..first + usize::from(tile.width()))
        .map(|i| merkle::root(&leaves[i * span..(i + 1) * span]))
        .collect();
    encode_tile(&hashes)
}

fn check_growth(leaves: &[Hash], old: usize) {
    let size = leaves.len() as u64;
    let mut writer = TileWriter::default();
    let mut store = Store::default();
    store.put(writer.append(&leaves[..old]).unwrap());
    assert_eq!(TileWriter::restore(&store, old as u64).unwrap(), writer);
    let growth = writer.append(&leaves[old..]).unwrap();
    let ids: Vec<_> = growth.tiles.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, tiles_for_growth(old as u64, size), "{old} to {size}");
    for (id, bytes) in &growth.tiles {
        assert_eq!(*bytes, naive_tile(leaves, *id), "{id} of {old} to {size}");
    }
    assert_eq!(growth.root, merkle::root(leaves));
    store.put(growth);
    assert_eq!(root_from_tiles(&store, size).unwrap(), merkle::root(leaves));
}

#[test]
fn growth_between_all_shapes_is_the_naive_recomputation() {
    let leaves = leaf_hashes(65_537, 3);
    for (i, new) in SIZES.iter().enumerate() {
        for old in &SIZES[..=i] {
            check_growth(&leaves[..*new as usize], *old as usize);
        }
    }
}

#[test]
fn one_leaf_at_a_time() {
    let leaves = leaf_hashes(600, 4);
    let (mut writer, mut store) = (TileWriter::default(), Store::default());
    for size in 1..=leaves.len() {
        let growth = writer.append(&leaves[size - 1..size]).unwrap();
        assert_eq!(growth.root, merkle::root(&leaves[..size]), "size {size}");
        assert!(growth.tiles.iter().all(|(id, bytes)| *bytes == naive_tile(&leaves, *id)));
        store.put(growth);
        assert_eq!(TileWriter::restore(&store, size as u64).unwrap(), writer);
    }
}

#[test]
fn proofs_from_tiles_verify_across_a_second_level() {
    let leaves = leaf_hashes(66_000, 5);
    let (size, root) = (leaves.len() as u64, merkle::root(&leaves));
    let store = Store::of(&leaves);
    for index in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 65_999] {
        let proof = inclusion_proof_from_tiles(&store, index, size).unwrap();
        verify_inclusion(index, size, &leaves[index as usize], &proof, &root).unwrap();
    }
    for old in [1, 255, 256, 257, 32_768, 65_535, 65_536, 65_537, 66_000] {
        let proof = consistency_proof_from_tiles(&store, old, size).unwrap();
        let old_root = merkle::root(&leaves[..old as usize]);
        verify_consistency(old, size, &proof, &old_root, &root).unwrap();
    }
}

#[test]
fn missing_and_wrong_tiles_are_errors() {
    let leaves = leaf_hashes(300, 6);
    let mut store = Store::of(&leaves);
    assert!(inclusion_proof_from_tiles(&store, 300, 300).is_err());
    assert!(consistency_proof_from_tiles(&store, 301, 300).is_err());
    assert!(matches!(root_from_tiles(&store, 301), Err(AuditError::Unreadable { .. })));
    store.0.retain(|id, _| id.level() == 1);
    assert!(root_from_tiles(&store, 300).is_err());
    assert!(TileWriter::restore(&store, 300).is_err());
    assert!(TileWriter::from_edge(300, vec![leaf_hashes(43, 0), leaf_hashes(1, 0)]).is_err());
    assert!(TileWriter::from_edge(300, vec![leaf_hashes(44, 0), leaf_hashes(1, 0)]).is_ok());
    assert!(TileWriter::from_edge(300, vec![Vec::new(); 9]).is_err());
    let mut full = TileWriter::from_edge(u64::MAX, vec![leaf_hashes(255, 0); 8]).unwrap();
    assert!(full.append(&leaf_hashes(1, 0)).is_err());
}

#[test]
fn paths_of_the_specification() {
    let path = |index| TileId::new(0, index, 256).unwrap().to_string();
    assert_eq!(path(0), "tile/0/000");
    assert_eq!(path(1000), "tile/0/x001/000");
    assert_eq!(path(1_234_067), "tile/0/x001/x234/067");
    assert_eq!(TileId::new(63, 5, 255).unwrap().to_string(), "tile/63/005.p/255");
    assert_eq!(BundleId::new(1000, 8).unwrap().to_string(), "tile/entries/x001/000.p/8");
    assert!(TileId::new(64, 0, 1).is_err());
    assert!(TileId::new(0, 0, 0).is_err());
    assert!(TileId::new(0, 0, 257).is_err());
}

#[test]
fn other_paths_are_refused() {
    for path in [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/x000/001",
        "tile/0/x000",
        "tile/0/001/000",
        "tile/0/x01/000",
        "tile/0/+01",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(TileId::parse(path).is_err(), "accepted {path}");
    }
    assert!(TileId::parse("tile/entries/000").is_err());
    assert!(BundleId::parse("tile/0/000").is_err());
}

#[test]
fn the_bundle_and_tile_of_the_vector_leaves() {
    let entries: Vec<_> = LEAVES.iter().map(|leaf| hex::decode(leaf).unwrap()).collect();
    let bundle = encode_bundle(&entries).unwrap();
    assert_eq!(
        hex::encode(&bundle),
        "00000001000001100002202100023031000440414243000850515253545556570010606162636465666768696a6b6c6d6e6f"
    );
    assert_eq!(decode_bundle(&bundle).unwrap(), entries);
    let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    assert_eq!(
        Hash::sha256(&[&encode_tile(&hashes)]).to_string(),
        "aea2f1bbb5140fd5f8eacb503fdf54c00c3d860c72588e40233addd416bc8f10"
    );
}

#[test]
fn bundles_have_limits() {
    assert!(encode_bundle(&[vec![0; ENTRY_LENGTH_MAX]]).is_ok());
    assert!(encode_bundle(&[vec![0; ENTRY_LENGTH_MAX + 1]]).is_err());
    assert!(decode_bundle(&[0]).is_err());
    assert!(decode_bundle(&[0, 2, 1]).is_err());
    assert!(decode_bundle(&[]).unwrap().is_empty());
}

#[test]
fn growth_names_each_tile_once_and_never_an_empty_one() {
    let text = |old, new| {
        let tiles = tiles_for_growth(old, new);
        tiles.iter().map(TileId::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(text(0, 0), "");
    assert_eq!(text(5, 5), "");
    assert_eq!(text(6, 5), "");
    assert_eq!(text(0, 256), "tile/0/000 tile/1/000.p/1");
    assert_eq!(text(255, 257), "tile/0/000 tile/0/001.p/1 tile/1/000.p/1");
    assert_eq!(text(256, 257), "tile/0/001.p/1");
    assert_eq!(text(65_535, 65_536), "tile/0/255 tile/1/000 tile/2/000.p/1");
    assert_eq!(bundles_for_growth(255, 257).len(), 2);
    assert_eq!(text(u64::MAX - 1, u64::MAX).split(' ').count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_growth_is_the_naive_recomputation(new in 0_usize..1500, pick: usize, seed: u64) {
        check_growth(&leaf_hashes(new, seed), pick % (new + 1));
    }

    #[test]
    fn proofs_from_tiles_are_the_reference(size in 1_usize..1500, pick: u64, seed: u64) {
        let leaves = leaf_hashes(size, seed);
        let store = Store::of(&leaves);
        let (index, old) = (pick % size as u64, pick % (size as u64 + 1));
        prop_assert_eq!(
            inclusion_proof_from_tiles(&store, index, size as u64).unwrap(),
            merkle::inclusion_proof(&leaves, index).unwrap()
        );
        prop_assert_eq!(
            consistency_proof_from_tiles(&store, old, size as u64).unwrap(),
            merkle::consistency_proof(&leaves, old).unwrap()
        );
    }

    #[test]
    fn paths_round_trip(level in 0_u8..64, index: u64, width in 1_u16..=256) {
        let tile = TileId::new(level, index, width).unwrap();
        prop_assert_eq!(TileId::parse(&tile.to_string()).unwrap(), tile);
        let bundle = BundleId::new(index, width).unwrap();
        prop_assert_eq!(BundleId::parse(&bundle.to_string()).unwrap(), bundle);
    }

    #[test]
    fn bundles_round_trip(entries: Vec<Vec<u8>>) {
        let bytes = encode_bundle(&entries).unwrap();
        prop_assert_eq!(decode_bundle(&bytes).unwrap(), entries);
    }

    #[test]
    fn what_parses_prints_as_it_was(path in r"tile/(entries|[0-9]{1,2})/[x0-9/]{0,12}(\.p/[0-9]{0,3})?") {
        if let Ok(tile) = TileId::parse(&path) {
            prop_assert_eq!(tile.to_string(), path.as_str());
        }
        if let Ok(bundle) = BundleId::parse(&path) {
            prop_assert_eq!(bundle.to_string(), path.as_str());
        }
    }

    #[test]
    fn arbitrary_input_never_panics(text: String, bytes: Vec<u8>, size: u64) {
        let _ = TileId::parse(&text);
        let _ = BundleId::parse(&text);
        let _ = decode_bundle(&bytes);
        let _ = decode_tile(TileId::new(0, 0, 2).unwrap(), &bytes);
        let _ = root_from_tiles(&Store::default(), size);
        let _ = TileWriter::restore(&Store::default(), size);
    }
}
