//! What can be wrong with a request's signature: facts, and no S3 error codes.
//!
//! A reason holds what an error document wants to show, as owned bytes. The code, the status and the log level follow from it
//! elsewhere, in one `match`. [`Display`](std::fmt::Display) gives a log line without secrets; it stands at each reason.

mod authentication;
mod declared;
mod request;

pub use authentication::{
    AuthorizationError, CredentialError, MechanismError, SignatureError, TokenError,
};
pub use declared::{PayloadError, TimeError};
pub use request::{HeaderError, QueryError, TargetError};

use crate::Mechanism;

/// A text as an error shows it. Out of the way, and with it what leads here: nearly no request does.
#[cold]
#[inline(never)]
pub(crate) fn shown(text: &[u8]) -> Vec<u8> {
    text.to_vec()
}

/// Why a request was not accepted. Sections are those of the protocol reference (order of checks: 1.3 and 1.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Authorization header is not in the form that it has to have (1.2).
    #[error(transparent)]
    Authorization(#[from] AuthorizationError),
    /// The credential scope is wrong (1.3 rows 9 to 14; 1.4 rows 7 and 8).
    #[error("{reason}")]
    Credential {
        /// Where the credential stood: [`Mechanism::Header`] or [`Mechanism::Presigned`].
        mechanism: Mechanism,
        /// What is wrong with it.
        reason: CredentialError,
    },
    /// A header is not as it has to be, or not signed (C3, C4).
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// There is no authentication, more than one, or one that is not enabled (1.1).
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
    /// What the head declares about the body cannot be (1.5, 3).
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A query parameter is not as it has to be (1.4, 2.3).
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Right in every form, but not signed with a key that is known (1.3 rows 16 and 18).
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The target has no canonical form (2.2).
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The request comes too late, too early, or without a date (1.3 rows 6 and 7, 1.4 rows 3 to 6).
    #[error(transparent)]
    Time(#[from] TimeError),
    /// The session token is not that of the access key (1.3 row 17).
    #[error(transparent)]
    Token(#[from] TokenError),
}
