//! `sign_s3 check-clients`.

use std::path::PathBuf;

use crate::support::{Run, sign_s3};

const CLIENTS: &str = r#"{"clients": [
  {"access_key": "AKIDALL", "secret_key": "HUSH"},
  {"access_key": "AKIDNONE", "secret_key": {"file": "/nowhere"}, "grants": []},
  {"access_key": "AKIDOFF", "secret_key": "HUSH", "enabled": false},
  {"access_key": "AKIDENDS", "secret_key": "HUSH", "expires": "2026-06-30T12:00:00Z", "from": ["192.0.2.0/24"]},
  {"access_key": "AKIDTENANT", "secret_key": "HUSH", "root": "tenants/a/"},
  {"access_key": "AKIDWEB", "secret_key": "HUSH", "grants": [
    {"buckets": ["photos", "logs-*"], "prefix": "2026/", "allow": ["read", "list"]},
    {"buckets": ["photos"], "prefix": "2026/private/", "deny": ["all"]}]}
]}"#;

/// A file of its own for each caller.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sign-s3-{}-{name}.json", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn check(name: &str, text: &str, arguments: &[&str]) -> Run {
    let path = file(name, text);
    let run = sign_s3(&[&["check-clients", path.to_str().unwrap()], arguments].concat(), "", b"");
    std::fs::remove_file(path).unwrap();
    assert!(!run.stdout.contains("HUSH") && !run.stderr.contains("HUSH"), "{run:?}");
    run
}

#[test]
fn all_clients() {
    let run = check("all", CLIENTS, &["--date", "20260701T000000Z"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.stdout,
        "AKIDALL: anything anywhere\n\
         AKIDNONE: nothing\n\
         AKIDOFF: the key is not enabled; anything anywhere\n\
         AKIDENDS: the key has expired; until 2026-06-30T12:00:00Z; from 192.0.2.0/24; anything anywhere\n\
         AKIDTENANT: below tenants/a/; anything anywhere\n\
         AKIDWEB: 2 grants\n    \
             grants[0]: allow list, read on photos, logs-* below \"2026/\"\n    \
             grants[1]: deny all on photos below \"2026/private/\"\n"
    );
}

#[test]
fn what_one_may_do() {
    let can = |arguments: &[&str], code: i32, expected: &str| {
        let run = check("one", CLIENTS, &[&["--as"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), expected), "{run:?}");
    };
    can(
        &["AKIDWEB", "--can", "GetObject", "photos", "2026/a b"],
        0,
        "allowed: GetObject photos/2026/a b: grants[0]: allow list, read on photos, logs-* below \"2026/\"\n",
    );
    can(
        &["AKIDTENANT", "--can", "GetObject", "photos", "a"],
        0,
        "allowed: GetObject photos/a: no grants limit it\n",
    );
    can(
        &["AKIDTENANT", "--can", "DeleteBucket", "photos"],
        1,
        "refused: DeleteBucket photos: it is about more than what is below the client's root\n",
    );
    can(
        &["AKIDWEB", "--can", "GetObject", "photos", "2026/private/a"],
        1,
        "refused: GetObject photos/2026/private/a: grants[1]: deny all on photos below \"2026/private/\"\n",
    );
    can(
        &["AKIDWEB", "--can", "PutObject", "photos", "2026/a"],
        1,
        "refused: PutObject photos/2026/a: no grant covers it\n",
    );
    can(
        &["AKIDALL", "--can", "DeleteBucket", "photos"],
        0,
        "allowed: DeleteBucket photos: no grants limit it\n",
    );
    can(
        &["AKIDOFF", "--can", "GetObject", "b", "k"],
        1,
        "refused: GetObject b/k: the key is not enabled\n",
    );
    let ends = ["AKIDENDS", "--date", "20260630T120000Z", "--can", "GetObject", "b", "k"];
    can(&ends, 1, "refused: GetObject b/k: its key is not for use from there; see --from\n");
    let office = [ends.as_slice(), &["--from", "192.0.2.7"]].concat();
    can(&office, 0, "allowed: GetObject b/k: no grants limit it\n");
}

#[test]
fn what_cannot_be_answered() {
    let run = check(
        "word",
        "{\"clients\": [\n{\"access_key\": \"A\", \"secret_key\": \"HUSH\", \"grant\": []}]}",
        &[],
    );
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("line 2, column 49: \"clients[0].grant\": unknown member"),
        "{run:?}"
    );
    let run = check("nobody", CLIENTS, &["--as", "AKIDOTHER", "--can", "GetObject", "b", "k"]);
    assert!(run.code == Some(2) && run.stderr.contains("has no client \"AKIDOTHER\""), "{run:?}");
    let run = check("name", CLIENTS, &["--as", "AKIDALL", "--can", "getobject", "b", "k"]);
    assert!(run.code == Some(2) && run.stderr.contains("no operation \"getobject\""), "{run:?}");
    let run = check("alone", CLIENTS, &["--can", "GetObject", "b", "k"]);
    assert!(run.code == Some(2) && run.stderr.contains("--as"), "{run:?}");
}
