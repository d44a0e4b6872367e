use super::*;
use crate::Operation;

/// Resolves `env` to its own name and knows no files.
fn keyring(text: &str) -> Result<Keyring<Grants>, ClientsError> {
    let mut keyring = Keyring::default();
    ClientsFile::parse(text.as_bytes())?.insert_into(
        &mut keyring,
        &mut |reference| match reference {
            SecretReference::Env(name) => Ok(Secret::new(name.as_bytes())),
            SecretReference::File(path) => Err(format!("\"{path}\" cannot be read")),
        },
    )?;
    Ok(keyring)
}

/// The members of one client, in place of the dots of `{"clients": [{…}]}`.
fn check_refused(members: &str, expected: &str) {
    let text = format!("{{\"clients\": [\n{{{members}}}]}}");
    let error = keyring(&text).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains(expected), "{members}: {error}");
    assert!(!error.contains("SECRET"), "{members}: {error}");
}

fn check_accepted(members: &str) {
    let text = format!("{{\"clients\": [{{{members}}}]}}");
    assert!(keyring(&text).is_ok(), "{members}: {:?}", keyring(&text).map(|_| ()));
}

const KEYS: &str = r#""access_key": "AK", "secret_key": "SECRET""#;

#[test]
fn a_whole_file() {
    let text = r#"{ "clients": [
        { "access_key": "AKIDBACKUP", "secret_key": "one" },
        { "comment": "x", "access_key": "AKIDWEB", "secret_keys": ["a", { "env": "B" }],
          "grants": [
            { "buckets": ["photos", "logs-*"], "prefix": "2026/", "allow": ["read", "list"] },
            { "buckets": ["uploads"], "allow": ["write"] } ] },
        { "access_key": "ASIAGUEST", "secret_key": "two", "session_token": "t",
          "expires": "2026-12-31T23:59:59Z", "grants": [] } ] }"#;
    let keyring = keyring(text).unwrap();
    assert_eq!(keyring.len(), 3);
    let allows = |key: &[u8], operation, bucket: &[u8], object: &[u8]| {
        keyring.find(key).unwrap().grants().allows(operation, bucket, object)
    };
    assert!(allows(b"AKIDBACKUP", Operation::DeleteBucket, b"any", b""));
    assert!(allows(b"AKIDWEB", Operation::GetObject, b"logs-1", b"2026/a"));
    assert!(!allows(b"AKIDWEB", Operation::GetObject, b"uploads", b"a"));
    assert!(allows(b"AKIDWEB", Operation::PutObject, b"uploads", b"a"));
    assert!(!allows(b"ASIAGUEST", Operation::GetObject, b"photos", b"a"));
    assert!(keyring.find(b"other").is_none());
}

#[test]
fn roots() {
    let text = format!(r#"{{"clients": [{{{KEYS}, "root": "tenants/a/"}}]}}"#);
    let keyring = keyring(&text).unwrap();
    let root = keyring.find(b"AK").unwrap().grants().root().unwrap();
    assert_eq!(root.as_str(), "tenants/a/");
    for root in [r#""tenants/a""#, r#""/a/""#, r#""a/../""#, r#""""#] {
        check_refused(&format!(r#"{KEYS}, "root": {root}"#), "must be 1 to 256 letters");
    }
    check_refused(&format!(r#"{KEYS}, "root": null"#), "root");
}

#[test]
fn members() {
    check_accepted(KEYS);
    check_accepted(&format!(r#"{KEYS}, "grants": []"#));
    check_accepted(r#""access_key": "AK", "secret_keys": ["a"]"#);
    check_accepted(&format!(
        r#"{KEYS}, "session_token": {{"env": "A"}}, "expires": "20261231T235959Z""#
    ));
    check_refused(r#""secret_key": "SECRET""#, "\"clients[0]\": missing member `access_key`");
    check_refused(r#""access_key": "AK""#, "\"clients[0]\": missing member `secret_key`");
    check_refused(
        &format!(r#"{KEYS}, "grant": []"#),
        "line 2, column 52: \"clients[0].grant\": unknown member",
    );
    check_refused(&format!(r#"{KEYS}, "access_key": "B""#), "duplicate member `access_key`");
    check_refused(&format!(r#"{KEYS}, "grants": null"#), "\"clients[0].grants\": expected");
    check_refused(&format!(r#"{KEYS}, "comment": 1"#), "\"clients[0].comment\": expected a string");
}

#[test]
fn secrets() {
    let secret = |value: &str| format!(r#""access_key": "AK", "secret_key": {value}"#);
    check_accepted(&secret(r#""\u00e4 b""#));
    check_accepted(&secret(r#"{"env": "A"}"#));
    check_refused(&secret("\"\""), "\"clients[0].secret_key\": must not be empty");
    check_refused(&secret("null"), "\"clients[0].secret_key\": expected a string, {\"env\"");
    check_refused(
        &secret(r#"["SECRET"]"#),
        "\"clients[0].secret_key\": expected a string, {\"env\"",
    );
    check_refused(
        &secret(r#"{"SECRET": "A"}"#),
        "\"clients[0].secret_key\": unknown member; expected `env` or `file`",
    );
    check_refused(&secret(r#"{"env": {"SECRET": 1}}"#), "expected a string");
    check_refused(&secret(r#"{"env": "A", "file": "B"}"#), "must have either \"env\" or \"file\"");
    check_refused(&secret("{}"), "must have either \"env\" or \"file\"");
    check_refused(
        &secret(r#"{"file": "/a"}"#),
        "\"secret_key\" of access key \"AK\": \"/a\" cannot be read",
    );
    check_refused(&secret(r#"{"env": ""}"#), "\"secret_key\" of access key \"AK\": is empty");
    check_refused(r#""access_key": "AK", "secret_keys": []"#, "must have one or two elements");
    check_refused(
        r#""access_key": "AK", "secret_keys": ["a", "SECRET", "b"]"#,
        "must have one or two elements",
    );
    check_refused(&format!(r#"{KEYS}, "secret_keys": ["a"]"#), "exclude each other");
}

#[test]
fn values_are_not_shown() {
    check_refused(r#""access_key": ["SECRET"]"#, "\"clients[0].access_key\": expected a string");
    check_refused(
        r#""access_key": "SECRET/"}"#,
        "\"clients[0].access_key\": must be 1 to 128 visible",
    );
    check_refused(
        &format!(r#"{KEYS}, "grants": "SECRET""#),
        "\"clients[0].grants\": expected a sequence",
    );
    check_refused(
        &format!(r#"{KEYS}, "grants": ", expected SECRET at line ""#),
        "\"clients[0].grants\": expected a sequence",
    );
    check_refused(
        &format!(r#"{KEYS}, "expires": "SECRET""#),
        "\"clients[0].expires\": must be a time",
    );
    check_refused(&format!(r#"{KEYS}, "comment": "SECRET"#), "EOF while parsing");
    let shown = format!(
        "{:?}",
        ClientsFile::parse(format!(r#"{{"clients":[{{{KEYS}}}]}}"#).as_bytes()).unwrap()
    );
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[test]
fn tokens() {
    for token in ["", r#", "session_token": "t""#] {
        let expiry = |text: &str| format!(r#"{KEYS}{token}, "expires": "{text}""#);
        for time in [
            "2026-12-31T23:59:59Z",
            "20261231T235959Z",
            "2026-12-31T23:59:59+01:00",
            "2026-12-31T23:59:59.123Z",
            "2028-02-29T00:00:00-08:00",
        ] {
            check_accepted(&expiry(time));
        }
        for time in [
            "2026-12-31",
            "2026-13-31T23:59:59Z",
            "2027-02-29T00:00:00Z",
            "2026-12-31T23:59:59",
            "now",
            "",
        ] {
            check_refused(&expiry(time), "must be a time like");
        }
    }
}

#[test]
fn access_keys() {
    let key = |text: &str| format!(r#""access_key": "{text}", "secret_key": "SECRET""#);
    check_accepted(&key("a.b-c_d+e=@:"));
    for text in ["", "a/b", "a,b", "a b", "\u{e4}", &"a".repeat(129)] {
        check_refused(&key(text), "\"clients[0].access_key\": must be 1 to 128 visible");
    }
    let twice = format!("{KEYS}}},\n{{{KEYS}");
    check_refused(&twice, "line 3, column 45: \"clients\": access key \"AK\" is repeated");
}

#[test]
fn grants() {
    let grant = |members: &str| format!(r#"{KEYS}, "grants": [{{{members}}}]"#);
    check_accepted(&grant(r#""buckets": ["*"], "allow": ["all"]"#));
    check_refused(
        &grant(r#""buckets": ["a"]"#),
        "\"clients[0].grants[0]\": missing member `allow` or `deny`",
    );
    check_refused(
        &grant(r#""allow": ["read"]"#),
        "\"clients[0].grants[0]\": missing member `buckets`",
    );
    check_refused(&grant(r#""buckets": [], "allow": ["read"]"#), "\"buckets\" must not be empty");
    check_refused(&grant(r#""buckets": ["a"], "allow": []"#), "\"allow\" must not be empty");
    check_refused(
        &grant(r#""buckets": ["a*b"], "allow": ["read"]"#),
        "\"clients[0].grants[0]\": \"buckets\" must be",
    );
    check_refused(
        &grant(r#""buckets": ["a"], "allow": ["raed"]"#),
        "\"clients[0].grants[0].allow[0]\": must be \"admin\", \"all\"",
    );
    check_refused(&grant(r#""buckets": ["a"], "allow": ["Read"]"#), "must be \"admin\"");
    check_refused(
        &grant(r#""buckets": "a", "allow": ["read"]"#),
        "\"clients[0].grants[0].buckets\": expected a sequence",
    );
    check_refused(
        &grant(r#""buckets": ["a"], "allow": ["read"], "prefix": null"#),
        "prefix\": expected a string or a list of strings",
    );
    check_refused(
        &grant(r#""buckets": ["a"], "allow": ["read"], "prefixes": []"#),
        "prefixes\": unknown member",
    );
}

#[test]
fn the_file_itself() {
    let check = |text: &str, expected: &str| {
        let error = ClientsFile::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    };
    assert!(ClientsFile::parse(b"{\"clients\": []}\n").unwrap().is_empty());
    check("", "EOF while parsing");
    check("[]", "expected an object with \"clients\"");
    // Serde reads a structure from a list as well, in an order that is written nowhere.
    check("[[]]", "expected an object with \"clients\"");
    check("{\"clients\": [[\"AK\", \"c\"]]}", "expected an object with \"access_key\"");
    let client = "\"access_key\": \"AK\", \"secret_key\": \"s\"";
    check(
        &format!("{{\"clients\": [{{{client}, \"grants\": [[[\"all\"], [\"b\"]]]}}]}}"),
        "expected an object with \"buckets\" and \"allow\" or \"deny\"",
    );
    check("{}", "missing member `clients`");
    check("{\"clients\": {}}", "\"clients\": expected a list of clients");
    check("{\"clients\": [], \"x\": 1}", "\"x\": unknown member");
    check("{\"clients\": []} {}", "line 1, column 17: expected nothing after the object");
    check("{\"clients\": [},]}", "line 1, column 14: \"clients[0]\": expected value");
}

#[test]
fn keys_of_two_files() {
    let text = format!("{{\"clients\": [{{{KEYS}}}]}}");
    let mut keyring = keyring(&text).unwrap();
    let file = ClientsFile::parse(text.as_bytes()).unwrap();
    let error = file.insert_into(&mut keyring, &mut |_| Err(String::new())).unwrap_err();
    assert_eq!(error.to_string(), "access key \"AK\" is already defined");
}

#[test]
fn finer_grants() {
    let grant = |members: &str| format!(r#"{KEYS}, "grants": [{{"buckets": ["b"], {members}}}]"#);
    check_accepted(&grant(r#""deny": ["delete", "PutObjectAcl"]"#));
    check_accepted(&grant(r#""allow": ["GetObject"], "prefix": ["a/", ""], "comment": "x""#));
    check_accepted(&grant(r#""allow": ["read"], "from": ["192.0.2.0/24", "::1", "unix:"]"#));
    check_refused(&grant(r#""deny": []"#), "\"deny\" must not be empty");
    check_refused(&grant(r#""deny": ["all"], "allow": ["read"]"#), "exclude each other");
    check_refused(&grant(r#""deny": null, "allow": ["read"]"#), "grants[0].deny\": expected");
    check_refused(&grant(r#""allow": ["PostObject"]"#), "grants[0].allow[0]\": must be \"admin\"");
    check_refused(&grant(r#""allow": ["read"], "prefix": []"#), "prefix\": must not be empty");
    check_refused(&grant(r#""allow": ["read"], "prefix": [1]"#), "prefix[0]\": expected a string");
    check_refused(&grant(r#""allow": ["read"], "from": []"#), "from\": must not be empty");
    check_refused(
        &grant(r#""allow": ["read"], "from": ["10.1.2.3/8"]"#),
        "\"clients[0].grants[0].from[0]\": must be a network",
    );
    check_refused(&grant(r#""allow": ["read"], "from": "::1""#), "from\": expected a sequence");
}

#[test]
fn keys_that_are_shut() {
    check_refused(&format!(r#"{KEYS}, "enabled": "yes""#), "enabled\": expected a boolean");
    check_refused(&format!(r#"{KEYS}, "enabled": null"#), "enabled\": expected a boolean");
    let off = keyring(&format!(r#"{{"clients": [{{{KEYS}, "enabled": false}}]}}"#)).unwrap();
    assert!(off.find(b"AK").is_none());
    // Its secret need not be there any more.
    let gone =
        r#"{"clients": [{"access_key": "AK", "secret_key": {"file": "/gone"}, "enabled": false}]}"#;
    assert!(keyring(gone).unwrap().is_empty());
    let on = keyring(&format!(r#"{{"clients": [{{{KEYS}, "enabled": true}}]}}"#)).unwrap();
    assert!(on.find(b"AK").is_some());
}

#[test]
fn keys_for_some_networks() {
    check_refused(
        &format!(r#"{KEYS}, "from": ["nowhere"]"#),
        "clients[0].from[0]\": must be a network",
    );
    check_refused(&format!(r#"{KEYS}, "from": []"#), "clients[0].from\": must not be empty");
    let ring =
        keyring(&format!(r#"{{"clients": [{{{KEYS}, "from": ["192.0.2.0/24"]}}]}}"#)).unwrap();
    let grants = ring.find(b"AK").unwrap().grants();
    let from = |address: &str| Some(crate::ClientAddress::Ip(address.parse().unwrap()));
    assert!(grants.is_unrestricted() && grants.admits(from("192.0.2.1")));
    assert!(!grants.admits(from("192.0.3.1")) && !grants.admits(None));
}
