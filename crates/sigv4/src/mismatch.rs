//! Why a signature does not match: what was perhaps signed instead, found by signing that.
//!
//! A request is signed again in all the ways in which clients and intermediaries are known to get it wrong. A way that gives
//! the signature that was sent is a proof, not a guess. Nothing here decides about a request.

mod canonical_parts;
mod differences;
mod signature;
mod variants;

use crate::header;
use crate::mismatch::differences::{fitting, other_key};
use crate::{
    Explanation, Keyring, Mechanism, Policy, RequestParts, Secret, TargetBuffers, explain,
};

/// Longest canonical request, in bytes, of which a server looks for a cause: each variant is hashed whole.
const MAX_CANONICAL_REQUEST: usize = 16 * 1024;
/// Most variants that a server tries; ordinary requests have about sixty.
const MAX_VARIANTS: usize = 128;
/// Most access keys whose secrets a server tries.
const MAX_KEYS: usize = 64;

/// A request whose signature is not the one that its key makes.
#[derive(Clone, Copy, Debug)]
pub struct MismatchedRequest<'a> {
    /// What has to be signed, and the signature as sent.
    pub explanation: &'a Explanation,
    /// The request target as sent.
    pub target: &'a [u8],
    /// What else the host may have been called by whoever signed.
    pub other_hosts: &'a [&'a [u8]],
    /// The region that should have been signed for.
    pub region: Option<&'a [u8]>,
}

impl MismatchedRequest<'_> {
    /// What the signature fits under `secret`, each named to read after "the signature fits"; empty if it is nothing that is
    /// known. The words hold parts of the request, and nothing of the secret.
    pub fn causes(&self, secret: &Secret) -> Vec<String> {
        fitting(self, secret, usize::MAX)
    }
}

impl Explanation {
    /// Whether this is Signature V2.
    pub fn is_v2(&self) -> bool {
        matches!(self.mechanism, Mechanism::V2Header | Mechanism::V2Presigned)
    }

    /// The signature that the request as it came has under `secret`, in its text form.
    pub fn signature_under(&self, secret: &Secret) -> Vec<u8> {
        signature::of(self, secret.expose())
    }
}

/// Why the signature of a refused request does not match, as a clause for the server's log: what it fits, which is proven, or
/// else which header that is signed has not come. None if it is nothing that is known, or if the request is larger than is
/// looked into.
///
/// Costs some hundred hashes of the canonical request, at most a few milliseconds whatever was sent, so that callers allow it
/// so many times a second. Signatures are compared in constant time: one that is tried may be that of another request.
pub fn mismatch_cause<G>(
    request: &RequestParts<'_>,
    keyring: &Keyring<G>,
    policy: &Policy,
    buffers: &mut TargetBuffers,
) -> Option<String> {
    let explanation = explain(request, policy, buffers).ok()?;
    let credential = keyring.find(&explanation.access_key)?;
    if explanation.canonical_request.len() > MAX_CANONICAL_REQUEST {
        return None;
    }
    let forwarded = request.headers.iter().filter(|own| header::is(own.name, "x-forwarded-host"));
    let own = policy.hosts.iter().chain(&policy.domains).map(Vec::as_slice);
    let other_hosts: Vec<_> = forwarded.map(|header| header.value).chain(own).take(16).collect();
    let mismatched = MismatchedRequest {
        explanation: &explanation,
        target: request.target,
        other_hosts: &other_hosts,
        region: policy.regions.first().map(Vec::as_slice),
    };
    let mut secrets = credential.secrets();
    let fits = secrets
        .find_map(|secret| fitting(&mismatched, secret, MAX_VARIANTS).into_iter().next())
        .or_else(|| (keyring.len() <= MAX_KEYS).then(|| other_key(&explanation, keyring))?);
    fits.map(|what| format!("it fits {what}")).or_else(|| absent_header(&explanation, request))
}

/// A header that is signed and has not come.
fn absent_header(explanation: &Explanation, request: &RequestParts<'_>) -> Option<String> {
    let mut names =
        explanation.signed_headers.split(|&b| b == b';').filter(|name| !name.is_empty());
    let has_come = |name: &&[u8]| request.headers.iter().any(|h| h.name.eq_ignore_ascii_case(name));
    let absent = names.find(|name| !has_come(name))?;
    Some(format!("signed header \"{}\" is not in the request", absent.escape_ascii()))
}

#[cfg(test)]
mod tests;
