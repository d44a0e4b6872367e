//! nginx-conf/clients.schema.json, which editors use, says of a file what the proxy says of it. Python's jsonschema reads it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use s3::ClientsFile;
use serde_json::{Value, json};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Reads a list of documents, and prints whether each is valid.
const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
print(json.dumps([validator.is_valid(document) for document in json.load(sys.stdin)]))
";

fn by_schema(documents: &[Value]) -> Vec<bool> {
    let mut python = Command::new("python3")
        .args(["-c", VALIDATE, &format!("{ROOT}/nginx-conf/clients.schema.json")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let text = serde_json::to_vec(documents).unwrap();
    python.stdin.take().unwrap().write_all(&text).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "python3 needs jsonschema (Debian: python3-jsonschema)");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A file with a client that has these members, and one with a grant that has these.
fn client(members: Value) -> Value {
    let mut client = json!({"access_key": "AK", "secret_key": "s"});
    merge(&mut client, members);
    json!({"clients": [client]})
}

fn grant(members: Value) -> Value {
    let mut grant = json!({"buckets": ["b"], "allow": ["read"]});
    merge(&mut grant, members);
    client(json!({"grants": [grant]}))
}

/// `null` takes a member away.
fn merge(into: &mut Value, members: Value) {
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}

#[test]
fn the_schema_and_the_reader_agree() {
    let example = std::fs::read(format!("{ROOT}/nginx-conf/clients.json.example")).unwrap();
    let mut documents = vec![
        serde_json::from_slice(&example).unwrap(),
        json!({"clients": []}),
        json!({}),
        json!([]),
        json!({"clients": {}}),
        json!({"clients": [], "x": 1}),
        json!({"clients": [[]]}),
    ];
    for members in [
        json!({}),
        json!({"access_key": null}),
        json!({"secret_key": null}),
        json!({"secret_key": ""}),
        json!({"secret_key": {"env": "A"}}),
        json!({"secret_key": {"file": "A"}}),
        json!({"secret_key": {"file": "A", "env": "B"}}),
        json!({"secret_key": {}}),
        json!({"secret_keys": ["a"]}),
        json!({"secret_key": null, "secret_keys": ["a", {"env": "B"}]}),
        json!({"secret_key": null, "secret_keys": []}),
        json!({"secret_key": null, "secret_keys": ["a", "b", "c"]}),
        json!({"acces": "x"}),
        json!({"comment": "x"}),
        json!({"comment": 1}),
        json!({"enabled": false}),
        json!({"enabled": "no"}),
        json!({"session_token": "t", "expires": "2026-12-31T23:59:59Z"}),
        json!({"expires": "20261231T235959Z"}),
        json!({"expires": "2026-12-31T23:59:59.5+02:00"}),
        json!({"expires": "2026-12-31"}),
        json!({"expires": 1}),
        json!({"from": ["192.0.2.0/24", "2001:db8::/32", "::1", "192.0.2.1", "unix:"]}),
        json!({"from": []}),
        json!({"from": "::1"}),
        json!({"from": ["localhost"]}),
        json!({"grants": []}),
        json!({"grants": {}}),
    ] {
        documents.push(client(members));
    }
    for key in ["a.b-c_d+e=@:", "", "a/b", "a,b", "a b", "\u{e4}", "!~"] {
        documents.push(client(json!({"access_key": key})));
    }
    for root in [
        "a/",
        "tenants/a/",
        "a.b/_~-/",
        ".../",
        "..a/",
        "a../b/",
        "",
        "/",
        "a",
        "/a/",
        "a//",
        "a//b/",
        "./",
        "../",
        "a/./",
        "a/../b/",
        "a b/",
        "a+b/",
        "%61/",
        "\u{e4}/",
        "a\\/",
    ] {
        documents.push(client(json!({"root": root})));
    }
    documents.push(client(json!({"root": 1})));
    documents.push(client(json!({"root": "a".repeat(255) + "/"})));
    documents.push(client(json!({"root": "a".repeat(256) + "/"})));
    documents.push(client(json!({"access_key": "a".repeat(128)})));
    documents.push(client(json!({"access_key": "a".repeat(129)})));
    for members in [
        json!({}),
        json!({"allow": null}),
        json!({"allow": []}),
        json!({"deny": ["all"]}),
        json!({"allow": null, "deny": ["all", "GetObject"]}),
        json!({"allow": null, "deny": []}),
        json!({"buckets": null}),
        json!({"buckets": []}),
        json!({"prefix": "a/"}),
        json!({"prefix": ["a/", ""]}),
        json!({"prefix": []}),
        json!({"prefix": 1}),
        json!({"from": ["10.0.0.0/8"]}),
        json!({"from": []}),
        json!({"comment": "x"}),
        json!({"prefixes": []}),
    ] {
        documents.push(grant(members));
    }
    for bucket in ["*", "logs-*", "a.b", ".a", "", "**", "a*b", "*a", "a/b", ".", "..", "..*"] {
        documents.push(grant(json!({"buckets": [bucket]})));
    }
    let words = s3::Operation::ALL.iter().map(|operation| operation.name());
    for word in words.chain(["admin", "all", "delete", "list", "read", "write", "Read", "GET", ""])
    {
        documents.push(grant(json!({"allow": [word]})));
    }
    let verdicts = by_schema(&documents);
    assert_eq!(verdicts.len(), documents.len());
    for (document, by_schema) in documents.iter().zip(verdicts) {
        let by_reader = ClientsFile::parse(document.to_string().as_bytes());
        assert_eq!(by_reader.is_ok(), by_schema, "{document}: {by_reader:?}");
    }
}
