//! Entry bundles: `uint16 length ‖ entry`, repeated.

use crate::AuditError;

/// The longest entry that its length field can announce, in bytes.
pub const ENTRY_LENGTH_MAX: usize = u16::MAX as usize;

/// Concatenates entries, each behind its big-endian length.
///
/// # Errors
/// [`AuditError::TooLong`] if an entry exceeds [`ENTRY_LENGTH_MAX`].
pub fn encode_bundle<T: AsRef<[u8]>>(entries: &[T]) -> Result<Vec<u8>, AuditError> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|e| e.as_ref().len() + 2).sum());
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| AuditError::TooLong {
            what: "entry",
            length: entry.len(),
            limit: ENTRY_LENGTH_MAX,
        })?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(entry);
    }
    Ok(bytes)
}

/// Splits a bundle into its entries, however many there are.
///
/// # Errors
/// [`AuditError::Malformed`] if the last entry is cut off.
pub fn decode_bundle(bytes: &[u8]) -> Result<Vec<&[u8]>, AuditError> {
    match split_bundle(bytes) {
        (entries, []) => Ok(entries),
        (entries, rest) => Err(AuditError::malformed(
            "entry bundle",
            format_args!("{} bytes after entry {} are cut off", rest.len(), entries.len()),
        )),
    }
}

/// The complete entries at the front, and the bytes after them that make no entry.
pub(crate) fn split_bundle(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut entries, mut rest) = (Vec::with_capacity(256), bytes);
    while let Some((length, after)) = rest.split_first_chunk() {
        let Some((entry, after)) = after.split_at_checked(u16::from_be_bytes(*length).into())
        else {
            break;
        };
        entries.push(entry);
        rest = after;
    }
    (entries, rest)
}
