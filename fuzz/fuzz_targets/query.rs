//! Queries: one canonical form, whatever the order and the spelling.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use sigv4::target::canonical_query;

fuzz_target!(|raw: &[u8]| {
    let mut found = Vec::new();
    let verdict = canonical_query(raw, &mut found);
    let expected = by_the_book(raw);
    assert_eq!(verdict.is_ok(), expected.is_some(), "{}: {verdict:?}", raw.escape_ascii());
    let Some(expected) = expected else { return };
    assert_eq!(found, expected, "{}", raw.escape_ascii());

    let mut again = Vec::new();
    canonical_query(&found, &mut again).unwrap();
    assert_eq!(again, found, "not its own canonical form");
    let mut pairs: Vec<_> = raw.split(|&b| b == b'&').collect();
    pairs.reverse();
    again.clear();
    canonical_query(&pairs.join(&b'&'), &mut again).unwrap();
    assert_eq!(again, found, "the order matters");
});

/// The rules of 2.3, one after the other.
fn by_the_book(raw: &[u8]) -> Option<Vec<u8>> {
    let mut pairs = BTreeMap::new();
    for pair in raw.split(|&b| b == b'&').filter(|pair| !pair.is_empty()) {
        let equals = pair.iter().position(|&b| b == b'=');
        let (name, value) = equals.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
        let [name, value] = [fuzz::decode(name)?, fuzz::decode(value)?];
        let [name, value] = [fuzz::encode(&name, false), fuzz::encode(&value, false)];
        if name.is_empty() || pairs.insert(name, value).is_some() {
            return None;
        }
    }
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| [name, value].join(&b'=')).collect();
    (pairs.len() <= sigv4::MAX_PARAMETERS).then(|| pairs.join(&b'&'))
}
