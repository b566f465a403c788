//! Offline proofs (C2SP tlog-proof): one leaf, its audit path and the checkpoint it leads to.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    AuditError, Hash,
    checkpoint::{SignedCheckpoint, parse_decimal},
    merkle::verify_inclusion,
    note::VerifiedSignature,
    policy::Policy,
};

const WHAT: &str = "tlog-proof";
const MAGIC: &str = "c2sp.org/tlog-proof@v1";
/// A tree whose size is a u64 has no longer path; also the greatest number of hashes accepted.
const PATH_LENGTH_MAX: usize = 64;

/// A `.tlog-proof` file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogProof {
    /// What else the verifier needs, opaque here.
    pub extra: Option<Vec<u8>>,
    /// Index of the leaf.
    pub index: u64,
    /// Audit path, leaf sibling first.
    pub path: Vec<Hash>,
    /// The checkpoint, with its signatures.
    pub checkpoint: SignedCheckpoint,
}

impl LogProof {
    /// Parses a proof file. Nothing is verified yet.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other form.
    pub fn parse(bytes: &[u8]) -> Result<Self, AuditError> {
        let malformed = |reason| AuditError::malformed(WHAT, reason);
        let text = std::str::from_utf8(bytes).map_err(|e| AuditError::malformed(WHAT, e))?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or_else(|| malformed("no empty line"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(MAGIC) {
            return Err(malformed("not version 1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra "));
        let extra = extra.map(|line| STANDARD.decode(&line["extra ".len()..])).transpose();
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let path: Vec<_> =
            lines.take(PATH_LENGTH_MAX + 1).map(Hash::from_base64).collect::<Result<_, _>>()?;
        if path.len() > PATH_LENGTH_MAX {
            return Err(malformed("too many hashes"));
        }
        Ok(Self {
            extra: extra.map_err(|_| malformed("extra is not base64"))?,
            index: index.and_then(parse_decimal).ok_or_else(|| malformed("no index"))?,
            path,
            checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())?,
        })
    }

    /// Verifies that a leaf with this hash stands at [`LogProof::index`] in the log, as signed
    /// by whom the policy asks for.
    ///
    /// # Errors
    /// As [`Policy::verify`] and [`verify_inclusion`].
    pub fn verify(
        &self,
        leaf: &Hash,
        policy: &Policy,
    ) -> Result<Vec<VerifiedSignature>, AuditError> {
        let verified = policy.verify(&self.checkpoint)?;
        let checkpoint = self.checkpoint.checkpoint();
        verify_inclusion(self.index, checkpoint.size, leaf, &self.path, &checkpoint.root)?;
        Ok(verified)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{MAGIC}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        merkle::{inclusion_proof, leaf_hash},
        testing::{LEAVES, TestKey},
    };
    use proptest::prelude::*;

    const VECTOR: &str = include_str!("../tests/vectors/leaf5.tlog-proof");

    fn leaf(index: usize) -> Hash {
        leaf_hash(&hex::decode(LEAVES[index]).unwrap())
    }

    fn policy() -> Policy {
        let log = TestKey::counting("audit.example.test/log1", 0).log();
        let witness = TestKey::counting("witness.example.test/w1", 0x20).witness();
        Policy::parse(&format!("log {log}\nwitness w {witness}\nquorum w\n")).unwrap()
    }

    #[test]
    fn the_vector_verifies_and_is_reproduced() {
        assert_eq!(
            Hash::sha256(&[VECTOR.as_bytes()]).to_string(),
            "95e9d96ba941110d1275c044bc9d4d86ef919e6000786f9851d6394e4f088a4f"
        );
        let proof = LogProof::parse(VECTOR.as_bytes()).unwrap();
        assert_eq!(proof.index, 5);
        assert_eq!(proof.verify(&leaf(5), &policy()).unwrap().len(), 2);
        assert_eq!(proof.to_string(), VECTOR);
        let leaves: Vec<_> = (0..8).map(leaf).collect();
        assert_eq!(proof.path, inclusion_proof(&leaves, 5).unwrap());
    }

    #[test]
    fn another_leaf_index_or_path_does_not_verify() {
        let mut proof = LogProof::parse(VECTOR.as_bytes()).unwrap();
        assert_eq!(proof.verify(&leaf(4), &policy()), Err(AuditError::ProofInvalid("inclusion")));
        proof.index = 4;
        assert!(proof.verify(&leaf(5), &policy()).is_err());
        proof.index = 8;
        assert!(proof.verify(&leaf(5), &policy()).is_err());
        proof.index = 5;
        proof.path.swap(0, 1);
        assert!(proof.verify(&leaf(5), &policy()).is_err());
    }

    #[test]
    fn extra_data_round_trips() {
        let mut proof = LogProof::parse(VECTOR.as_bytes()).unwrap();
        proof.extra = Some(b"salt".to_vec());
        let text = proof.to_string();
        assert!(text.contains("\nextra c2FsdA==\nindex 5\n"));
        assert_eq!(LogProof::parse(text.as_bytes()).unwrap(), proof);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            String::new(),
            VECTOR.replace("@v1", "@v2"),
            VECTOR.replace("index 5", "index 05"),
            VECTOR.replace("index 5\n", ""),
            VECTOR.replace("index 5", "extra !!\nindex 5"),
            VECTOR.replace("index 5", "extra YQ==\nextra YQ==\nindex 5"),
            VECTOR.replace("index 5", "index 5\nindex 5"),
            VECTOR.replace("vBoG", "!!!!"),
            VECTOR.replacen("\n\n", "\n", 1),
            VECTOR.replace('\n', "\r\n"),
            format!("{VECTOR}\n"),
        ] {
            assert!(LogProof::parse(text.as_bytes()).is_err(), "accepted {text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, tail: String) {
            let _ = LogProof::parse(&bytes);
            let _ = LogProof::parse(format!("{MAGIC}\n{tail}").as_bytes());
        }

        #[test]
        fn a_damaged_proof_never_verifies(at in 0_usize..493, byte in 0x20_u8..0x7f) {
            let mut bytes = VECTOR.as_bytes().to_vec();
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            if let Ok(proof) = LogProof::parse(&bytes) {
                prop_assert!(proof.verify(&leaf(5), &policy()).is_err());
            }
        }
    }
}
