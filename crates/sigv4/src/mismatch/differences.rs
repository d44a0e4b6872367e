//! Which difference leads from what was received to the signature that was sent.

use subtle::ConstantTimeEq as _;

use crate::mismatch::MismatchedRequest;
use crate::mismatch::canonical_parts::CanonicalParts;
use crate::mismatch::signature;
use crate::mismatch::variants::variants;
use crate::{Explanation, Keyring, Secret, target};

/// What the signature that was sent fits, named to read after "the signature fits"; empty if nothing that is known. Of the
/// variants of the canonical request `most` are tried.
pub(crate) fn fitting(
    mismatched: &MismatchedRequest<'_>,
    secret: &Secret,
    most: usize,
) -> Vec<String> {
    let explanation = mismatched.explanation;
    let sent = sent(explanation);
    let mut candidates = secrets(explanation, secret);
    candidates.extend(if explanation.is_v2() {
        v2_candidates(explanation, secret)
    } else {
        v4_candidates(mismatched, secret, most)
    });
    let fitting = candidates.into_iter().filter(|(_, computed)| is_same(computed, &sent));
    fitting.map(|(what, _)| what).collect()
}

/// The key with whose secret the request was signed, though it names another.
pub(crate) fn other_key<G>(explanation: &Explanation, keyring: &Keyring<G>) -> Option<String> {
    let sent = sent(explanation);
    let fits = |secret: &Secret| is_same(&signature::of(explanation, secret.expose()), &sent);
    let other = keyring.iter().find(|credential| credential.secrets().any(fits))?;
    Some(format!("the secret of access key \"{}\"", other.access_key().escape_ascii()))
}

/// The signature as sent; one whose form alone is wrong is still to be recognised.
fn sent(explanation: &Explanation) -> Vec<u8> {
    if explanation.is_v2() {
        explanation.signature.iter().map(|&b| if b == b' ' { b'+' } else { b }).collect()
    } else {
        explanation.signature.to_ascii_lowercase()
    }
}

/// In constant time, as what is computed here is a right signature, if of another request.
fn is_same(computed: &[u8], sent: &[u8]) -> bool {
    computed.ct_eq(sent).into()
}

/// What was perhaps signed, named to read after "the signature fits", and its signature.
type Candidate = (String, Vec<u8>);

/// Secrets that were read from files, line end included, by one side only; and the form of the signature alone.
fn secrets(explanation: &Explanation, secret: &Secret) -> Vec<Candidate> {
    let secret = secret.expose();
    let sign = |what: &str, secret: &[u8]| (what.to_owned(), signature::of(explanation, secret));
    let mut candidates = vec![
        sign("this request; only its form is wrong", secret),
        sign("the secret with a line end behind it", &[secret, b"\n"].concat()),
        sign("the secret with a line end (CR LF) behind it", &[secret, b"\r\n"].concat()),
    ];
    if secret.trim_ascii() != secret {
        candidates.push(sign("the secret without the white space around it", secret.trim_ascii()));
    }
    candidates
}

fn v4_candidates(
    mismatched: &MismatchedRequest<'_>,
    secret: &Secret,
    most: usize,
) -> Vec<Candidate> {
    let Explanation { scope, string_to_sign, canonical_request, .. } = mismatched.explanation;
    let secret = secret.expose();
    let mut candidates = Vec::new();
    let lines: Vec<_> = string_to_sign.split(|&b| b == b'\n').collect();
    let [algorithm, date, _, hash] = *lines else { return candidates };
    let string = |scope: &[u8], hash: &[u8]| [algorithm, date, scope, hash].join(&b'\n');

    let parts = CanonicalParts::parse(canonical_request);
    for variant in parts.map(|parts| variants(&parts, mismatched, most)).unwrap_or_default() {
        let hash = signature::sha256(&variant.parts.canonical_request());
        let computed = signature::v4(secret, scope, &string(scope, &hash));
        candidates.push((variant.what, computed));
    }
    for other in mismatched.region.into_iter().chain([b"us-east-1".as_slice(), b""]) {
        let mut scope_parts: Vec<_> = scope.split(|&b| b == b'/').collect();
        match scope_parts.get_mut(1) {
            Some(region) if *region != other => *region = other,
            _ => continue,
        }
        let other_scope = scope_parts.join(&b'/');
        let name = other.escape_ascii();
        let computed = signature::v4(secret, &other_scope, string_to_sign);
        candidates.push((
            format!("a key for region \"{name}\", which is not that of the scope"),
            computed,
        ));
        let computed = signature::v4(secret, &other_scope, &string(&other_scope, hash));
        candidates.push((format!("region \"{name}\"; the scope was changed afterwards"), computed));
    }
    candidates
}

/// Signature V2: another method, no media type, or a resource that is not encoded.
fn v2_candidates(explanation: &Explanation, secret: &Secret) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let lines: Vec<_> = explanation.string_to_sign.split(|&b| b == b'\n').collect();
    let [method, _, media_type, .., resource] = *lines else { return candidates };
    let mut add = |what: String, at: usize, new: &[u8]| {
        let mut lines = lines.clone();
        if let Some(line) = lines.get_mut(at) {
            *line = new;
        }
        candidates.push((what, signature::v2(secret.expose(), &lines.join(&b'\n'))));
    };
    for other in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        if other.as_bytes() != method {
            let sent = method.escape_ascii();
            add(format!("method {other}; the request has {sent}"), 0, other.as_bytes());
        }
    }
    if !media_type.is_empty() {
        add("a request without \"Content-Type\"".to_owned(), 2, b"");
    }
    let mut decoded = Vec::new();
    target::decode(resource, &mut decoded);
    if decoded != resource {
        let what = "the path without encoding; it has to be signed as sent".to_owned();
        add(what, lines.len().saturating_sub(1), &decoded);
    }
    candidates
}
