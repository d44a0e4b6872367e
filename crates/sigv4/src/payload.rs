//! What a request says about its body: `x-amz-content-sha256` and `x-amz-trailer`.

use crate::Error;
use crate::PayloadError;
use crate::bytes::hex;
use crate::error::shown;
use crate::header::trim;

/// Payload line of a request whose body is not signed.
pub(crate) const UNSIGNED: &[u8] = b"UNSIGNED-PAYLOAD";
/// SHA-256 of nothing.
pub(crate) const EMPTY_SHA256: &[u8] =
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const STREAMING: &[u8] = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const STREAMING_TRAILER: &[u8] = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const STREAMING_UNSIGNED: &[u8] = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const ECDSA: [&[u8]; 2] = [
    b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
];

/// How the body is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// The SHA-256 of the whole body is signed.
    Sha256(PayloadHash),
    /// Chunks, each with a signature.
    StreamingSigned,
    /// Chunks, each with a signature, and a signed trailer.
    StreamingSignedTrailer,
    /// Chunks without signatures, and perhaps a trailer with a checksum.
    StreamingUnsignedTrailer,
    /// Nothing about the body is signed.
    Unsigned,
}

/// A SHA-256 that a client claims, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadHash {
    text: [u8; 64],
}

impl PayloadHash {
    /// The 32 bytes that the body has to hash to.
    pub fn digest(&self) -> [u8; 32] {
        hex::value(&self.text)
    }

    /// The 64 hexadecimal digits as sent: this text, in this case of letters, is what was signed.
    pub fn as_sent(&self) -> &[u8; 64] {
        &self.text
    }
}

impl Payload {
    /// Of the value of `x-amz-content-sha256`. Keywords are case-sensitive, digits are not (1.3 row 5).
    ///
    /// # Errors
    ///
    /// [`PayloadError::EcdsaStreaming`] for the keywords of SigV4A, else [`PayloadError::HashInvalid`].
    pub fn parse(value: &[u8]) -> Result<Self, Error> {
        if let Ok(text) = <[u8; 64]>::try_from(value) {
            // Most requests have no body.
            if text == EMPTY_SHA256 || hex::is_hex(&text) {
                return Ok(Self::Sha256(PayloadHash { text }));
            }
        }
        match value {
            UNSIGNED => Ok(Self::Unsigned),
            STREAMING => Ok(Self::StreamingSigned),
            STREAMING_TRAILER => Ok(Self::StreamingSignedTrailer),
            STREAMING_UNSIGNED => Ok(Self::StreamingUnsignedTrailer),
            _ if ECDSA.contains(&value) => {
                Err(Error::Payload(PayloadError::EcdsaStreaming { keyword: shown(value) }))
            }
            _ => Err(Error::Payload(PayloadError::HashInvalid { value: shown(value) })),
        }
    }

    pub(crate) fn of_digest(digest: &[u8; 32]) -> Self {
        Self::Sha256(PayloadHash { text: hex::encode(digest) })
    }

    /// The line in the canonical request: the value of `x-amz-content-sha256`.
    pub fn line(&self) -> &[u8] {
        match self {
            Self::Sha256(hash) => &hash.text,
            Self::StreamingSigned => STREAMING,
            Self::StreamingSignedTrailer => STREAMING_TRAILER,
            Self::StreamingUnsignedTrailer => STREAMING_UNSIGNED,
            Self::Unsigned => UNSIGNED,
        }
    }

    /// Whether the body is in aws-chunked framing. This keyword decides, not Content-Encoding.
    pub fn is_streaming(&self) -> bool {
        matches!(
            self,
            Self::StreamingSigned | Self::StreamingSignedTrailer | Self::StreamingUnsignedTrailer
        )
    }

    /// Whether every chunk has a signature.
    pub fn is_signed_streaming(&self) -> bool {
        matches!(self, Self::StreamingSigned | Self::StreamingSignedTrailer)
    }
}

/// Checksums that may come as a trailer.
const TRAILERS: [&str; 10] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-md5",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-sha512",
    "x-amz-checksum-xxhash128",
    "x-amz-checksum-xxhash3",
    "x-amz-checksum-xxhash64",
];

/// The one trailer that `x-amz-trailer` declares (3.4). A trailing comma is tolerated, as by AWS.
pub(crate) fn declared_trailer(value: &[u8]) -> Result<&'static str, Error> {
    let value = trim(value);
    let names = value.strip_suffix(b",").unwrap_or(value);
    let mut found = None;
    for name in names.split(|&b| b == b',').map(trim) {
        let known = TRAILERS.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        let Some(known) = known else {
            return Err(Error::Payload(PayloadError::TrailerUnsupported { value: shown(value) }));
        };
        if found.replace(*known).is_some() {
            return Err(Error::Payload(PayloadError::TrailerRepeated { value: shown(value) }));
        }
    }
    found.ok_or_else(|| Error::Payload(PayloadError::TrailerUnsupported { value: shown(value) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers() {
        let crc = "x-amz-checksum-crc32";
        for ok in ["x-amz-checksum-crc32", "X-Amz-Checksum-CRC32", " x-amz-checksum-crc32, "] {
            assert_eq!(declared_trailer(ok.as_bytes()), Ok(crc), "{ok}");
        }
        for bad in
            ["", ",", ",x-amz-checksum-crc32", "x-amz-checksum-crc32,,", "x-amz-meta-a", "crc32"]
        {
            let error = Error::Payload(PayloadError::TrailerUnsupported {
                value: trim(bad.as_bytes()).to_vec(),
            });
            assert_eq!(declared_trailer(bad.as_bytes()), Err(error), "{bad}");
        }
        let two = b"x-amz-checksum-crc32,x-amz-checksum-sha1";
        assert_eq!(
            declared_trailer(two),
            Err(Error::Payload(PayloadError::TrailerRepeated { value: two.to_vec() }))
        );
    }

    #[test]
    fn payload_lines_are_as_sent() {
        let upper = "AB".repeat(32);
        let payload = Payload::parse(upper.as_bytes()).unwrap();
        assert_eq!(payload.line(), upper.as_bytes());
        assert!(matches!(payload, Payload::Sha256(hash) if hash.digest() == [0xab; 32]));
        for keyword in [UNSIGNED, STREAMING, STREAMING_TRAILER, STREAMING_UNSIGNED] {
            assert_eq!(Payload::parse(keyword).unwrap().line(), keyword);
            let lower = keyword.to_ascii_lowercase();
            assert_eq!(
                Payload::parse(&lower),
                Err(Error::Payload(PayloadError::HashInvalid { value: lower }))
            );
        }
        for bad in [&upper.as_bytes()[1..], b"", "gg".repeat(32).as_bytes()] {
            assert!(matches!(
                Payload::parse(bad),
                Err(Error::Payload(PayloadError::HashInvalid { .. }))
            ));
        }
    }
}
