//! Error documents of origins: the same answer whatever way they come, and no word about our key in one that passes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use s3::{Finding, OriginError};

/// Codes that must never reach a client, by any spelling that an XML parser reads as them.
const WITHHELD: [&str; 5] = [
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// The id of our key at the origin.
const ACCESS_KEY: &[u8; 20] = b"AKIDORIGIN0123456789";

fuzz_target!(|input: &[u8]| {
    let Some((cuts, document)) = input.split_first_chunk::<4>() else { return };
    let mut whole = OriginError::new(*b"", *ACCESS_KEY);
    whole.feed(document);
    let expected = whole.finish();
    assert_ne!(expected, Finding::NeedMore);

    let mut split = OriginError::new(*b"", *ACCESS_KEY);
    let mut cuts = cuts.map(|cut| usize::from(cut) * document.len() / 255);
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([document.len()]) {
        let finding = split.feed(&document[from..cut]);
        assert!(!matches!(finding, Finding::Origin(_)), "passes before its end");
        from = cut;
    }
    // Why a document is doubted may depend on where it was cut; whether it passes may not.
    let finding = split.finish();
    match (&finding, &expected) {
        (Finding::Doubt(_), Finding::Doubt(_)) => (),
        _ => assert_eq!(finding, expected, "{}", document.escape_ascii()),
    }
    if let Finding::Origin(_) = expected {
        let names_key = document.windows(ACCESS_KEY.len()).any(|window| window == ACCESS_KEY);
        assert!(!names_key, "our key id passes: {}", document.escape_ascii());
    }

    // Another parser's word.
    let Ok(text) = std::str::from_utf8(document) else { return };
    let Ok(parsed) = roxmltree::Document::parse(text) else { return };
    let mut codes = parsed.descendants().filter(|node| node.tag_name().name() == "Code");
    let Some(code) = codes.next() else { return };
    let is_plain = code.children().all(|child| child.is_text());
    let code: String = code.children().filter_map(|child| child.text()).collect();
    if is_plain && WITHHELD.contains(&code.trim_ascii()) {
        assert!(!matches!(expected, Finding::Origin(_)), "{code} passes: {text}");
    }
});
