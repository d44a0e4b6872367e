//! The checksums that S3 takes as a trailer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::BodyError;
use crate::canonical::sha256;

/// Longest digest, that of SHA-512, in bytes.
const MAX_DIGEST: usize = 64;

/// A checksum that may be declared in `x-amz-trailer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// CRC-32 of zlib and Ethernet.
    Crc32,
    /// CRC-32C, Castagnoli.
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// MD5; only passed on.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512; only passed on.
    Sha512,
    /// XXH3 with 128 bits; only passed on.
    XxHash128,
    /// XXH3 with 64 bits; only passed on.
    XxHash3,
    /// XXH64; only passed on.
    XxHash64,
}

impl ChecksumAlgorithm {
    const ALL: [Self; 10] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::XxHash128,
        Self::XxHash3,
        Self::XxHash64,
    ];

    /// The checksum that a trailer of this name, in any case, holds.
    pub fn of_trailer(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.trailer().as_bytes()))
    }

    /// Name of the trailer, which is that of the header too.
    pub fn trailer(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Md5 => "x-amz-checksum-md5",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
            Self::XxHash128 => "x-amz-checksum-xxhash128",
            Self::XxHash3 => "x-amz-checksum-xxhash3",
            Self::XxHash64 => "x-amz-checksum-xxhash64",
        }
    }

    /// Length of the digest in bytes.
    fn digest_len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme | Self::XxHash3 | Self::XxHash64 => 8,
            Self::Md5 | Self::XxHash128 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Reads a trailer's value; `None` if it is not base64 of a digest of this algorithm.
    pub(super) fn decode(self, value: &[u8]) -> Option<DigestValue> {
        // The decoder asks for room in whole groups of three bytes.
        let mut bytes = [0; MAX_DIGEST + 2];
        let len = STANDARD.decode_slice(value, &mut bytes).ok()?;
        (len == self.digest_len()).then_some(())?;
        DigestValue::new(bytes.get(..len)?)
    }
}

/// A digest of any of the algorithms.
#[derive(Clone, Copy)]
pub(super) struct DigestValue {
    bytes: [u8; MAX_DIGEST],
    len: usize,
}

impl DigestValue {
    fn new(digest: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_DIGEST];
        bytes.get_mut(..digest.len())?.copy_from_slice(digest);
        Some(Self { bytes, len: digest.len() })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The one base64 form of the digest: what [`ChecksumAlgorithm::decode`] accepted was this
    /// text.
    pub(super) fn base64(&self) -> String {
        encode(self.as_bytes())
    }
}

/// A checksum as it is calculated over streaming data.
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    state: ChecksumState,
}

enum ChecksumState {
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Crc64Nvme(crc64fast_nvme::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Starts a checksum; `None` if this algorithm is only passed on.
    pub fn new(algorithm: ChecksumAlgorithm) -> Option<Self> {
        let state = match algorithm {
            ChecksumAlgorithm::Crc32 => ChecksumState::Crc32(crc32fast::Hasher::new()),
            ChecksumAlgorithm::Crc32c => ChecksumState::Crc32c(0),
            ChecksumAlgorithm::Crc64Nvme => ChecksumState::Crc64Nvme(crc64fast_nvme::Digest::new()),
            ChecksumAlgorithm::Sha1 => ChecksumState::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => ChecksumState::Sha256(Sha256::new()),
            ChecksumAlgorithm::Md5
            | ChecksumAlgorithm::Sha512
            | ChecksumAlgorithm::XxHash128
            | ChecksumAlgorithm::XxHash3
            | ChecksumAlgorithm::XxHash64 => return None,
        };
        Some(Self { algorithm, state })
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.state {
            ChecksumState::Crc32(hasher) => hasher.update(data),
            ChecksumState::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, data),
            ChecksumState::Crc64Nvme(digest) => digest.write(data),
            ChecksumState::Sha1(hash) => hash.update(data),
            ChecksumState::Sha256(hash) => sha256::add(hash, data),
        }
    }

    /// Compares the checksum of all data with what the client sent.
    ///
    /// # Errors
    ///
    /// [`BodyError::ChecksumMismatch`].
    pub(super) fn verify(self, sent: &DigestValue) -> Result<(), BodyError> {
        let name = self.algorithm.trailer();
        self.with_digest(|digest| {
            if digest == sent.as_bytes() {
                return Ok(());
            }
            let (expected, calculated) = (sent.base64(), encode(digest));
            Err(BodyError::ChecksumMismatch { name, expected, calculated })
        })
    }

    /// The checksum of all data as headers have it, in base64.
    pub fn base64(self) -> String {
        self.with_digest(encode)
    }

    fn with_digest<T>(self, read: impl FnOnce(&[u8]) -> T) -> T {
        match self.state {
            ChecksumState::Crc32(hasher) => read(&hasher.finalize().to_be_bytes()),
            ChecksumState::Crc32c(crc) => read(&crc.to_be_bytes()),
            ChecksumState::Crc64Nvme(digest) => read(&digest.sum64().to_be_bytes()),
            ChecksumState::Sha1(hash) => read(&hash.finalize()),
            ChecksumState::Sha256(hash) => read(&hash.finalize()),
        }
    }
}

fn encode(digest: &[u8]) -> String {
    // Four characters for each group of three bytes.
    let mut text = [0; MAX_DIGEST.div_ceil(3) * 4];
    let len = STANDARD.encode_slice(digest, &mut text).unwrap_or(0);
    String::from_utf8_lossy(text.get(..len).unwrap_or_default()).into_owned()
}
