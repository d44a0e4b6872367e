//! What has to be signed, shown: for people who look for the difference between two strings.

use crate::signature_v2::BucketForm;
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::verify::prove::string_to_sign;
use crate::verify::{AnyClaim, Parsed};
use crate::{Error, Mechanism, Policy, RequestParts, TargetBuffers};

/// What the signature of a request is made of, for error documents and for people who look for the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// How the request is authenticated.
    pub mechanism: Mechanism,
    /// The access key id that it names.
    pub access_key: Vec<u8>,
    /// The credential scope; empty for Signature V2.
    pub scope: Vec<u8>,
    /// The names that are signed; empty for Signature V2.
    pub signed_headers: Vec<u8>,
    /// The canonical request; empty for Signature V2.
    pub canonical_request: Vec<u8>,
    /// The string to sign.
    pub string_to_sign: Vec<u8>,
    /// The signature as sent.
    pub signature: Vec<u8>,
}

/// Explains what has to be signed for a request, without keys and without a clock.
///
/// # Errors
///
/// As [`verify`](crate::verify), as far as the request's own form is concerned.
pub fn explain(
    request: &RequestParts<'_>,
    policy: &Policy,
    buffers: &mut TargetBuffers,
) -> Result<Explanation, Error> {
    let mut head = ProtocolHeaders::default();
    let parsed = Parsed::new(request, policy, &mut head, buffers)?;
    let mechanism = parsed.mechanism;
    Ok(match parsed.claim(policy, None)? {
        AnyClaim::V2(claim) => Explanation {
            mechanism,
            access_key: claim.access_key.to_vec(),
            scope: Vec::new(),
            signed_headers: Vec::new(),
            canonical_request: Vec::new(),
            string_to_sign: claim.string_to_sign(
                request,
                policy,
                parsed.target,
                parsed.virtual_bucket,
                BucketForm::AsSent,
            ),
            signature: claim.signature.to_vec(),
        },
        AnyClaim::V4(claim) => {
            let canonical = parsed.canonical_request(&claim);
            let mut canonical_request = Vec::new();
            canonical.write(&mut canonical_request);
            Explanation {
                mechanism,
                access_key: claim.access_key.to_vec(),
                scope: claim.scope.text.to_vec(),
                signed_headers: claim.signed_headers.text().to_vec(),
                canonical_request,
                string_to_sign: string_to_sign(&claim, &canonical.hash().0).to_vec(),
                signature: claim.signature.to_vec(),
            }
        }
    })
}
