#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing::{LEAVES, leaf_hashes};
use proptest::prelude::*;

const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn vector_leaves() -> Vec<Hash> {
    LEAVES.iter().map(|leaf| leaf_hash(&hex::decode(leaf).unwrap())).collect()
}

#[test]
fn roots_of_the_vector_leaves() {
    let leaves = vector_leaves();
    for (size, expected) in (1..=8).zip(ROOTS) {
        assert_eq!(root(&leaves[..size]).to_string(), expected);
        assert_eq!(Frontier::from_leaves(&leaves[..size]).root().to_string(), expected);
    }
    assert_eq!(root(&[]), empty_root());
    assert_eq!(Frontier::default().root(), empty_root());
}

#[test]
fn consistency_from_six_to_eight() {
    let leaves = vector_leaves();
    let proof = consistency_proof(&leaves, 6).unwrap();
    let text: Vec<String> = proof.iter().map(Hash::to_string).collect();
    assert_eq!(
        text,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ]
    );
    verify_consistency(6, 8, &proof, &root(&leaves[..6]), &root(&leaves)).unwrap();
}

#[test]
fn every_proof_of_every_small_tree() {
    let leaves = leaf_hashes(40, 1);
    for size in 1..=leaves.len() {
        let (tree, top) = (&leaves[..size], root(&leaves[..size]));
        for index in 0..size {
            let proof = inclusion_proof(tree, index as u64).unwrap();
            verify_inclusion(index as u64, size as u64, &tree[index], &proof, &top).unwrap();
        }
        for old in 0..=size {
            let proof = consistency_proof(tree, old as u64).unwrap();
            let old_root = root(&tree[..old]);
            verify_consistency(old as u64, size as u64, &proof, &old_root, &top).unwrap();
        }
    }
}

#[test]
fn edges_are_errors() {
    let zero = Hash::new([0; 32]);
    assert!(inclusion_proof(&[], 0).is_err());
    assert!(consistency_proof(&[], 1).is_err());
    assert!(verify_inclusion(0, 0, &zero, &[], &zero).is_err());
    assert!(verify_inclusion(0, 1, &zero, &[zero], &zero).is_err());
    assert!(verify_consistency(2, 1, &[], &zero, &zero).is_err());
    assert!(verify_consistency(1, 2, &[], &zero, &zero).is_err());
    assert!(verify_consistency(0, 2, &[], &zero, &zero).is_err());
    assert!(Frontier::from_parts(3, vec![zero]).is_err());
}

#[test]
fn split_points() {
    let expected = [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (u64::MAX, 1 << 63)];
    for (size, split) in expected {
        assert_eq!(split_point(size), split, "size {size}");
    }
}

proptest! {
    #[test]
    fn any_change_breaks_an_inclusion_proof(
        size in 2_u64..300, pick: u64, seed: u64, bit in 0_usize..256, at: usize,
    ) {
        let leaves = leaf_hashes(size as usize, seed);
        let (index, top) = (pick % size, root(&leaves));
        let leaf = leaves[index as usize];
        let proof = inclusion_proof(&leaves, index).unwrap();
        let mut altered = proof.clone();
        let at = at % altered.len();
        let mut bytes = *altered[at].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        altered[at] = Hash::new(bytes);
        prop_assert!(verify_inclusion(index, size, &leaf, &altered, &top).is_err());
        prop_assert!(verify_inclusion(index ^ 1, size, &leaf, &proof, &top).is_err());
        prop_assert!(verify_inclusion(index, size, &leaf, &proof[1..], &top).is_err());
        let longer = [proof.as_slice(), &[leaf]].concat();
        prop_assert!(verify_inclusion(index, size, &leaf, &longer, &top).is_err());
    }

    #[test]
    fn any_change_breaks_a_consistency_proof(
        size in 2_u64..300, pick: u64, seed: u64, at: usize,
    ) {
        let leaves = leaf_hashes(size as usize, seed);
        let old = 1 + pick % (size - 1);
        let (old_root, top) = (root(&leaves[..old as usize]), root(&leaves));
        let proof = consistency_proof(&leaves, old).unwrap();
        let mut altered = proof.clone();
        let at = at % altered.len();
        altered[at] = leaf_hash(b"other");
        prop_assert!(verify_consistency(old, size, &altered, &old_root, &top).is_err());
        prop_assert!(verify_consistency(old, size, &proof, &top, &top).is_err());
        prop_assert!(verify_consistency(old, size, &proof, &old_root, &old_root).is_err());
        prop_assert!(verify_consistency(old, size, &proof[1..], &old_root, &top).is_err());
    }

    #[test]
    fn the_frontier_is_the_reference(size in 0_usize..600, seed: u64) {
        let leaves = leaf_hashes(size, seed);
        let frontier = Frontier::from_leaves(&leaves);
        prop_assert_eq!(frontier.root(), root(&leaves));
        let again = Frontier::from_parts(frontier.size(), frontier.parts().to_vec()).unwrap();
        prop_assert_eq!(again, frontier);
    }

    #[test]
    fn arbitrary_proofs_never_panic(
        m: u64, n: u64, proof: Vec<[u8; 32]>, a: [u8; 32], b: [u8; 32],
    ) {
        let proof: Vec<Hash> = proof.into_iter().map(Hash::new).collect();
        let (a, b) = (Hash::new(a), Hash::new(b));
        let _ = verify_inclusion(m, n, &a, &proof, &b);
        let _ = verify_consistency(m, n, &proof, &a, &b);
    }
}
