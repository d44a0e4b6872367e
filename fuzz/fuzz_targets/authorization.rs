//! Authorization headers: what `explain` says has to be signed is what `verify` wants, and nothing else passes.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sigv4::{
    AuthorizationError, Error, Header, Policy, RequestParts, SignatureError, TargetBuffers,
    Timestamp, explain, verify,
};

static POLICIES: LazyLock<[Policy; 2]> = LazyLock::new(|| {
    [Policy::default(), Policy { regions: vec![b"us-east-1".to_vec()], ..Policy::default() }]
});

fuzz_target!(|value: &[u8]| {
    let keyring = fuzz::keyring();
    let now = Timestamp::parse_iso_basic(fuzz::NOW.as_bytes()).unwrap();
    for policy in POLICIES.iter() {
        with(value, |request| {
            let mut buffers = TargetBuffers::default();
            let verdict = verify(request, &keyring, policy, now, &mut buffers);
            let explained = explain(request, policy, &mut TargetBuffers::default());
            match verdict {
                Ok(verified) => {
                    let explained = explained.unwrap();
                    assert_eq!(verified.credential().access_key(), explained.access_key);
                    assert_eq!(explained.access_key, fuzz::CLIENT.0.as_bytes());
                    let right = signature(&explained.string_to_sign);
                    assert_eq!(explained.signature, right.as_bytes(), "another signature passed");
                }
                Err(Error::Signature(SignatureError::Mismatch {
                    access_key,
                    string_to_sign,
                    provided,
                    ..
                })) => {
                    let explained = explained.unwrap();
                    assert_eq!(explained.string_to_sign, string_to_sign);
                    assert_eq!(explained.signature, provided);
                    if access_key == fuzz::CLIENT.0.as_bytes() {
                        signed_properly(value, &provided, &string_to_sign, policy);
                    }
                }
                Err(error) => drop(error.to_string()),
            }
        });
    }
});

fn signature(string_to_sign: &[u8]) -> String {
    fuzz::signer::sign(fuzz::CLIENT.1.as_bytes(), string_to_sign).unwrap()
}

/// With the signature of the string that was missed, the same header passes, unless a signed name is not in the request.
fn signed_properly(value: &[u8], provided: &[u8], string_to_sign: &[u8], policy: &Policy) {
    let right = signature(string_to_sign);
    // The last one: the same text may stand in the credential.
    let Some(at) = find_last(value, &[b"Signature=", provided].concat()) else { return };
    let at = at + b"Signature=".len();
    let mended = [&value[..at], right.as_bytes(), &value[at + provided.len()..]].concat();
    let keyring = fuzz::keyring();
    let now = Timestamp::parse_iso_basic(fuzz::NOW.as_bytes()).unwrap();
    with(&mended, |request| {
        match verify(request, &keyring, policy, now, &mut TargetBuffers::default()) {
            Ok(_) => {}
            // A name that is listed and not there.
            Err(Error::Signature(SignatureError::Mismatch { .. })) => {
                let list =
                    explain(request, policy, &mut TargetBuffers::default()).unwrap().signed_headers;
                let mut names = list.split(|&b| b == b';');
                let is_there = |name: &[u8]| {
                    request.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name))
                };
                assert!(!names.all(is_there), "the right signature does not pass");
            }
            // The header may have grown too long.
            Err(Error::Authorization(AuthorizationError::TooLong)) => {}
            Err(error) => panic!("{error}"),
        }
    });
}

fn find_last(text: &[u8], piece: &[u8]) -> Option<usize> {
    text.windows(piece.len()).rposition(|window| window == piece)
}

fn with(value: &[u8], then: impl FnOnce(&RequestParts<'_>)) {
    let headers = [
        ("Host", &b"s3.proxy.example:8443"[..]),
        (
            "x-amz-content-sha256",
            b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("x-amz-date", fuzz::NOW.as_bytes()),
        ("x-amz-meta-a", b"1  2"),
        ("Range", b"bytes=0-9"),
        ("Authorization", value),
    ];
    let headers = headers.map(|(name, value)| Header { name: name.as_bytes(), value });
    then(&RequestParts { method: b"GET", target: b"/media/o", headers: &headers });
}
