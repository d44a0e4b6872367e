//! AWS Signature Version 4 for S3, from the server's side: verify what a client signed, and sign it anew for an origin.
//!
//! Pure and sans-IO: requests come as borrowed bytes, time is an argument, nothing is logged, and no S3 error code is
//! known. The order of checks, and the numbers in comments, are those of the protocol reference, docs/protocol.md.
//!
//! ```
//! use sigv4::{Credential, Error, Header, Keyring, Policy, Request, Scratch, Secret, Timestamp};
//!
//! let mut keyring = Keyring::default();
//! keyring.insert(Credential::new("AKIDCLIENT", Secret::new("secret"), ()))?;
//!
//! let headers = [Header { name: b"Host", value: b"s3.example.com" }];
//! let request = Request { method: b"GET", target: b"/bucket/key", headers: &headers };
//! let now = Timestamp::from_unix(1_773_576_000).unwrap();
//! let mut scratch = Scratch::default();
//! let verdict = sigv4::verify(&request, &keyring, &Policy::default(), now, &mut scratch);
//! assert!(matches!(verdict, Err(Error::MissingAuthentication)));
//! # Ok::<(), sigv4::DuplicateKey>(())
//! ```

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
pub mod canonical;
pub mod header;
pub mod param;

mod announcement;
mod authorization;
mod canonical_request;
mod canonical_target;
mod chunk_chain;
mod claim;
mod connection;
mod credential;
mod credential_scope;
mod error;
mod explain;
mod fate;
mod framing;
mod head;
mod hex_text;
mod hoisted;
mod keyring;
mod mask;
mod origin;
mod origin_head;
mod payload;
mod permit;
mod policy;
mod preflight;
mod presigned;
mod query;
mod query_auth;
mod request;
mod resign;
mod scratch;
mod secret;
mod sha256;
mod sign;
mod signed_headers;
mod signing_key;
mod sink;
mod spelling;
mod string_to_sign;
mod timestamp;
mod v2;
mod verified;
mod verify;

pub use canonical_target::canonical_target;
pub use chunk_chain::{ChunkChain, ChunkMismatch};
pub use credential::Credential;
pub use error::{CredentialFault, Error, UriFault};
pub use explain::{Explanation, explain};
pub use keyring::{DuplicateKey, Keyring, is_usable_id};
pub use mask::mask;
pub use origin::OriginCredential;
pub use payload::{Payload, PayloadHash};
pub use permit::Permit;
pub use policy::Policy;
pub use preflight::may_be_preflight;
pub use request::{Header, Request};
pub use resign::{OriginBody, OtherBody, ResignError, Signed, Unwrapped, resign};
pub use scratch::Scratch;
pub use secret::Secret;
pub use sign::{SignedRequest, presign, presign_v2, sign_request};
pub use spelling::in_client_spelling;
pub use timestamp::Timestamp;
pub use verified::{Mechanism, Verified};
pub use verify::verify;

/// Longest Authorization header in bytes; real ones have some hundreds. Bounds the work for strangers.
pub const MAX_AUTHORIZATION: usize = 8192;
/// Longest validity of a presigned request in seconds: a week.
pub const MAX_EXPIRES: u64 = 604_800;
/// Longest object key in bytes, decoded.
pub const MAX_KEY: usize = 1024;
/// Most query parameters. Bounds the work for strangers: parameters are sorted.
pub const MAX_PARAMETERS: usize = 500;
/// Most names in a list of signed headers. Bounds the work for strangers: each is looked for in all headers.
pub const MAX_SIGNED_HEADERS: usize = 100;
