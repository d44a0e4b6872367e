//! Secrets, tokens, rotation and the cache of derived keys.

use sigv4::{
    Credential, Error, HeaderError, Keyring, OriginCredential, Payload, Policy, Secret,
    SignatureError, TargetBuffers, Timestamp, TokenError, presign, sign_request, verify,
};

use crate::support::{Owned, time};

const NOW: &str = "20260315T120000Z";

fn key(secret: &str, region: &str) -> OriginCredential {
    OriginCredential::new("AKID", Secret::new(secret), None, region, "s3")
}

fn signed(key: &OriginCredential, now: Timestamp) -> Owned {
    let mut request = Owned::new("GET", "/b/k", &[("Host", "h")]);
    let added = request.with(|r| sign_request(r, &Payload::Unsigned, key, now).unwrap().headers);
    added.into_iter().for_each(|(name, value)| request.push(name, value));
    request
}

fn check(request: &Owned, keyring: &Keyring<()>, now: Timestamp) -> Result<(), Error> {
    let mut buffers = TargetBuffers::default();
    request.with(|r| verify(r, keyring, &Policy::default(), now, &mut buffers).map(drop))
}

fn keyring(credential: Credential<()>) -> Keyring<()> {
    let mut keyring = Keyring::default();
    keyring.insert(credential).unwrap();
    keyring
}

fn is_mismatch(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Signature(SignatureError::Mismatch { .. })))
}

#[test]
fn both_secrets_of_a_rotation_are_good() {
    let now = time(NOW);
    let [old, new, other] = ["old", "new", "other"].map(|secret| signed(&key(secret, "r"), now));
    let both =
        Credential::new("AKID", Secret::new("new"), ()).with_second_secret(Secret::new("old"));
    let both = keyring(both);
    // Twice: derived, then kept.
    for _ in 0..2 {
        assert_eq!(check(&old, &both, now), Ok(()));
        assert_eq!(check(&new, &both, now), Ok(()));
        assert!(is_mismatch(&check(&other, &both, now)));
    }
    let rotated = keyring(Credential::new("AKID", Secret::new("new"), ()));
    assert_eq!(check(&new, &rotated, now), Ok(()));
    assert!(is_mismatch(&check(&old, &rotated, now)));
}

/// X16: what clients send does not make the cache grow, and strangers do not get into it at all.
#[test]
fn kept_keys_are_bounded() {
    let now = time(NOW);
    let keyring = keyring(Credential::new("AKID", Secret::new("secret"), ()));
    let credential = keyring.find(b"AKID").unwrap();
    for i in 0..2000 {
        let stranger = signed(&key("guess", &format!("r{i}")), now);
        assert!(is_mismatch(&check(&stranger, &keyring, now)));
    }
    assert_eq!(credential.kept_signing_keys(), 0);
    for i in 0..500 {
        let request = signed(&key("secret", &format!("r{i}")), now);
        assert_eq!(check(&request, &keyring, now), Ok(()));
        assert!(credential.kept_signing_keys() <= 4);
    }
    // Whatever was displaced still verifies.
    assert_eq!(check(&signed(&key("secret", "r0"), now), &keyring, now), Ok(()));
}

#[test]
fn keys_of_long_regions_are_used_but_not_kept() {
    let now = time(NOW);
    let keyring = keyring(Credential::new("AKID", Secret::new("secret"), ()));
    let request = signed(&key("secret", &"r".repeat(200)), now);
    assert_eq!(check(&request, &keyring, now), Ok(()));
    assert_eq!(keyring.find(b"AKID").unwrap().kept_signing_keys(), 0);
}

#[test]
fn secrets_of_every_length_sign_and_verify() {
    let now = time(NOW);
    for length in [0, 1, 40, 252, 253, 300, 5000] {
        let secret = "s".repeat(length);
        let keyring = keyring(Credential::new("AKID", Secret::new(secret.clone()), ()));
        assert_eq!(check(&signed(&key(&secret, "r"), now), &keyring, now), Ok(()), "{length}");
    }
}

#[test]
fn tokens() {
    let now = time(NOW);
    let with = |token: Option<&str>| {
        let token = token.map(Secret::new);
        OriginCredential::new("AKID", Secret::new("secret"), token, "r", "s3")
    };
    let temporary = |expires| {
        let credential = Credential::new("AKID", Secret::new("secret"), ());
        keyring(credential.with_token(Secret::new("token"), expires))
    };
    let header = |token| signed(&with(token), now);
    let query = |token| {
        let request = Owned::new("GET", "/b/k", &[("Host", "h")]);
        let target = request.with(|r| presign(r, 900, &with(token), now).unwrap());
        Owned { target, ..request }
    };
    for sign in [&header as &dyn Fn(Option<&'static str>) -> Owned, &query] {
        assert_eq!(check(&sign(Some("token")), &temporary(None), now), Ok(()));
        assert_eq!(check(&sign(Some("token")), &temporary(Some(now.unix())), now), Ok(()));
        let late = check(&sign(Some("token")), &temporary(Some(now.unix() - 1)), now);
        assert_eq!(late, Err(Error::Token(TokenError::Expired { token: b"token".to_vec() })));
        for wrong in ["tokem", "toke", "tokens", ""] {
            let error = Error::Token(TokenError::Invalid { token: wrong.into() });
            assert_eq!(check(&sign(Some(wrong)), &temporary(None), now), Err(error));
        }
        let missing = Error::Token(TokenError::Missing { access_key: b"AKID".to_vec() });
        assert_eq!(check(&sign(None), &temporary(None), now), Err(missing));
        let fixed = keyring(Credential::new("AKID", Secret::new("secret"), ()));
        let error = Error::Token(TokenError::Invalid { token: b"token".to_vec() });
        assert_eq!(check(&sign(Some("token")), &fixed, now), Err(error));
    }
    // The same token in both places is one too many.
    let mut both = query(Some("token"));
    both.push("x-amz-security-token", "token");
    let error = check(&both, &temporary(None), now);
    assert!(matches!(
        error,
        Err(Error::Header(HeaderError::NotSigned { .. })
            | Error::Header(HeaderError::ContradictsQuery { .. }))
    ));
}

#[test]
fn keys_with_an_end() {
    let now = time(NOW);
    let ended = |end| keyring(Credential::new("AKID", Secret::new("secret"), ()).with_expiry(end));
    let request = signed(&key("secret", "r"), now);
    assert_eq!(check(&request, &ended(now.unix()), now), Ok(()));
    let error = SignatureError::ExpiredAccessKey { access_key: b"AKID".to_vec() };
    assert_eq!(check(&request, &ended(now.unix() - 1), now), Err(Error::Signature(error)));

    let credential = |key, token: Option<Option<i64>>| {
        let credential = Credential::new("AKID", Secret::new("secret"), ());
        let credential = match key {
            Some(end) => credential.with_expiry(end),
            None => credential,
        };
        match token {
            Some(end) => credential.with_token(Secret::new("token"), end),
            None => credential,
        }
    };
    for (key, token, expected) in [
        (None, None, None),
        (None, Some(None), None),
        (Some(7), None, Some(7)),
        (Some(7), Some(None), Some(7)),
        (None, Some(Some(8)), Some(8)),
        (Some(7), Some(Some(8)), Some(7)),
        (Some(9), Some(Some(8)), Some(8)),
    ] {
        assert_eq!(credential(key, token).expires(), expected, "{key:?} {token:?}");
    }
}

#[test]
fn debug_shows_no_secrets() {
    let now = time(NOW);
    let credential = Credential::new("AKID", Secret::new("hush"), ())
        .with_second_secret(Secret::new("hush"))
        .with_token(Secret::new("hush"), None);
    let token = Some(Secret::new("hush"));
    let origin = OriginCredential::new("AKID", Secret::new("hush"), token, "r", "s3");
    let text = format!("{credential:?} {origin:?} {:?}", Secret::new("hush"));
    assert!(!text.contains("hush") && !text.contains("104"), "{text}");
    assert!(text.contains("AKID"));

    let request = signed(&origin, now);
    let keyring = keyring(credential);
    let mut buffers = TargetBuffers::default();
    let verified = request.with(|r| {
        let verified = verify(r, &keyring, &Policy::default(), now, &mut buffers).unwrap();
        format!("{verified:?} {keyring:?}")
    });
    assert!(!verified.contains("hush"), "{verified}");
}

#[test]
fn one_credential_for_each_id() {
    let mut keyring = keyring(Credential::new("AKID", Secret::new("first"), ()));
    let error = keyring.insert(Credential::new("AKID", Secret::new("second"), ())).unwrap_err();
    assert_eq!(error.to_string(), "duplicate access key \"AKID\"");
    assert_eq!((keyring.len(), keyring.iter().count()), (1, 1));
    let now = time(NOW);
    assert_eq!(check(&signed(&key("first", "r"), now), &keyring, now), Ok(()));
}

/// One keyring and one origin's key serve several threads. There are more scopes than a credential keeps keys for, so that
/// threads replace each other's all the time; nobody ever meets a key that is not theirs.
#[test]
fn a_keyring_serves_several_threads() {
    fn is_shared<T: Send + Sync>(_: &T) {}
    let now = time(NOW);
    let shared = Credential::new("AKID", Secret::new("secret"), ());
    let keyring = keyring(shared.with_second_secret(Secret::new("old")));
    let (origin, days) = (key("secret", "r0"), [NOW, "20260314T120000Z"].map(time));
    is_shared(&keyring);
    is_shared(&origin);
    let expected = days.map(|day| signed(&origin, day).headers);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (keyring, origin, expected) = (&keyring, &origin, &expected);
            scope.spawn(move || {
                for round in 0..400 {
                    let region = format!("r{}", (round + thread) % 6);
                    let secret = ["secret", "old"][round % 2];
                    let request = signed(&key(secret, &region), now);
                    assert_eq!(check(&request, keyring, now), Ok(()));
                    let other = signed(&key("other", &region), now);
                    assert!(is_mismatch(&check(&other, keyring, now)));
                    let day = (round + thread) % 2;
                    assert_eq!(signed(origin, days[day]).headers, expected[day]);
                }
            });
        }
    });
    assert!(keyring.find(b"AKID").unwrap().kept_signing_keys() <= 4);
}
