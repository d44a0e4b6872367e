//! What is sent to an origin behind the head.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Payload;
use crate::canonical::TextSink as _;
use crate::canonical::sha256::TextHash;

/// What happens to the body on its way to the origin. The default sends it as it came.
#[derive(Clone, Debug, Default)]
pub enum OriginBody {
    /// It goes as it came, and is what the client said of it.
    #[default]
    AsSent,
    /// Its aws-chunked framing is taken off: then the payload goes unsigned, in its decoded length.
    Unwrapped(Unwrapped),
    /// Another body goes in its place, or none: nothing that the client said of its own is true.
    Other(OtherBody),
}

/// A body that is not the client's.
#[derive(Clone, Debug)]
pub struct OtherBody {
    pub(crate) length: u64,
    pub(crate) payload: Payload,
    /// The value of Content-MD5.
    pub(crate) md5: Option<[u8; 24]>,
}

impl OtherBody {
    /// One that is known whole, empty for none at all. Its SHA-256 is signed.
    pub fn known(bytes: &[u8]) -> Self {
        let mut hash = TextHash::<2>::new();
        hash.put(bytes);
        let payload = Payload::of_digest(&hash.finish());
        Self { length: u64::try_from(bytes.len()).unwrap_or(u64::MAX), payload, md5: None }
    }

    /// One of which the length in bytes alone is known. It goes unsigned.
    pub fn of_length(length: u64) -> Self {
        Self { length, payload: Payload::Unsigned, md5: None }
    }

    /// The same with a Content-MD5, which S3 wants with some bodies.
    #[must_use]
    pub fn with_md5(self, md5: [u8; 16]) -> Self {
        let mut text = [0; 24];
        let written = STANDARD.encode_slice(md5, &mut text);
        Self { md5: written.is_ok().then_some(text), ..self }
    }
}

/// A body whose aws-chunked framing was taken off.
#[derive(Clone, Debug)]
pub struct Unwrapped {
    /// Length of the object in bytes.
    pub decoded_length: u64,
    /// Name and value of a checksum header for the object, if the trailer is known.
    pub checksum: Option<(Vec<u8>, Vec<u8>)>,
}
