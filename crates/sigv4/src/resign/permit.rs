//! Leave to sign a request for an origin.

use std::sync::Arc;

use crate::bytes;
use crate::header;

/// Proof that a head may be signed with an origin's key.
///
/// There are three ways to one: a request that was verified, the operator's explicit word, or a preflight, which is then
/// not signed at all.
#[derive(Clone, Debug)]
pub struct Permit {
    kind: PermitKind,
    /// Lower-case names of headers that came unsigned and may not be signed for the origin; none in nearly all requests.
    dropped: Option<Arc<[Vec<u8>]>>,
}

/// Why the permit was given, and so where the client's authentication stands in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PermitKind {
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
    pub(crate) fn new(kind: PermitKind, dropped: Option<Arc<[Vec<u8>]>>) -> Self {
        Self { kind, dropped }
    }

    /// For requests that the operator lets in unverified.
    pub fn verify_off() -> Self {
        Self::new(PermitKind::Off, None)
    }

    /// For a CORS preflight: an OPTIONS request, which browsers send without authentication (C7). It goes to the origin
    /// unsigned.
    pub fn preflight() -> Self {
        Self::new(PermitKind::Preflight, None)
    }

    pub(crate) fn kind(&self) -> PermitKind {
        self.kind
    }

    /// Whether there may be headers that must not be sent on. Nearly all requests come without.
    #[inline]
    pub(crate) fn drops_any(&self) -> bool {
        self.dropped.is_some() || self.kind == PermitKind::Off
    }

    /// Whether a header must not be sent on: one that an intermediary added, which nobody has signed.
    #[inline]
    pub(crate) fn drops(&self, name: &[u8]) -> bool {
        self.drops_any() && self.is_dropped(name)
    }

    fn is_dropped(&self, name: &[u8]) -> bool {
        match (&self.dropped, self.kind) {
            (Some(dropped), _) => dropped.iter().any(|own| bytes::eq_ignore_ascii_case(name, own)),
            // Nothing was verified, so nobody says which headers those are; one of them is known.
            (None, PermitKind::Off) => {
                bytes::eq_ignore_ascii_case(name, header::X_AMZ_CF_ID.as_bytes())
            }
            (None, _) => false,
        }
    }
}
