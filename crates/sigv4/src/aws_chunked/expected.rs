//! What a body is held against: its head's word, the chain of its signatures, the operator's rules.

use super::{ChecksumAlgorithm, DEFAULT_MAX_CHUNK, Framing, S3_MIN_CHUNK};
use crate::ChunkChain;

/// What of a body is signed, and by which chain.
pub enum Scheme {
    /// Every chunk; the chain begins with the signature of the request.
    Signed(ChunkChain),
    /// Every chunk and the trailer.
    SignedTrailer(ChunkChain),
    /// Nothing.
    UnsignedTrailer,
    /// Whatever the frames hold is signed with keys that are not known here, for a proxy that was
    /// told not to verify. Everything but signatures is checked; chunks are hashed, so that they
    /// can be signed anew.
    Unverified(Framing),
}

impl Scheme {
    /// The grammar of such a body.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Signed(_) => Framing::Signed,
            Self::SignedTrailer(_) => Framing::SignedTrailer,
            Self::UnsignedTrailer => Framing::UnsignedTrailer,
            Self::Unverified(framing) => *framing,
        }
    }
}

/// What the head of the request said about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDeclaration {
    /// `Content-Length`, in bytes: the frames and all; none if only the end of the message tells.
    pub content_length: Option<u64>,
    /// `x-amz-decoded-content-length`, in bytes.
    pub decoded_length: u64,
    /// `x-amz-trailer`, by [`ChecksumAlgorithm::of_trailer`].
    pub trailer: Option<ChecksumAlgorithm>,
}

/// How strictly a body is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Largest signed chunk, in bytes.
    pub max_chunk: u64,
    /// Smallest signed chunk that is not the last one, in bytes; 0 for origins that have no such
    /// rule.
    pub min_chunk: u64,
    /// Whether the checksum in the trailer is calculated. Otherwise its presence, name, form and
    /// signature are checked, and the arithmetic is left to the origin, which gets the same
    /// trailer. Always done where the trailer is taken off.
    pub verify_checksum: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_chunk: DEFAULT_MAX_CHUNK, min_chunk: S3_MIN_CHUNK, verify_checksum: false }
    }
}
