//! Request targets: the path that is verified, the key that is authorised and the target that is forwarded are one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sigv4::{TargetBuffers, canonical_target, target};

fuzz_target!(|raw: &[u8]| {
    path(raw);
    target(raw);
});

fn path(raw: &[u8]) {
    let mut found = Vec::new();
    let verdict = target::canonical_path(raw, &mut found);
    // The rules of 2.2, one after the other.
    let decoded = fuzz::decode(raw).filter(|bytes| !bytes.contains(&0));
    let expected = match raw {
        b"" => Some(b"/".to_vec()),
        [b'/', ..] => decoded.as_ref().map(|bytes| fuzz::encode(bytes, true)),
        _ => None,
    };
    assert_eq!(verdict.ok().map(|()| found.clone()), expected, "{}", raw.escape_ascii());
    let Some(canonical) = expected else { return };

    let mut again = Vec::new();
    target::canonical_path(&canonical, &mut again).unwrap();
    assert_eq!(again, canonical, "not its own canonical form");
    let mut key = Vec::new();
    target::decode(&canonical, &mut key);
    assert!(raw.is_empty() || Some(key) == decoded, "another key");
}

fn target(raw: &[u8]) {
    let mut buffers = TargetBuffers::default();
    let Ok(target) = canonical_target(raw, &mut buffers) else { return };
    let (path, query) = (target.path().to_vec(), target.query().to_vec());
    // What a server sends on comes back as it is, however warm the buffers are.
    let mut forwarded = path.clone();
    if !query.is_empty() {
        forwarded.push(b'?');
        forwarded.extend_from_slice(&query);
    }
    assert!(forwarded.iter().all(u8::is_ascii_graphic), "a byte that no target may have");
    // Names of both versions at once: what is left of the other one is taken for authentication again.
    let is_v2 = |name: &[u8]| name == b"Signature" || name == b"AWSAccessKeyId";
    let mut names =
        query.split(|&b| b == b'&').filter_map(|pair| pair.split(|&b| b == b'=').next());
    if names.any(is_v2) {
        return;
    }
    for buffers in [&mut buffers, &mut TargetBuffers::default()] {
        let target = canonical_target(&forwarded, buffers).unwrap();
        assert_eq!((target.path(), target.query()), (&path[..], &query[..]));
        assert_eq!(target.hoisted().count(), 0, "authentication was left in the query");
    }
    let address = s3::Address::of(&path);
    assert!(!address.bucket.contains(&b'/'));
}
