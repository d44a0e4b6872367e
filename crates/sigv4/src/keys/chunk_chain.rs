//! The chain of chunk signatures of a signed streaming payload.
//!
//! Each chunk signs the signature before it, the first one that of the request, so that chunks can be neither dropped nor
//! swapped. One chain verifies what a client sent; another one, seeded with the signature toward the origin, signs the same
//! chunks anew. The arithmetic only: framing is the business of `aws_chunked`.

use crate::Timestamp;
use crate::bytes::hex;
use crate::canonical::string_to_sign::StringToSign;
use crate::keys::signing_key::SigningKey;
use crate::payload::EMPTY_SHA256;

const CHUNK: &[u8] = b"AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER: &[u8] = b"AWS4-HMAC-SHA256-TRAILER";
/// Stands for headers of a chunk, which do not exist.
const EMPTY: &[u8] = EMPTY_SHA256;

/// Where the chain stands: the key, its scope, and the signature that comes before the next chunk's.
#[derive(Clone, Debug)]
pub struct ChunkChain {
    key: SigningKey,
    date: Timestamp,
    scope: Vec<u8>,
    access_key: Vec<u8>,
    previous: [u8; 64],
}

/// A chunk's or trailer's signature that is not the one it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMismatch;

impl std::error::Error for ChunkMismatch {}

impl std::fmt::Display for ChunkMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("chunk signature does not match")
    }
}

impl ChunkChain {
    pub(crate) fn new(
        key: SigningKey,
        date: Timestamp,
        scope: Vec<u8>,
        access_key: &[u8],
        seed: [u8; 64],
    ) -> Self {
        Self { key, date, scope, access_key: access_key.to_vec(), previous: seed }
    }

    /// Signs the next chunk, given the SHA-256 of its data; the zero chunk hashes nothing.
    pub fn chunk(&mut self, data_sha256: &[u8; 32]) -> [u8; 64] {
        let hash = hex::encode(data_sha256);
        self.previous = self.with_chunk(&hash, |chain, string| chain.key.sign(string));
        self.previous
    }

    /// Verifies the next chunk, in constant time, and moves on if it is right.
    ///
    /// # Errors
    ///
    /// The claimed signature is not that of a chunk with this data at this place. The chain stays where it was.
    pub fn verify_chunk(
        &mut self,
        data_sha256: &[u8; 32],
        claimed: &[u8; 64],
    ) -> Result<(), ChunkMismatch> {
        let hash = hex::encode(data_sha256);
        if !self.with_chunk(&hash, |chain, string| chain.key.verify(string, claimed)) {
            return Err(ChunkMismatch);
        }
        self.previous = *claimed;
        Ok(())
    }

    /// Signs the trailer that follows the zero chunk, given the SHA-256 of its block of `name:value\n` lines.
    pub fn trailer(&self, block_sha256: &[u8; 32]) -> [u8; 64] {
        let hash = hex::encode(block_sha256);
        self.with_trailer(&hash, |string| self.key.sign(string))
    }

    /// Verifies the trailer's signature, in constant time.
    ///
    /// # Errors
    ///
    /// The claimed signature is not that of this trailer.
    pub fn verify_trailer(
        &self,
        block_sha256: &[u8; 32],
        claimed: &[u8; 64],
    ) -> Result<(), ChunkMismatch> {
        let hash = hex::encode(block_sha256);
        if self.with_trailer(&hash, |string| self.key.verify(string, claimed)) {
            Ok(())
        } else {
            Err(ChunkMismatch)
        }
    }

    /// What the client should have signed for the next chunk, for error documents.
    pub fn chunk_string_to_sign(&self, data_sha256: &[u8; 32]) -> Vec<u8> {
        self.with_chunk(&hex::encode(data_sha256), |_, string| string.to_vec())
    }

    /// What the client should have signed for the trailer, for error documents.
    pub fn trailer_string_to_sign(&self, block_sha256: &[u8; 32]) -> Vec<u8> {
        self.with_trailer(&hex::encode(block_sha256), |string| string.to_vec())
    }

    /// The access key id whose chain this is.
    pub fn access_key(&self) -> &[u8] {
        &self.access_key
    }

    fn with_chunk<R>(
        &self,
        hash: &[u8; 64],
        then: impl FnOnce(&Self, &StringToSign<'_, 1>) -> R,
    ) -> R {
        let chain = [self.previous.as_slice(), EMPTY];
        then(self, &self.string_to_sign(CHUNK, &chain, hash))
    }

    fn with_trailer<R>(&self, hash: &[u8; 64], then: impl FnOnce(&StringToSign<'_, 1>) -> R) -> R {
        then(&self.string_to_sign(TRAILER, &[self.previous.as_slice()], hash))
    }

    fn string_to_sign<'a>(
        &'a self,
        label: &'a [u8],
        chain: &'a [&'a [u8]],
        hash: &'a [u8; 64],
    ) -> StringToSign<'a, 1> {
        StringToSign { label, date: self.date, scope: [&self.scope], chain, hash }
    }
}
