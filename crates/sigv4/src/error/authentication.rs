//! Faults of what a request claims about its signer.

use std::fmt;

use crate::Timestamp;

/// What is wrong with the form of an Authorization header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// Not exactly `Credential`, `SignedHeaders` and `Signature`, each once (1.3 row 8).
    #[error("\"Authorization\" header has not exactly Credential, SignedHeaders and Signature")]
    Components,
    /// The Authorization header is longer than [`MAX_AUTHORIZATION`](crate::MAX_AUTHORIZATION) bytes (1.2).
    #[error("\"Authorization\" header is too long")]
    TooLong,
    /// The Authorization header's scheme is unknown (1.3 row 3).
    #[error("unsupported authorization scheme{}", SchemeName(.value))]
    UnsupportedScheme {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `Authorization: AWS` is not followed by an access key id, a colon and a signature (7).
    #[error("\"Authorization\" header of Signature Version 2 is malformed")]
    V2Malformed {
        /// The header's value.
        value: Vec<u8>,
    },
    /// No blank follows the scheme of the Authorization header, or the header is empty (1.3 row 2).
    #[error("\"Authorization\" header has no space after its scheme")]
    WithoutSpace {
        /// The header's value.
        value: Vec<u8>,
    },
}

/// What is wrong with a credential scope, in the order in which it is checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Not five parts between slashes (row 9).
    #[error("credential \"{}\" has not five parts", .value.escape_ascii())]
    Malformed {
        /// The whole credential.
        value: Vec<u8>,
    },
    /// The date is not a `yyyyMMdd` date (row 10).
    #[error("credential date \"{}\" is not a date", .value.escape_ascii())]
    Date {
        /// The date as sent.
        value: Vec<u8>,
    },
    /// The region is empty although regions are configured (row 11).
    #[error("credential region is empty")]
    RegionEmpty {
        /// The first configured region.
        expected: Vec<u8>,
    },
    /// The region is none of those that are configured (row 11).
    #[error("credential region \"{}\" is wrong, expecting \"{}\"", .value.escape_ascii(), .expected.escape_ascii())]
    Region {
        /// The region as sent.
        value: Vec<u8>,
        /// The first configured region.
        expected: Vec<u8>,
    },
    /// The service is not `s3` (row 12).
    #[error("credential service \"{}\" is not \"s3\"", .value.escape_ascii())]
    Service {
        /// The service as sent.
        value: Vec<u8>,
    },
    /// The last part is not `aws4_request` (row 13).
    #[error("credential ends in \"{}\"", .value.escape_ascii())]
    Terminal {
        /// The last part as sent.
        value: Vec<u8>,
    },
    /// The date is not the day of the request (row 14).
    #[error("credential date \"{}\" is not that of the request, {request}", .scope.escape_ascii())]
    DateMismatch {
        /// The scope's date.
        scope: Vec<u8>,
        /// The request's date.
        request: Timestamp,
    },
}

/// What is wrong with the way in which a request is authenticated, or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MechanismError {
    /// A known mechanism that is not enabled here (1.3 row 3b).
    #[error("{name} is not enabled")]
    Disabled {
        /// Its name for people: "Signature Version 2" and so on.
        name: &'static str,
    },
    /// Nothing in the request looks like authentication: an anonymous request (C7).
    #[error("request is not signed")]
    Missing,
    /// More than one authentication mechanism (1.1).
    #[error("more than one authentication mechanism")]
    Multiple {
        /// The Authorization header's value; empty if both mechanisms stand in the query.
        authorization: Vec<u8>,
    },
}

/// Why a signature is not proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// There is such an access key, but its time is over.
    #[error("access key \"{}\" has expired", .access_key.escape_ascii())]
    ExpiredAccessKey {
        /// The access key id as sent.
        access_key: Vec<u8>,
    },
    /// Right in every form, but not signed with the secret of this access key (1.3 row 18).
    #[error("signature of access key \"{}\" does not match", .access_key.escape_ascii())]
    Mismatch {
        /// The access key id that was named.
        access_key: Vec<u8>,
        /// What the client should have signed.
        string_to_sign: Vec<u8>,
        /// The signature as sent.
        provided: Vec<u8>,
        /// The canonical request; empty for Signature V2 and for chunks, which have none.
        canonical_request: Vec<u8>,
    },
    /// No such access key (1.3 row 16).
    #[error("unknown access key \"{}\"", .access_key.escape_ascii())]
    UnknownAccessKey {
        /// The access key id as sent.
        access_key: Vec<u8>,
    },
}

/// What is wrong with a session token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The session token is the right one but has expired (1.3 row 17).
    #[error("session token has expired")]
    Expired {
        /// The token as sent.
        token: Vec<u8>,
    },
    /// The session token is not that of the access key (1.3 row 17).
    #[error("session token does not belong to the access key")]
    Invalid {
        /// The token as sent.
        token: Vec<u8>,
    },
    /// A temporary access key without its session token (1.3 row 17).
    #[error("access key \"{}\" needs a session token", .access_key.escape_ascii())]
    Missing {
        /// The access key id.
        access_key: Vec<u8>,
    },
}

/// Longest scheme that is shown; that of SigV4A has 23 bytes.
const MAX_SCHEME: usize = 24;

/// The scheme of an Authorization header, in quotes and after a blank, as far as it is one: of a value without the usual blank
/// the rest may be a signature.
struct SchemeName<'a>(&'a [u8]);

impl fmt::Display for SchemeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let length = self.0.iter().take_while(|byte| is_name(byte)).count();
        match self.0.get(..length).filter(|name| (1..=MAX_SCHEME).contains(&name.len())) {
            Some(name) => write!(f, " \"{}\"", name.escape_ascii()),
            None => Ok(()),
        }
    }
}
