//! Answers in the client's names: the same whatever way they come, nothing changed where nothing is called otherwise, and no bucket
//! shown that is not the client's.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use s3::answer::{AnswerError, AnswerRewriter, ClientNames};

/// A client that has the origin's `o-NAME` as NAME, and sees those that begin with `a`.
struct Client;

impl ClientNames for Client {
    fn bucket<'a>(&'a self, origin: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        origin.strip_prefix(b"o-").map(Cow::Borrowed)
    }

    fn shows(&self, bucket: &[u8]) -> bool {
        bucket.starts_with(b"a")
    }

    fn shows_all(&self) -> bool {
        false
    }

    fn root(&self) -> &[u8] {
        b"r/"
    }

    fn url(&self) -> &[u8] {
        b"http://client/b/k"
    }

    fn host(&self) -> &[u8] {
        b"client"
    }
}

/// A client that calls everything as the origin does. (Its place is its own.)
struct Same;

impl ClientNames for Same {
    fn url(&self) -> &[u8] {
        b"URL"
    }

    fn host(&self) -> &[u8] {
        b"HOST"
    }
}

fn rewrite(
    document: &[u8],
    cuts: [u8; 4],
    names: &dyn ClientNames,
) -> Result<Vec<u8>, AnswerError> {
    let mut cuts = cuts.map(|cut| usize::from(cut) * document.len() / 255);
    cuts.sort_unstable();
    let (mut rewriter, mut out, mut from) = (AnswerRewriter::new(), Vec::new(), 0);
    for cut in cuts.into_iter().chain([document.len()]) {
        rewriter.feed(&document[from..cut], names, &mut out)?;
        from = cut;
    }
    rewriter.finish(names)?;
    Ok(out)
}

/// The names of the buckets that another parser sees in a list, wherever they stand in a `Bucket`.
fn listed(document: &[u8]) -> Option<Vec<String>> {
    let parsed = roxmltree::Document::parse(std::str::from_utf8(document).ok()?).ok()?;
    let names = parsed.descendants().filter(|node| {
        let parents: Vec<_> = node.ancestors().skip(1).map(|it| it.tag_name().name()).collect();
        node.tag_name().name() == "Name"
            && parents == ["Bucket", "Buckets", "ListAllMyBucketsResult", ""]
    });
    let text = |node: roxmltree::Node<'_, '_>| {
        node.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect()
    };
    Some(names.map(text).collect())
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, document)) = input.split_first_chunk::<4>() else { return };
    let whole = rewrite(document, [0; 4], &Client);
    match (rewrite(document, *cuts, &Client), &whole) {
        (Err(_), Err(_)) => {}
        (split, _) => assert_eq!(&split, &whole, "{}", document.escape_ascii()),
    }
    if let Some(names) = whole.as_deref().ok().and_then(listed) {
        let is_shown = |name: &String| name.starts_with('a');
        assert!(names.iter().all(is_shown), "{names:?}: {}", document.escape_ascii());
    }

    let has_place = [&b"Location"[..], b"Endpoint"]
        .iter()
        .any(|name| document.windows(name.len()).any(|part| part == *name));
    if let (false, Ok(same)) = (has_place, rewrite(document, *cuts, &Same)) {
        assert_eq!(same, document, "{}", document.escape_ascii());
    }
});
