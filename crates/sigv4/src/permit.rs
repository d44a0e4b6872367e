//! Leave to sign a request for an origin.

/// Proof that a head may be signed with an origin's key.
///
/// There are three ways to one: a request that was verified, the operator's explicit word, or a preflight, which is then
/// not signed at all.
#[derive(Clone, Debug)]
pub struct Permit(Kind);

/// Why the permit was given, and so where the client's authentication stands in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Verified in headers: the query is the client's and stays.
    Header,
    /// `s3_verify off`: wherever it looks as if it were.
    Off,
    /// A preflight, forwarded unsigned.
    Preflight,
    /// Verified in the query.
    Presigned,
    /// Verified in the query, Signature V2.
    V2Presigned,
}

impl Permit {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(kind)
    }

    /// For requests that the operator lets in unverified.
    pub fn verify_off() -> Self {
        Self(Kind::Off)
    }

    /// For a CORS preflight: an OPTIONS request, which browsers send without authentication (C7). It goes to the origin
    /// unsigned.
    pub fn preflight() -> Self {
        Self(Kind::Preflight)
    }

    pub(crate) fn kind(&self) -> Kind {
        self.0
    }
}
