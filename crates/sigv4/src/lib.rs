//! AWS Signature Version 4 for S3, from the server's side: verify what a client signed, and sign it anew for an origin.
//!
//! Pure and sans-IO: requests come as borrowed bytes, time is an argument, nothing is logged, and no S3 error code is
//! known. The order of checks, and the numbers in comments, are those of the protocol reference, docs/protocol.md.
//!
//! ```
//! use sigv4::{Credential, Error, Header, Keyring, MechanismError, Policy, RequestParts, Secret, TargetBuffers, Timestamp};
//!
//! let mut keyring = Keyring::default();
//! keyring.insert(Credential::new("AKIDCLIENT", Secret::new("secret"), ()))?;
//!
//! let headers = [Header { name: b"Host", value: b"s3.example.com" }];
//! let request = RequestParts { method: b"GET", target: b"/bucket/key", headers: &headers };
//! let now = Timestamp::from_unix(1_773_576_000).unwrap();
//! let mut buffers = TargetBuffers::default();
//! let verdict = sigv4::verify(&request, &keyring, &Policy::default(), now, &mut buffers);
//! assert!(matches!(verdict, Err(Error::Mechanism(MechanismError::Missing))));
//! # Ok::<(), sigv4::DuplicateKey>(())
//! ```
//!
//! [`verify`](verify()) takes a head, a [`Keyring`] and a [`Policy`], and gives a [`Verified`]. Its body goes through an
//! [`aws_chunked::BodyFilter`]. [`resign`](resign()) writes the head for an origin, and an [`aws_chunked::Resigner`] signs the
//! chunks that follow it. The feature `http` adds `sigv4::http`, for requests of the `http` crate.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used
    )
)]

pub mod aws_chunked;
pub mod header;
#[cfg(feature = "http")]
pub mod http;
pub mod request_head;
pub mod target;

mod bytes;
mod canonical;
mod error;
mod keys;
mod mask;
mod mismatch;
mod payload;
mod request;
mod resign;
mod sign;
mod signature_v2;
mod timestamp;
mod verify;

pub use error::{
    AuthorizationError, CredentialError, Error, HeaderError, MechanismError, PayloadError,
    QueryError, SignatureError, TargetError, TimeError, TokenError,
};
pub use keys::Secret;
pub use keys::chunk_chain::{ChunkChain, ChunkMismatch};
pub use keys::credential::Credential;
pub use keys::keyring::{DuplicateKey, Keyring, is_usable_id};
pub use keys::origin_credential::OriginCredential;
pub use mask::mask;
pub use mismatch::{MismatchedRequest, mismatch_cause};
pub use payload::{Payload, PayloadHash};
pub use request::{Header, Mechanism, RequestParts};
pub use resign::error::ResignError;
pub use resign::lost_escapes::check_lines;
pub use resign::origin_body::{OriginBody, OtherBody, Unwrapped};
pub use resign::permit::Permit;
pub use resign::spelling::in_client_spelling;
pub use resign::unsigned::remove_unsigned;
pub use resign::{OriginRequest, Resigned, resign};
pub use sign::{SignedRequest, presign, presign_v2, sign_request};
pub use target::{Target, TargetBuffers, canonical_target, param};
pub use timestamp::{MONTHS, Timestamp};
pub use verify::explain::{Explanation, explain};
pub use verify::policy::Policy;
pub use verify::preflight::may_be_preflight;
pub use verify::verified::Verified;
pub use verify::verify;

/// Longest Authorization header in bytes; real ones have some hundreds. Bounds the work for unauthenticated clients.
pub const MAX_AUTHORIZATION: usize = 8192;
/// Longest validity of a presigned request in seconds: a week.
pub const MAX_EXPIRES: u64 = 604_800;
/// Longest object key in bytes, decoded.
pub const MAX_KEY: usize = 1024;
/// Most query parameters. Bounds the work for unauthenticated clients: parameters are sorted.
pub const MAX_PARAMETERS: usize = 500;
/// Most names in a list of signed headers. Bounds the work for unauthenticated clients: each is looked for in all headers.
pub const MAX_SIGNED_HEADERS: usize = 100;

/// The example in README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
