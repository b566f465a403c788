//! Content-addressed, encrypted blobs in an object store.
//!
//! The address is SHA-256 of the plain bytes, so two uploads of one file are one blob. Each blob has its
//! own AES-256-GCM data key, wrapped by the master key with the digest as associated data: a ciphertext
//! or a wrapped key that is moved to another address does not open.

use std::path::PathBuf;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::config::{BlobConfig, Config};
use crate::error::{Error, Result};
use crate::keys::{MasterKey, private_directory, random_bytes, random_key};

/// SHA-256 of plain bytes, in hexadecimal.
pub fn digest_of(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// The object store and the key that opens it.
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    master: MasterKey,
}

/// What the database keeps of a blob.
pub struct Sealed {
    /// SHA-256 of the plain bytes, in hexadecimal.
    pub digest: String,
    /// Length of the plain bytes.
    pub size_bytes: i64,
    /// The data key under the master key.
    pub wrapped_key: Vec<u8>,
}

impl Blobs {
    /// Opens the configured store.
    ///
    /// # Errors
    /// The folder cannot be made, or the store's settings are wrong.
    pub fn open(config: &Config, master: MasterKey) -> Result<Self> {
        let store: Arc<dyn ObjectStore> = match &config.blobs {
            BlobConfig::Local => {
                let directory: PathBuf = config.data_directory.join("blobs");
                private_directory(&directory)?;
                Arc::new(
                    LocalFileSystem::new_with_prefix(&directory)
                        .map_err(|why| Error::dependency("opening the blob folder", why))?,
                )
            }
            BlobConfig::S3 { bucket, region, endpoint } => {
                open_s3(bucket, region, endpoint.as_deref())?
            }
        };
        Ok(Self { store, master })
    }

    /// Encrypts and stores. Two uploads of the same bytes at once are harmless: each object is named after
    /// its own wrapped key, so that whichever key the database keeps finds its own ciphertext.
    ///
    /// # Errors
    /// The store refuses.
    pub async fn put(&self, plain: &[u8]) -> Result<Sealed> {
        let digest = digest_of(plain);
        let key = random_key();
        let cipher = seal(&key, plain, digest.as_bytes())?;
        let wrapped_key =
            seal(self.master.expose(), key.as_ref(), wrap_context(&digest).as_bytes())?;
        self.store
            .put(&object_path(&digest, &wrapped_key), PutPayload::from(cipher))
            .await
            .map_err(|why| Error::dependency("storing a blob", why))?;
        let size_bytes = i64::try_from(plain.len()).map_err(Error::bug)?;
        Ok(Sealed { digest, size_bytes, wrapped_key })
    }

    /// The encrypted bytes, for a process that gets the data key another way.
    ///
    /// # Errors
    /// The store does not have it.
    pub async fn ciphertext(&self, digest: &str, wrapped_key: &[u8]) -> Result<Vec<u8>> {
        let got = self
            .store
            .get(&object_path(digest, wrapped_key))
            .await
            .map_err(|why| Error::dependency(format!("reading blob {digest}"), why))?;
        let bytes = got
            .bytes()
            .await
            .map_err(|why| Error::dependency(format!("reading blob {digest}"), why))?;
        Ok(bytes.to_vec())
    }

    /// The data key of a blob.
    ///
    /// # Errors
    /// The wrapped key is damaged or belongs to another blob.
    pub fn data_key(&self, digest: &str, wrapped_key: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let plain = open(self.master.expose(), wrapped_key, wrap_context(digest).as_bytes())
            .map_err(|_| {
                Error::Integrity(format!("the data key of blob {digest} does not open"))
            })?;
        let key = <[u8; 32]>::try_from(plain.as_slice()).map_err(Error::bug)?;
        Ok(Zeroizing::new(key))
    }

    /// The plain bytes, checked against their address.
    ///
    /// # Errors
    /// Missing, altered, or under another key.
    pub async fn get(&self, digest: &str, wrapped_key: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.data_key(digest, wrapped_key)?;
        let cipher = self.ciphertext(digest, wrapped_key).await?;
        open_blob(&key, &cipher, digest)
    }
}

/// Decrypts a blob and checks its digest.
///
/// # Errors
/// Altered bytes, another key, or another address.
pub fn open_blob(key: &[u8; 32], cipher: &[u8], digest: &str) -> Result<Zeroizing<Vec<u8>>> {
    let plain = open(key, cipher, digest.as_bytes())
        .map_err(|_| Error::Integrity(format!("blob {digest} was altered or its key is wrong")))?;
    if digest_of(&plain) != digest {
        return Err(Error::Integrity(format!("blob {digest} does not match its address")));
    }
    Ok(plain)
}

fn wrap_context(digest: &str) -> String {
    format!("blob.wrapped_key:{digest}")
}

/// Two uploads of the same bytes at once have two keys: each object is named after its own.
fn object_path(digest: &str, wrapped_key: &[u8]) -> ObjectPath {
    let key_name = &digest_of(wrapped_key)[..16];
    ObjectPath::from(format!("{}/{digest}.{key_name}", &digest[..2]))
}

fn cipher_of(key: &[u8; 32]) -> Result<LessSafeKey> {
    let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::bug("AES key length"))?;
    Ok(LessSafeKey::new(unbound))
}

/// Random 96-bit nonce in front; a key seals one message, so nonces cannot collide in practice.
fn seal(key: &[u8; 32], plain: &[u8], context: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE_LEN] = random_bytes();
    let mut sealed = plain.to_vec();
    cipher_of(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(context),
            &mut sealed,
        )
        .map_err(|_| Error::bug("AES-GCM refused to seal"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(key: &[u8; 32], sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let damaged = || Error::Integrity("an encrypted value was altered or its key is wrong".into());
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher_of(key)?
        .open_in_place(nonce, Aad::from(context), &mut body)
        .map_err(|_| damaged())?
        .len();
    body.truncate(length);
    Ok(body)
}

#[cfg(feature = "s3")]
fn open_s3(bucket: &str, region: &str, endpoint: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
    // Installing twice is not an error worth telling: the first provider stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder =
        object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket).with_region(region);
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(Arc::new(builder.build().map_err(|why| Error::invalid("blobs", why.to_string()))?))
}

#[cfg(not(feature = "s3"))]
fn open_s3(_: &str, _: &str, _: Option<&str>) -> Result<Arc<dyn ObjectStore>> {
    Err(Error::invalid("blobs.kind", "this build has no S3 support: build with the feature `s3`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_context() {
        let key = random_key();
        let sealed = seal(&key, b"salary", b"a").unwrap();
        assert_eq!(open(&key, &sealed, b"a").unwrap().as_slice(), b"salary");
        assert!(open(&key, &sealed, b"b").is_err());
        assert!(open(&random_key(), &sealed, b"a").is_err());
        for i in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[i] ^= 1;
            assert!(open(&key, &altered, b"a").is_err(), "byte {i}");
        }
        assert!(open(&key, &sealed[..5], b"a").is_err());
    }
}
