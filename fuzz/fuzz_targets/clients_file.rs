//! clients.json: nothing becomes rights that is not written there, and no message shows a secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use s3::{ClientsFile, SecretReference};
use serde_json::Value;
use sigv4::{Keyring, Secret};

fuzz_target!(|text: &[u8]| {
    let value: Option<Value> = serde_json::from_slice(text).ok();
    let secrets = value.as_ref().map(secrets).unwrap_or_default();
    let file = match ClientsFile::parse(text) {
        Ok(file) => file,
        Err(error) => return hides(&secrets, &format!("{error}\n{error:?}")),
    };
    hides(&secrets, &format!("{file:?}"));
    let value = value.expect("it is JSON");
    let clients = value["clients"].as_array().expect("a list of clients");
    assert_eq!(file.len(), clients.len());

    let mut keyring = Keyring::default();
    let mut resolve = |reference: &SecretReference| match reference {
        SecretReference::Env(name) if name.is_empty() => Err("is not set".to_owned()),
        _ => Ok(Secret::new("resolved")),
    };
    if let Err(error) = file.insert_into(&mut keyring, &mut resolve) {
        return hides(&secrets, &format!("{error}\n{error:?}"));
    }
    let (shut, clients): (Vec<_>, Vec<_>) =
        clients.iter().partition(|client| client["enabled"] == Value::Bool(false));
    assert_eq!(keyring.len(), clients.len());
    for client in shut {
        let access_key = client["access_key"].as_str().expect("an access key");
        assert!(keyring.find(access_key.as_bytes()).is_none(), "{client}");
    }
    for client in clients {
        let access_key = client["access_key"].as_str().expect("an access key");
        let credential = keyring.find(access_key.as_bytes()).expect("a client of the file");
        // Only a client without any word about grants may do anything.
        let is_unrestricted = client.get("grants").is_none();
        assert_eq!(credential.grants().is_unrestricted(), is_unrestricted, "{client}");
        let is_nobody = client["grants"].as_array().is_some_and(Vec::is_empty);
        let read = s3::Operation::of(b"GET", b"/b/k", b"", false);
        assert!(!(is_nobody && credential.grants().allows(read, b"b", b"k")));
        // Nothing is allowed by denials alone.
        let only_denies = client["grants"]
            .as_array()
            .is_some_and(|grants| grants.iter().all(|grant| grant.get("allow").is_none()));
        assert!(!(only_denies && credential.grants().allows(read, b"b", b"k")), "{client}");
    }
    hides(&secrets, &format!("{keyring:?}"));
});

/// Secrets that are long enough to be told from the words of a message, and stand nowhere else.
fn secrets(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    walk(value, false, &mut found, &mut others);
    found.retain(|secret| secret.len() >= 16 && !others.iter().any(|other| other.contains(secret)));
    found
}

fn walk(value: &Value, secret: bool, found: &mut Vec<String>, others: &mut Vec<String>) {
    match value {
        Value::String(text) if secret => found.push(text.clone()),
        Value::String(text) => others.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| walk(item, secret, found, others)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            others.push(name.clone());
            let is_secret = ["secret_key", "secret_keys", "session_token"].contains(&name.as_str());
            // An object says where a secret is, which is none.
            walk(value, is_secret, found, others);
        }),
        _ => {}
    }
}

fn hides(secrets: &[String], message: &str) {
    for secret in secrets {
        assert!(!message.contains(secret.as_str()), "a secret is shown: {message}");
    }
}
