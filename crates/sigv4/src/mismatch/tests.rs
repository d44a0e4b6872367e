use super::*;
use crate::{
    Credential, Error, Header, OriginCredential, Payload, SignatureError, Timestamp, sign_request,
    verify,
};

const HOST: &str = "s3.example.com";

fn now() -> Timestamp {
    Timestamp::from_unix(1_773_576_000).unwrap()
}

fn keyring(keys: usize) -> Keyring<()> {
    let mut keyring = Keyring::default();
    for number in 0..keys {
        let (key, secret) = (format!("AKID{number}"), Secret::new(format!("secret{number}")));
        keyring.insert(Credential::new(key, secret, ())).unwrap();
    }
    keyring
}

/// A request, in the parts that its tests change between signing and sending.
#[derive(Clone)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
}

impl Sent {
    fn new(target: &str) -> Self {
        let headers = vec![("Host", HOST.to_owned()), ("Accept-Encoding", "identity".to_owned())];
        Self { method: "GET", target: target.to_owned(), headers }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(own, _)| *own != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| *own != name);
        self
    }

    fn parts<R>(&self, use_parts: impl FnOnce(&RequestParts<'_>) -> R) -> R {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| Header { name: name.as_bytes(), value: value.as_bytes() })
            .collect();
        use_parts(&RequestParts {
            method: self.method.as_bytes(),
            target: self.target.as_bytes(),
            headers: &headers,
        })
    }

    /// With the signature that `self` has, by `secret` of AKID0 and for `region`.
    fn signed(&self, secret: &str, region: &str) -> Vec<(&'static str, String)> {
        let key = OriginCredential::new("AKID0", Secret::new(secret), None, region, "s3");
        let signed = self.parts(|parts| sign_request(parts, &Payload::Unsigned, &key, now()));
        let text = |value| String::from_utf8(value).unwrap();
        signed.unwrap().headers.into_iter().map(|(name, value)| (name, text(value))).collect()
    }
}

/// The cause that is found when `signed` was signed and `sent` arrives with its signature.
fn cause(signed: &Sent, mut sent: Sent, secret: &str, keyring: &Keyring<()>) -> Option<String> {
    sent.headers.extend(signed.signed(secret, "us-east-1"));
    let policy = Policy { hosts: vec![b"s3.other.example:9443".to_vec()], ..Policy::default() };
    let mut buffers = TargetBuffers::default();
    sent.parts(|parts| {
        let verdict = verify(parts, keyring, &policy, now(), &mut buffers);
        let mismatch = matches!(verdict, Err(Error::Signature(SignatureError::Mismatch { .. })));
        assert!(mismatch, "{:?}", verdict.err());
        mismatch_cause(parts, keyring, &policy, &mut buffers)
    })
}

fn check(signed: Sent, sent: Sent, expected: &str) {
    let found = cause(&signed, sent, "secret0", &keyring(3));
    assert_eq!(found.as_deref(), Some(expected));
}

#[test]
fn what_intermediaries_change() {
    let own = Sent::new("/b/k");
    let host = |host: &str| own.clone().with("Host", host);
    let has = "the request has \"s3.example.com\"";
    check(
        host("s3.example.com:8443"),
        own.clone(),
        &format!("it fits host \"s3.example.com:8443\"; {has}"),
    );
    check(
        host("s3.other.example:9443"),
        own.clone(),
        &format!("it fits host \"s3.other.example:9443\"; {has}"),
    );
    let forwarded = host("proxy:81").with("X-Forwarded-Host", HOST);
    check(own.clone(), forwarded, "it fits host \"s3.example.com\"; the request has \"proxy:81\"");
    check(
        Sent { method: "HEAD", ..own.clone() },
        own.clone(),
        "it fits method HEAD; the request has GET",
    );
    let slashes = "it fits a path with two slashes that became one on the way";
    check(Sent::new("/b/a//k"), Sent::new("/b/a/k"), slashes);
    let again = "it fits the path without encoding, or it was encoded again on the way";
    check(Sent::new("/b/a%20k"), Sent::new("/b/a%2520k"), again);
    check(
        own.clone(),
        own.clone().with("Accept-Encoding", "gzip"),
        "it fits header \"accept-encoding\" with value \"identity\"",
    );
    check(
        own.clone(),
        own.clone().without("Accept-Encoding"),
        "it fits header \"accept-encoding\" with value \"identity\"",
    );
    let expects = own.clone().with("Expect", "100-continue");
    check(expects, own.clone(), "it fits header \"expect\" with value \"100-continue\"");
    let unknown = own.clone().with("x-amz-meta-a", "1");
    check(unknown, own, "signed header \"x-amz-meta-a\" is not in the request");
}

#[test]
fn secrets() {
    let own = Sent::new("/b/k");
    let fits = |secret: &str, keys| cause(&own, own.clone(), secret, &keyring(keys));
    let line_end = "it fits the secret with a line end behind it";
    assert_eq!(fits("secret0\n", 3).as_deref(), Some(line_end));
    assert_eq!(fits("secret2", 3).as_deref(), Some("it fits the secret of access key \"AKID2\""));
    assert_eq!(fits("secret2", MAX_KEYS + 1), None);
    assert_eq!(fits("nobody's", 3), None);
}

/// What a stranger sends costs no more than an ordinary request, and never shows a header's value.
#[test]
fn large_requests() {
    let keys = keyring(1);
    let large = Sent::new("/b/k").with("x-amz-meta-a", &"a".repeat(MAX_CANONICAL_REQUEST));
    assert_eq!(cause(&large, large.clone(), "nobody's", &keys), None);
    let values = "a,".repeat(5000);
    let many = Sent::new("/b/k").with("x-amz-server-side-encryption-customer-key", &values);
    assert_eq!(cause(&many, many.clone(), "nobody's", &keys), None);
    let one = Sent::new("/b/k").with("x-amz-server-side-encryption-customer-key", "key");
    let two = Sent::new("/b/k").with("x-amz-server-side-encryption-customer-key", "key,other");
    let found = cause(&one, two, "secret0", &keys).unwrap();
    assert!(found.contains("value 1 only") && !found.contains("key,"), "{found}");
}
