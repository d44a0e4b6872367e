//! Bodies in the `aws-chunked` coding, checked and passed on while they stream.
//!
//! A client that signs its body in pieces sends frames: a header line with the size of a chunk and,
//! in the signed modes, its signature, then the data; at the end an empty chunk and perhaps a
//! trailer with a checksum:
//!
//! ```text
//! signed   = 1*schunk szero ( CRLF / trailers tsig CRLF )
//! schunk   = size ";chunk-signature=" 64lhex CRLF data CRLF
//! szero    = "0;chunk-signature=" 64lhex CRLF
//! tsig     = "x-amz-trailer-signature:" 64lhex CRLF
//! unsigned = *uchunk "0" CRLF *trailer CRLF
//! uchunk   = size CRLF data CRLF
//! trailer  = name ":" [SP] value [LF] CRLF
//! size     = 1*16 hexdig, no sign, no 0x
//! ```
//!
//! The LF in a trailer is minio-go's; it is not sent on.
//!
//! Everything here is fed slices of any size and gives the same answer whatever way the bytes are
//! split. Nothing reads, writes, waits or logs. From the bottom up:
//!
//! * [`Decoder`] knows the grammar and its limits; its events hold the raw bytes of each frame.
//! * [`Verifier`] adds what is checked: chunk signatures, lengths, trailer, checksum.
//! * [`BodyFilter`] adds what is passed on, and when: nothing of a signed chunk before its
//!   signature is proven, and the end of the body only when all of it is. A [`PayloadDigest`] does
//!   the same for a body with one SHA-256.
//! * [`Resigner`] stands at the output and puts the origin's signatures in.
//!
//! # The signature field carries the hash
//!
//! A chunk's signature needs the SHA-256 of its data and the signature before it, and it stands in
//! front of the data. Which origin will get the body is known late, and after a failed attempt it
//! may become another one. So a [`BodyFilter`] that keeps the frames writes each proven chunk's
//! SHA-256, 64 hex digits, where the client's signature of 64 hex digits stood (and the hash of the
//! trailer block in place of the trailer signature). No length changes. The [`Resigner`] of
//! whatever origin takes the hash from there and leaves a signature. So each byte is hashed once,
//! no list of hashes grows with the object, and the frames may wait in memory or in a file and be
//! sent twice. Should the `Resigner` ever be forgotten, the origin refuses what it gets: a hash is
//! no signature.

mod checksum;
mod decoder;
mod error;
mod expected;
mod filter;
mod forward;
mod line;
mod payload_digest;
mod resigner;
mod sink;
mod verifier;

pub use checksum::{Checksum, ChecksumAlgorithm};
pub use decoder::{Decoder, Event, Framing};
pub use error::{BodyError, FrameError, TrailerError};
pub use expected::{BodyDeclaration, Rules, Scheme};
pub use filter::{BodyFilter, Progress};
pub use forward::Forward;
pub use line::{ChunkHeader, Trailer, TrailerSignature};
pub use payload_digest::PayloadDigest;
pub use resigner::Resigner;
pub use sink::Sink;
pub use verifier::{CheckedEvent, Verifier};

/// Longest line, CRLF included, in bytes. A chunk header needs 99; without a bound a body that
/// never ends its line would be collected without end.
pub const MAX_LINE: usize = 1024;

/// Most trailer lines, the signature's among them. One checksum and one signature are usual;
/// without a bound a body could go on for ever after its declared length.
pub const MAX_TRAILER_LINES: usize = 16;

/// Most bytes of all trailer lines together, CRLFs included; they are withheld, so this bounds
/// memory.
pub const MAX_TRAILER_BYTES: usize = 4096;

/// Default of the largest signed chunk, in bytes. A chunk is withheld until its signature is
/// proven, so without a bound a client could have as much memory as it declares.
pub const DEFAULT_MAX_CHUNK: u64 = 16 << 20;

/// Smallest size, in bytes, that S3 takes for a signed chunk that is not the last one; smaller ones
/// cost an HMAC each for next to no data.
pub const S3_MIN_CHUNK: u64 = 8192;

/// Length of a signature, and of a SHA-256, as hex digits.
pub(crate) const SIGNATURE_LEN: usize = 64;
