//! Who vouches for a plugin: Ed25519 (RFC 8032) over one digest of the
//! component, its manifest and the ABI, so that none can be exchanged alone.

use std::fmt;

use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};

use crate::{Manifest, PluginError};

/// Keeps a plugin's signature apart from any other use of the same key. The
/// version moves with the layout of [`signing_message`].
const DOMAIN: &[u8] = b"chancery/plugin-signature/v1\0";

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// The keys whose plugins a deployment loads. Empty: none.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<PublicKey>);

/// A signature and the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    key: PublicKey,
    bytes: [u8; 64],
}

/// What is signed: the domain, then SHA-256 over the domain and the digests of
/// component, canonical manifest and ABI. Each part has a fixed length, so no
/// two triples share a message.
///
/// # Errors
/// [`PluginError::Manifest`] if the manifest has no canonical form.
pub fn signing_message(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, PluginError> {
    let manifest_bytes = manifest.canonical_bytes()?;
    let mut parts = DOMAIN.to_vec();
    for part in [component, &manifest_bytes, manifest.abi.as_bytes()] {
        parts.extend_from_slice(digest(&SHA256, part).as_ref());
    }
    Ok([DOMAIN, digest(&SHA256, &parts).as_ref()].concat())
}

impl Signature {
    /// Signs a component with its manifest.
    ///
    /// # Errors
    /// [`PluginError::Manifest`] if the manifest has no canonical form.
    pub fn sign(
        component: &[u8],
        manifest: &Manifest,
        pair: &Ed25519KeyPair,
    ) -> Result<Self, PluginError> {
        use ring::signature::KeyPair;
        let malformed = || PluginError::Host("a key or signature of a foreign length".into());
        let signature = pair.sign(&signing_message(component, manifest)?);
        let key = pair.public_key().as_ref().try_into().map_err(|_| malformed())?;
        let bytes = signature.as_ref().try_into().map_err(|_| malformed())?;
        Ok(Self { key: PublicKey(key), bytes })
    }

    /// A signature that was stored: 32 bytes of key, 64 of signature.
    pub fn from_bytes(key: [u8; 32], bytes: [u8; 64]) -> Self {
        Self { key: PublicKey(key), bytes }
    }

    /// The key, and the 64 bytes to store.
    pub fn parts(&self) -> (PublicKey, [u8; 64]) {
        (self.key, self.bytes)
    }

    /// Trust is asked first: a stranger's signature is not worth checking.
    pub(crate) fn verify(
        &self,
        component: &[u8],
        manifest: &Manifest,
        trusted: &TrustedKeys,
    ) -> Result<(), PluginError> {
        if !trusted.0.contains(&self.key) {
            return Err(PluginError::UntrustedKey);
        }
        let message = signing_message(component, manifest)?;
        UnparsedPublicKey::new(&ED25519, self.key.0)
            .verify(&message, &self.bytes)
            .map_err(|_| PluginError::BadSignature)
    }
}

impl PublicKey {
    /// A key from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0))
    }
}

impl FromIterator<PublicKey> for TrustedKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}
