//! Request heads: what is signed is what was written, and what we sign verifies.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigv4::request_head::{HeadLines, HeadNames, RequestHead, parse, parse_next};
use sigv4::{
    AuthorizationError, Credential, Error, Header, HeaderError, Keyring, MechanismError,
    OriginBody, OriginCredential, OriginRequest, Permit, Policy, RequestParts, Secret,
    SignatureError, TargetBuffers, Timestamp, resign, verify,
};

fuzz_target!(|bytes: &[u8]| {
    let mut lines = HeadLines::new();
    let Ok((head, body)) = parse(bytes, &mut lines) else { return };
    let length = bytes.len() - body.len();
    assert!(bytes[..length].ends_with(b"\r\n\r\n"));
    assert!(!bytes[..length - 2].windows(4).any(|window| window == b"\r\n\r\n"));
    let count = head.headers().len();
    let request_line = bytes.split(|&b| b == b'\r').next().unwrap();
    let text = [request_line, b"\r\n", head.text(0, count), b"\r\n"].concat();
    assert_eq!(text, bytes[..length], "the text of all lines is not the head");

    // Written in the plain form, it is the same head.
    let written = write(&head);
    let mut lines = HeadLines::new();
    let (again, rest) = parse(&written, &mut lines).unwrap();
    assert!(rest.is_empty());
    assert_eq!(parts(&again), parts(&head));

    // Whichever head came before.
    let mut names = HeadNames::default();
    for text in [&bytes[..length / 2], &written, bytes, bytes] {
        let mut lines = HeadLines::new();
        let found = parse_next(text, &mut lines, &mut names);
        let mut lines = HeadLines::new();
        let expected = parse(text, &mut lines);
        assert_eq!(found.map(|(head, _)| parts(&head)), expected.map(|(head, _)| parts(&head)));
    }

    sign(&head);
});

type HeadParts<'a> = (&'a [u8], &'a [u8], u8, Vec<(&'a [u8], &'a [u8])>);

fn parts<'a>(head: &RequestHead<'a>) -> HeadParts<'a> {
    let headers = head.headers().map(|header| (header.name, header.value)).collect();
    (head.method(), head.target(), head.minor_version(), headers)
}

fn write(head: &RequestHead<'_>) -> Vec<u8> {
    let version = format!(" HTTP/1.{}\r\n", head.minor_version());
    let mut text = [head.method(), b" ", head.target(), version.as_bytes()].concat();
    for header in head.headers() {
        text.extend([header.name, b": ", header.value, b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// What is signed for an origin is one head that verifies with the origin's key, and has nothing of the client's keys.
fn sign(head: &RequestHead<'_>) {
    let now = Timestamp::parse_iso_basic(fuzz::NOW.as_bytes()).unwrap();
    let origin = OriginCredential::new("ORIGIN", Secret::new("secret"), None, "eu-west-1", "s3");
    let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
    let (permit, body) = (Permit::verify_off(), OriginBody::default());
    let authority = b"origin.example:9000";
    let request =
        OriginRequest { head, permit: &permit, authority, credential: &origin, body: &body, now };
    if resign(&request, &mut buffers, &mut out).is_err() {
        return;
    }
    // What was made for the first request of a second is good for the next one.
    let mut next = Vec::new();
    assert!(resign(&request, &mut buffers, &mut next).is_ok() && next == out);
    let mut lines = HeadLines::new();
    let (signed, rest) = parse(&out, &mut lines).expect("what we wrote is a head");
    assert!(rest.is_empty(), "more than one head");
    assert_eq!(signed.method(), head.method());
    for (name, value) in [("host", &authority[..]), ("x-amz-date", fuzz::NOW.as_bytes())] {
        let mut found = signed.headers().filter(|header| is(header.name, name));
        assert_eq!(found.next().map(|header| header.value), Some(value));
        assert!(found.next().is_none(), "{name} twice");
    }
    let mut authorizations = signed.headers().filter(|header| is(header.name, "authorization"));
    let value = authorizations.next().expect("an Authorization header").value;
    assert!(value.starts_with(b"AWS4-HMAC-SHA256 Credential=ORIGIN/20260315/eu-west-1/s3/"));
    assert!(authorizations.next().is_none(), "two Authorization headers");

    let mut keyring = Keyring::default();
    keyring.insert(Credential::new("ORIGIN", Secret::new("secret"), ())).unwrap();
    let headers: Vec<_> =
        signed.headers().map(|header| Header { name: header.name, value: header.value }).collect();
    let request =
        RequestParts { method: signed.method(), target: signed.target(), headers: &headers };
    let policy = Policy { max_object: None, ..Policy::default() };
    match verify(&request, &keyring, &policy, now, &mut TargetBuffers::default()) {
        Ok(verified) => assert_eq!(verified.credential().access_key(), b"ORIGIN"),
        Err(
            error @ (Error::Signature(SignatureError::Mismatch { .. })
            | Error::Header(HeaderError::NotSigned { .. })
            | Error::Mechanism(MechanismError::Missing)
            | Error::Authorization(AuthorizationError::Components)
            | Error::Signature(SignatureError::UnknownAccessKey { .. })),
        ) => panic!("an origin would refuse it: {error}\n{}", out.escape_ascii()),
        Err(Error::Mechanism(MechanismError::Multiple { .. })) => {
            assert!(is_odd(head.target()), "{}", out.escape_ascii())
        }
        // What is wrong with the client's request apart from its signature is the origin's to say.
        Err(_) => {}
    }
}

/// Whether a query shows signs of both versions, or of V4 in other letters or with `_` in the place of `-`: there is no telling
/// what that is, and an origin that refuses it is right.
fn is_odd(target: &[u8]) -> bool {
    let (mut v2, mut v4, mut other) = (false, false, false);
    for pair in
        target.split(|&b| b == b'?').skip(1).collect::<Vec<_>>().join(&b'?').split(|&b| b == b'&')
    {
        let name = fuzz::decode(pair.split(|&b| b == b'=').next().unwrap()).unwrap_or_default();
        match &name[..] {
            b"X-Amz-Algorithm" | b"X-Amz-Credential" | b"X-Amz-Signature" => v4 = true,
            b"AWSAccessKeyId" | b"Signature" => v2 = true,
            name => {
                let v4 = ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"];
                let name: Vec<u8> =
                    name.iter().map(|&b| if b == b'_' { b'-' } else { b }).collect();
                other |= v4.iter().any(|known| is(&name, known));
            }
        }
    }
    other || (v2 && v4)
}

fn is(name: &[u8], wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted.as_bytes())
}
