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

fuzz_target!(|input: &[u8]| {
    let Some((cuts, document)) = input.split_first_chunk::<4>() else { return };
    let mut whole = OriginError::default();
    whole.feed(document);
    let expected = whole.finish();
    assert_ne!(expected, Finding::NeedMore);

    let mut split = OriginError::default();
    let mut cuts = cuts.map(|cut| usize::from(cut) * document.len() / 255);
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([document.len()]) {
        let finding = split.feed(&document[from..cut]);
        assert!(finding == Finding::NeedMore || finding == expected, "{finding:?} before the end");
        from = cut;
    }
    assert_eq!(split.finish(), expected, "{}", document.escape_ascii());

    // Another parser's word.
    let Ok(text) = std::str::from_utf8(document) else { return };
    // It takes tags without a name before the colon, which are no XML with namespaces.
    if text.contains("<:") {
        return;
    }
    let Ok(parsed) = roxmltree::Document::parse(text) else { return };
    let mut codes = parsed.descendants().filter(|node| node.tag_name().name() == "Code");
    let Some(code) = codes.next() else { return };
    let is_plain = code.children().all(|child| child.is_text());
    let code: String = code.children().filter_map(|child| child.text()).collect();
    let is_near = document.len() <= 4096;
    if is_plain && is_near && WITHHELD.contains(&code.trim_ascii()) {
        assert!(matches!(expected, Finding::ProxyCredential(_)), "{code} passes: {text}");
    }
});
