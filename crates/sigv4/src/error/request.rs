//! Faults of target, query and headers.

use std::fmt;

use crate::Mechanism;

/// What is wrong with a header, or with a parameter that stands for one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A header, and a query parameter that stands for the same header, say different things (4).
    #[error("header \"{}\" contradicts the query parameter", .name.escape_ascii())]
    ContradictsQuery {
        /// The header's name, lower case.
        name: Vec<u8>,
    },
    /// The Host header names another host than a target in absolute form, or `:authority`, does: one of them is signed, the
    /// other may route.
    #[error("host of the request target is not that of the \"Host\" header, \"{}\"", .host.escape_ascii())]
    ContradictsTarget {
        /// The Host header's value.
        host: Vec<u8>,
    },
    /// A header value holds a control byte other than the tab (2.5).
    #[error("control byte in header \"{}\"", .name.escape_ascii())]
    ControlByte {
        /// The header's name as received, or of the query parameter that stands for it.
        name: Vec<u8>,
    },
    /// The Host is below one of [`Policy::hosts`](crate::Policy::hosts), as in virtual-host style, and no
    /// [`Policy::domains`](crate::Policy::domains) are served: its path would name another bucket than its host.
    #[error("host \"{}\" is in virtual-host style, and no domain is served", .host.escape_ascii())]
    HostBelowServed {
        /// The Host header's value.
        host: Vec<u8>,
    },
    /// The Host is not one of [`Policy::hosts`](crate::Policy::hosts) (C5).
    #[error("host \"{}\" is not served", .host.escape_ascii())]
    HostNotServed {
        /// The Host header's value; empty if there was none.
        host: Vec<u8>,
    },
    /// The Host is neither one of [`Policy::domains`](crate::Policy::domains), nor below one, nor one of
    /// [`Policy::hosts`](crate::Policy::hosts).
    #[error("host \"{}\" is in no domain that is served", .host.escape_ascii())]
    HostOutsideDomains {
        /// The Host header's value; empty if there was none.
        host: Vec<u8>,
    },
    /// A header that may not be given as a query parameter (5).
    #[error("header \"{}\" may not stand in the query", .name.escape_ascii())]
    NotAllowedInQuery {
        /// The header's name, lower case.
        name: Vec<u8>,
    },
    /// Headers that must be signed are not (C3; 1.3 row 15).
    #[error("headers are not signed: {}", NameList(.names))]
    NotSigned {
        /// Their names, lower case, in order of arrival.
        names: Vec<Vec<u8>>,
    },
    /// A header that must be unique came twice (C4).
    #[error("header \"{}\" is repeated", .name.escape_ascii())]
    Repeated {
        /// The header's name, lower case.
        name: Vec<u8>,
        /// The second value.
        value: Vec<u8>,
    },
    /// The list of signed headers is not sorted, unique, lower case, or has something else than names (1.2).
    #[error("malformed list of signed headers \"{}\"", .value.escape_ascii())]
    SignedHeadersMalformed {
        /// Where the list stood: [`Mechanism::Header`] or [`Mechanism::Presigned`].
        mechanism: Mechanism,
        /// The list as sent.
        value: Vec<u8>,
    },
}

/// What is wrong with the parameters of a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// `X-Amz-Algorithm` is neither the HMAC nor the ECDSA algorithm (1.4 row 1).
    #[error("unsupported X-Amz-Algorithm \"{}\"", .value.escape_ascii())]
    AlgorithmUnsupported {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// A query parameter that belongs to presigned authentication stands in the query twice (C4).
    #[error("authentication parameter \"{}\" is repeated", .name.escape_ascii())]
    AuthenticationRepeated {
        /// The parameter's name.
        name: Vec<u8>,
    },
    /// Some of the parameters of presigned authentication, but not all (1.4 row 2, C6).
    #[error("incomplete parameters of query authentication")]
    Incomplete,
    /// A query parameter without a name (2.3).
    #[error("query parameter without a name")]
    NameEmpty,
    /// Query parameters that Signature V2 does not sign and that could select another operation (7).
    #[error("query parameters are not signed: {}", NameList(.names))]
    NotSigned {
        /// Their names.
        names: Vec<Vec<u8>>,
    },
    /// A query parameter that occurs twice (C4).
    #[error("query parameter \"{}\" is repeated", .name.escape_ascii())]
    Repeated {
        /// Its name.
        name: Vec<u8>,
    },
    /// More than [`MAX_PARAMETERS`](crate::MAX_PARAMETERS) query parameters (1.2).
    #[error("too many query parameters")]
    TooMany,
    /// Some of `AWSAccessKeyId`, `Expires` and `Signature`, but not all (1.1).
    #[error("incomplete parameters of Signature Version 2 query authentication")]
    V2Incomplete,
    /// The name of an authentication parameter in another case (2.3).
    #[error("authentication parameter \"{}\" in another case", .name.escape_ascii())]
    WrongCase {
        /// The name as received, decoded.
        name: Vec<u8>,
    },
}

/// What is wrong with a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// `%` without two hexadecimal digits.
    #[error("broken percent-escape in request target")]
    BrokenEscape,
    /// `%2F` in the bucket's segment: one parser's bucket would be another's bucket and key.
    #[error("escaped slash in the bucket of the request target")]
    EscapedSlashInBucket,
    /// The object key is longer than 1024 bytes, decoded (1.5).
    #[error("object key of {size} bytes exceeds {max} bytes")]
    KeyTooLong {
        /// Length of the key in bytes.
        size: usize,
        /// Longest key that is accepted, in bytes.
        max: usize,
    },
    /// Does not begin with a slash.
    #[error("request target does not begin with a slash")]
    NotOriginForm,
    /// A NUL byte in the path.
    #[error("NUL in request target")]
    Nul,
}

/// NameList in a row.
struct NameList<'a>(&'a [Vec<u8>]);

impl fmt::Display for NameList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{}", name.escape_ascii())?;
        }
        Ok(())
    }
}
