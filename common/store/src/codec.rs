//! How values become bytes in log, snapshot and peer messages: postcard, after one byte that says which version.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of everything that this build writes.
const VERSION: u8 = 1;

/// Why bytes are not the value that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodecError {
    #[error("nothing there")]
    Empty,
    #[error("format {0} is not known to this build, which reads format {VERSION}")]
    Version(u8),
    #[error("not readable: {0}")]
    Contents(postcard::Error),
    #[error("{0} bytes too many")]
    Rest(usize),
}

/// Encodes.
///
/// # Errors
/// When the value has a shape that postcard cannot carry: none of ours has.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    postcard::to_extend(value, vec![VERSION]).map_err(CodecError::Contents)
}

/// Decodes what [`encode`] made.
///
/// # Errors
/// When the bytes are anything else.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&VERSION, contents)) => {
            let (value, rest) =
                postcard::take_from_bytes(contents).map_err(CodecError::Contents)?;
            if rest.is_empty() {
                Ok(value)
            } else {
                Err(CodecError::Rest(rest.len()))
            }
        }
        Some((&version, _)) => Err(CodecError::Version(version)),
    }
}
