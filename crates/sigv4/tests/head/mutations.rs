//! Damaged requests: nothing panics, and what still verifies is the same request to all who look at it.

use sigv4::{
    OriginBody, OriginCredential, OriginRequest, Permit, Policy, Secret, TargetBuffers, explain,
    resign, target, verify,
};

use crate::support::{Owned, file, keyring, policy, text, time};

/// A small generator with a fixed seed (xorshift64*), so that every run sees the same bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        const SPECIAL: &[u8] = b"%/&=?+;,:. \t\r\n\0\x7f\xff09azAZ_-";
        if self.below(2) == 0 { SPECIAL[self.below(SPECIAL.len())] } else { self.next() as u8 }
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(5) {
            0 => bytes.insert(at, self.byte()),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] = self.byte(),
            3 => bytes.truncate(at),
            _ => {
                let piece = bytes[at..].to_vec();
                bytes.extend(piece);
            }
        }
    }

    fn damage_request(&mut self, request: &mut Owned) {
        let headers = request.headers.len();
        match self.below(6) {
            0 => self.damage(&mut request.method),
            1 | 2 => self.damage(&mut request.target),
            3 if headers > 0 => {
                let copy = request.headers[self.below(headers)].clone();
                request.headers.insert(self.below(headers), copy);
            }
            4 if headers > 0 => drop(request.headers.remove(self.below(headers))),
            _ if headers > 0 => {
                let at = self.below(headers);
                let (name, value) = &mut request.headers[at];
                if self.below(4) == 0 { self.damage(name) } else { self.damage(value) }
            }
            _ => (),
        }
    }
}

#[test]
fn damaged_requests() {
    let file = file();
    let keyring = keyring(&file);
    let policies = [
        policy(&file),
        Policy {
            signature_v2: true,
            domains: vec![b"s3.proxy.example".to_vec()],
            ..Policy::default()
        },
    ];
    let origin = OriginCredential::new("O", Secret::new("s"), None, "r", "s3");
    let permits = [Permit::verify_off(), Permit::preflight()];
    let (mut buffers, mut fresh, mut out) =
        (TargetBuffers::default(), TargetBuffers::default(), Vec::new());
    let mut random = Random(0x5eed);
    let mut verified = 0;
    for case in file["cases"].as_array().unwrap() {
        let now = time(text(&case["now"]));
        for _ in 0..120 {
            let mut request = Owned::of(case);
            for _ in 0..=random.below(3) {
                random.damage_request(&mut request);
            }
            request.with(|r| {
                for policy in &policies {
                    let result = verify(r, &keyring, policy, now, &mut buffers);
                    let again = verify(r, &keyring, policy, now, &mut fresh);
                    let text = |e: sigv4::Error| e.to_string();
                    let _ = explain(r, policy, &mut TargetBuffers::default()).map_err(text);
                    // Buffers carry nothing from one request to the next.
                    match (result, again) {
                        (Ok(a), Ok(b)) => {
                            verified += 1;
                            assert_eq!(a.payload(), b.payload());
                            assert_eq!(
                                (a.target().path(), a.target().query()),
                                (b.target().path(), b.target().query())
                            );
                            let target = a.target();
                            let (path, query) = (target.path().to_vec(), target.query().to_vec());
                            let (permit, body) = (a.permit(), OriginBody::default());
                            let sent = request.with_head(1, |head| {
                                let (buffers, out) = (&mut buffers, &mut out);
                                resign(
                                    &OriginRequest {
                                        head,
                                        permit: &permit,
                                        authority: b"o",
                                        credential: &origin,
                                        body: &body,
                                        now,
                                    },
                                    buffers,
                                    out,
                                )
                            });
                            if matches!(sent, Ok(Ok(_))) {
                                let sent = Owned::parse(&out);
                                let target = [path.as_slice(), &query].join(&b'?');
                                let target = target.strip_suffix(b"?").unwrap_or(&target);
                                assert_eq!(sent.target, target);
                            }
                        }
                        (Err(a), Err(b)) => assert_eq!(a, b),
                        (a, b) => panic!("{:?} and {:?}", a.map(drop), b.map(drop)),
                    }
                }
                for permit in &permits {
                    let body = OriginBody::default();
                    let result = request.with_head(1, |head| {
                        resign(
                            &OriginRequest {
                                head,
                                permit,
                                authority: b"o",
                                credential: &origin,
                                body: &body,
                                now,
                            },
                            &mut buffers,
                            &mut out,
                        )
                    });
                    if matches!(result, Ok(Ok(_))) {
                        let head = std::str::from_utf8(&out);
                        assert!(head.is_err() || head.unwrap().matches("\r\n\r\n").count() == 1);
                    }
                }
            });
        }
    }
    // Damage to what is not signed does no harm; there is some of it.
    assert!(verified > 500, "{verified}");
}

#[test]
fn arbitrary_bytes() {
    let mut random = Random(0xb17e5);
    let mut out = Vec::new();
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.below(40)).map(|_| random.byte()).collect();
        bytes.insert(0, b'/');
        out.clear();
        if target::canonical_path(&bytes, &mut out).is_ok() {
            // Canonical text is its own canonical form.
            let mut again = Vec::new();
            target::canonical_path(&out, &mut again).unwrap();
            assert_eq!(again, out);
        }
        out.clear();
        if target::canonical_query(&bytes, &mut out).is_ok() {
            let mut again = Vec::new();
            target::canonical_query(&out, &mut again).unwrap();
            assert_eq!(again, out);
        }
        let _ = sigv4::Timestamp::parse_iso_basic(&bytes);
        let _ = sigv4::Timestamp::parse_http_date(&bytes);
        let _ = sigv4::Payload::parse(&bytes);
    }
}
