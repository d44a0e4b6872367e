//! Verification: the one place where a [`Verified`] is made.
//!
//! Whatever shows any sign of authentication must verify fully, or is refused (C6); whatever shows none is anonymous, which
//! is an error too, of its own kind.

pub(crate) mod authorization;
pub(crate) mod claim;
pub(crate) mod declared_body;
pub(crate) mod explain;
pub(crate) mod policy;
pub(crate) mod preflight;
pub(crate) mod presigned;
pub(crate) mod protocol_headers;
pub(crate) mod prove;
pub(crate) mod v2;
pub(crate) mod verified;

use std::sync::Arc;

use crate::bytes;
use crate::canonical::canonical_request::CanonicalRequest;
use crate::canonical::signed_headers::SignedHeaders;
use crate::canonical::signed_lines::SignedLines;
use crate::error::shown;
use crate::target::buffers::Strip;
use crate::target::hoisted;
use crate::target::query::Query;
use crate::verify::claim::Claim;
use crate::verify::declared_body::{DeclaredBody, RequestedObject};
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::verify::prove::Proven;
use crate::verify::v2::ClaimV2;
use crate::{
    Error, Header, HeaderError, Keyring, Mechanism, MechanismError, Policy, RequestParts, Target,
    TargetBuffers, Timestamp, Verified,
};

/// Verifies the signature of a request head: header or query authentication, Signature V4 or, where the policy says so,
/// V2.
///
/// The body is not looked at; what it has to be is in the answer.
///
/// # Errors
///
/// The first fault in the order of the reference (1.3, 1.4); faults of what the head declares about the body come after
/// the signature. [`MechanismError::Missing`] for a request that is not signed at all.
pub fn verify<'k, 'b, G>(
    request: &RequestParts<'_>,
    keyring: &'k Keyring<G>,
    policy: &Policy,
    now: Timestamp,
    buffers: &'b mut TargetBuffers,
) -> Result<Verified<'k, 'b, G>, Error> {
    let mut head = ProtocolHeaders::default();
    let parsed = Parsed::new(request, policy, &mut head, buffers)?;
    let target = parsed.target;
    // All that needs no key comes before all that does (1.3, 1.4): who cannot even say what they claim costs no HMAC.
    let claimed = parsed.claim(policy, Some(now));
    // Lent, since it is a quarter of a kilobyte.
    let claim = match claimed {
        Ok(ref claim) => claim,
        Err(error) => return Err(error),
    };
    let Proven { credential, date, payload, chunk_chain } = match claim {
        AnyClaim::V2(claim) => parsed.prove_v2(claim, keyring, policy, now)?,
        AnyClaim::V4(claim) => parsed.prove(claim, keyring, now)?,
    };
    // Before any header is judged below: what goes no further is nothing to be held against the request.
    let dropped = dropped(request, policy, claim.signed_headers());

    // From here on, faults are told to whoever has proven to hold a key: which hosts are served, how large an object may be,
    // and which headers a URL may carry is no business of an unauthenticated client. S3 answers in this order, too (1.5).
    let host = parsed.head.host.unwrap_or_default();
    policy.check_host(host).map_err(Error::Header)?;
    let is_sent = |header: &Header<'_>| !drops(dropped.as_deref(), header.name);
    hoisted::check(target, request.headers.iter().copied().filter(is_sent))?;
    let object = RequestedObject::new(target, parsed.virtual_bucket.is_some());
    let mechanism = parsed.mechanism;
    let DeclaredBody { decoded_length, trailer } =
        declared_body::check(request, parsed.head, target, mechanism, payload, object, policy)?;
    Ok(Verified {
        credential,
        mechanism,
        target,
        payload: *payload,
        decoded_length,
        trailer,
        date,
        chunk_chain,
        dropped,
    })
}

/// Whether a header is among those that go no further.
fn drops(dropped: Option<&[Vec<u8>]>, name: &[u8]) -> bool {
    let mut names = dropped.into_iter().flatten();
    names.any(|own| bytes::eq_ignore_ascii_case(name, own))
}

/// The headers that the policy ignores and the signature does not cover. Signature V2 (no list) covers none of them.
fn dropped(
    request: &RequestParts<'_>,
    policy: &Policy,
    signed: Option<&SignedHeaders<'_>>,
) -> Option<Arc<[Vec<u8>]>> {
    let is_unsigned = |name: &&Vec<u8>| {
        request.headers.iter().any(|header| bytes::eq_ignore_ascii_case(header.name, name))
            && !signed.is_some_and(|signed| signed.has(name))
    };
    // Nearly all requests come without.
    policy.ignored.iter().find(is_unsigned)?;
    Some(policy.ignored.iter().filter(is_unsigned).cloned().collect())
}

/// A request after one pass over its head.
pub(crate) struct Parsed<'a, 'b> {
    request: &'a RequestParts<'a>,
    pub(crate) target: Target<'b>,
    head: &'a ProtocolHeaders<'a>,
    pub(crate) mechanism: Mechanism,
    /// What follows the scheme in an Authorization header.
    components: &'a [u8],
    pub(crate) virtual_bucket: Option<&'a [u8]>,
}

/// A claim of either version.
pub(crate) enum AnyClaim<'a> {
    V2(ClaimV2<'a>),
    V4(Claim<'a>),
}

impl<'a> AnyClaim<'a> {
    /// The list of what is signed; Signature V2 has none.
    fn signed_headers(&self) -> Option<&SignedHeaders<'a>> {
        match self {
            Self::V2(_) => None,
            Self::V4(claim) => Some(&claim.signed_headers),
        }
    }
}

impl<'a, 'b> Parsed<'a, 'b> {
    pub(crate) fn new(
        request: &'a RequestParts<'a>,
        policy: &Policy,
        head: &'a mut ProtocolHeaders<'a>,
        buffers: &'b mut TargetBuffers,
    ) -> Result<Self, Error> {
        // First, so that no value is used of a header that came twice (C4): one would be signed and the other acted upon.
        head.scan(request.headers)?;
        let head = &*head;
        let virtual_bucket = head.host.and_then(|host| policy.virtual_bucket(host));
        let target = buffers.parse(request.target, virtual_bucket.is_some())?;
        // The query shows the mechanism, and that says which of its parameters are not the client's but the signature's.
        let (mechanism, components) = mechanism(head, policy, target.query())?;
        let target = target.split(match mechanism {
            Mechanism::Header | Mechanism::V2Header => Strip::Nothing,
            Mechanism::Presigned => Strip::V4,
            Mechanism::V2Presigned => Strip::V2,
        })?;
        Ok(Self { request, target, head, mechanism, components, virtual_bucket })
    }

    /// Checks all that can be known without a key. Without a clock, dates are not compared with it.
    pub(crate) fn claim<'s>(
        &self,
        policy: &Policy,
        now: Option<Timestamp>,
    ) -> Result<AnyClaim<'s>, Error>
    where
        'a: 's,
        'b: 's,
    {
        let head = self.head;
        match self.mechanism {
            Mechanism::Header => authorization::claim(self, policy, now),
            Mechanism::Presigned => presigned::claim(self, policy, now),
            Mechanism::V2Header => {
                v2::check_coverage(self.request.headers, policy)?;
                v2::header_claim(self.components, head, policy, now).map(AnyClaim::V2)
            }
            Mechanism::V2Presigned => {
                v2::check_coverage(self.request.headers, policy)?;
                v2::presigned_claim(self.target, head, now).map(AnyClaim::V2)
            }
        }
    }

    /// Finds the headers that are signed, among which all must be that need it; none where there are too many, or no one
    /// header for each name.
    fn signed_lines(
        &self,
        list: &SignedHeaders<'_>,
        policy: &Policy,
    ) -> Result<Option<SignedLines>, Error> {
        let lines = SignedLines::of(list, self.request.headers);
        // Where each signed name has its one header, there is a Host among them, or this one is not covered.
        let is_covered = |lines: &SignedLines| lines.cover(self.head.must_be_signed);
        if !(self.head.host.is_some() && lines.as_ref().is_some_and(is_covered)) {
            self.check_coverage(list, policy)?;
        }
        Ok(lines)
    }

    /// Whether a list has all that must be signed, header by header.
    #[inline(never)]
    fn check_coverage(&self, signed: &SignedHeaders<'_>, policy: &Policy) -> Result<(), Error> {
        let names = signed.missing(self.request.headers, |name| policy.ignores(name));
        if names.is_empty() { Ok(()) } else { Err(Error::Header(HeaderError::NotSigned { names })) }
    }

    pub(crate) fn canonical_request<'s>(&self, claim: &'s Claim<'s>) -> CanonicalRequest<'s>
    where
        'a: 's,
        'b: 's,
    {
        CanonicalRequest {
            method: self.request.method,
            path: self.target.path(),
            query: match self.mechanism {
                Mechanism::Presigned => self.target.signed_query(),
                _ => self.target.query(),
            },
            headers: self.request.headers,
            signed_headers: claim.signed_headers,
            lines: claim.lines,
            payload: claim.payload.line(),
        }
    }
}

/// Finds the mechanism by its signs (1.1), and what follows the scheme of an Authorization header.
fn mechanism<'a>(
    head: &ProtocolHeaders<'a>,
    policy: &Policy,
    query: &Query,
) -> Result<(Mechanism, &'a [u8]), Error> {
    let signs = query.signs();
    match (head.authorization, signs.v4, signs.v2) {
        (None, false, false) => Err(Error::Mechanism(MechanismError::Missing)),
        (None, true, false) => Ok((Mechanism::Presigned, b"")),
        (None, false, true) if policy.signature_v2 => Ok((Mechanism::V2Presigned, b"")),
        (None, false, true) => {
            Err(Error::Mechanism(MechanismError::Disabled { name: "Signature Version 2" }))
        }
        (Some(value), false, false) => authorization::scheme(value, policy),
        (value, _, _) => Err(Error::Mechanism(MechanismError::Multiple {
            authorization: shown(value.unwrap_or_default()),
        })),
    }
}
