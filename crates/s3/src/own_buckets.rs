//! The answer to ListBuckets for a client whose grants name each of its buckets.
//!
//! It is made of the grants, and no origin is asked. An origin's key seldom has the right to list an account's buckets, a bucket
//! of another account is in no such list, and where buckets are spread over several origins each knows of its own only.

use percent_encoding::percent_decode;

use crate::operation::parameters;
use crate::{ErrorCode, S3Error, error_xml};

/// What each bucket has for its CreationDate, without which several clients cannot read a list: nobody has been asked, and a
/// later date would look like a fact.
const CREATION_DATE: &str = "1970-01-01T00:00:00.000Z";

/// Most buckets in one answer; S3's own limit for `max-buckets`.
const MAX_BUCKETS: usize = 10_000;

/// Makes the document of a list of `buckets`, which are sorted.
///
/// `query` is canonical; its `prefix`, `max-buckets`, `continuation-token` and `bucket-region` count, as in
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>. A token is the name that the page before ended with. `owner`
/// is the client's access key id, and `region` the one that clients sign for; where that is none, a bucket is in any region.
///
/// # Errors
///
/// `InvalidArgument` for a `max-buckets` that is no number from 1 to 10000.
///
/// ```
/// let page = s3::own_bucket_list(&[b"logs", b"media"], b"max-buckets=1", b"AKIDAPP", None).unwrap();
/// let page = String::from_utf8(page).unwrap();
/// assert!(page.contains("<Bucket><Name>logs</Name>") && page.contains("<ContinuationToken>logs<"));
/// ```
pub fn own_bucket_list(
    buckets: &[&[u8]],
    query: &[u8],
    owner: &[u8],
    region: Option<&[u8]>,
) -> Result<Vec<u8>, S3Error> {
    let page = Page::of(query)?;
    let in_region =
        page.region.as_deref().is_none_or(|asked| region.is_none_or(|own| own == asked));
    let mut shown = buckets.iter().filter(|name| {
        in_region
            && page.prefix.as_deref().is_none_or(|prefix| name.starts_with(prefix))
            && page.after.as_deref().is_none_or(|after| **name > after)
    });

    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(
        b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
          <ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner>",
    );
    error_xml::element("ID", owner, &mut out);
    error_xml::element("DisplayName", owner, &mut out);
    out.extend_from_slice(b"</Owner><Buckets>");
    let mut last = None;
    for name in shown.by_ref().take(page.size) {
        out.extend_from_slice(b"<Bucket>");
        error_xml::element("Name", name, &mut out);
        error_xml::element("CreationDate", CREATION_DATE.as_bytes(), &mut out);
        if let Some(region) = region {
            error_xml::element("BucketRegion", region, &mut out);
        }
        out.extend_from_slice(b"</Bucket>");
        last = Some(*name);
    }
    out.extend_from_slice(b"</Buckets>");
    if let (Some(last), Some(_)) = (last, shown.next()) {
        error_xml::element("ContinuationToken", last, &mut out);
    }
    if let Some(prefix) = &page.prefix {
        error_xml::element("Prefix", prefix, &mut out);
    }
    out.extend_from_slice(b"</ListAllMyBucketsResult>");
    Ok(out)
}

/// Which part of the list is asked for.
struct Page {
    prefix: Option<Vec<u8>>,
    /// The last bucket of the page before.
    after: Option<Vec<u8>>,
    region: Option<Vec<u8>>,
    /// Most buckets in it.
    size: usize,
}

impl Page {
    fn of(query: &[u8]) -> Result<Self, S3Error> {
        let value = |name: &[u8]| {
            let mut values = parameters(query).filter(|(other, _)| *other == name);
            values.next().map(|(_, value)| percent_decode(value).collect::<Vec<u8>>())
        };
        let size = match value(b"max-buckets") {
            None => MAX_BUCKETS,
            Some(text) => size(&text).ok_or_else(|| {
                S3Error::new(ErrorCode::InvalidArgument)
                    .with_message("max-buckets must be a number from 1 to 10000.")
                    .with_member("ArgumentName", "max-buckets")
                    .with_member("ArgumentValue", text)
            })?,
        };
        Ok(Self {
            prefix: value(b"prefix"),
            after: value(b"continuation-token"),
            region: value(b"bucket-region"),
            size,
        })
    }
}

fn size(text: &[u8]) -> Option<usize> {
    let number = std::str::from_utf8(text).ok()?.parse().ok()?;
    (1..=MAX_BUCKETS).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&[u8]; 4] = [b"logs-1", b"logs-2", b"media", b"x&y"];

    /// The names in the list that this query asks for, and what stands behind them.
    fn list(query: &str, region: Option<&str>) -> (Vec<String>, String) {
        let document =
            own_bucket_list(&OWN, query.as_bytes(), b"AKID", region.map(str::as_bytes)).unwrap();
        let document = String::from_utf8(document).unwrap();
        let parsed = roxmltree::Document::parse(&document).unwrap();
        let names = parsed.descendants().filter(|node| node.tag_name().name() == "Name");
        let names = names.map(|node| node.text().unwrap_or_default().to_owned()).collect();
        let rest = document.split_once("</Buckets>").unwrap().1;
        (names, rest.strip_suffix("</ListAllMyBucketsResult>").unwrap().to_owned())
    }

    #[track_caller]
    fn check(query: &str, names: &[&str], rest: &str) {
        assert_eq!(
            list(query, None),
            (names.iter().map(|&name| name.into()).collect(), rest.into())
        );
    }

    #[test]
    fn pages() {
        let all = ["logs-1", "logs-2", "media", "x&y"];
        check("", &all, "");
        check("x-id=ListBuckets", &all, "");
        check("max-buckets=10000", &all, "");
        check("max-buckets=4", &all, "");
        check("max-buckets=3", &all[..3], "<ContinuationToken>media</ContinuationToken>");
        check("continuation-token=media&max-buckets=3", &all[3..], "");
        check("continuation-token=zz", &[], "");
        check(
            "continuation-token=logs-1&max-buckets=1",
            &all[1..2],
            "<ContinuationToken>logs-2</ContinuationToken>",
        );
        check("prefix=logs-", &all[..2], "<Prefix>logs-</Prefix>");
        check("prefix=x%26", &all[3..], "<Prefix>x&amp;</Prefix>");
        check(
            "max-buckets=1&prefix=logs-",
            &all[..1],
            "<ContinuationToken>logs-1</ContinuationToken><Prefix>logs-</Prefix>",
        );
        check(
            "continuation-token=logs-1&max-buckets=1&prefix=logs-",
            &all[1..2],
            "<Prefix>logs-</Prefix>",
        );
        check("prefix=a", &[], "<Prefix>a</Prefix>");
    }

    #[test]
    fn sizes_that_are_none() {
        for text in ["0", "10001", "", "x", "-1", "1.5", "%31%00", "99999999999999999999"] {
            let query = format!("max-buckets={text}");
            let error = own_bucket_list(&OWN, query.as_bytes(), b"AKID", None).unwrap_err();
            assert_eq!((error.code(), error.status()), ("InvalidArgument", 400), "{text}");
        }
    }

    #[test]
    fn regions() {
        let in_region = |query| list(query, Some("local")).0.len();
        assert_eq!(in_region(""), 4);
        assert_eq!(in_region("bucket-region=local"), 4);
        assert_eq!(in_region("bucket-region=eu-west-1"), 0);
        assert_eq!(list("bucket-region=eu-west-1", None).0.len(), 4);
    }

    #[test]
    fn shape() {
        let document = own_bucket_list(&OWN[2..3], b"", b"AKID", Some(b"local")).unwrap();
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Owner><ID>AKID</ID><DisplayName>AKID</DisplayName></Owner><Buckets><Bucket><Name>media</Name>\
             <CreationDate>1970-01-01T00:00:00.000Z</CreationDate><BucketRegion>local</BucketRegion></Bucket></Buckets>\
             </ListAllMyBucketsResult>"
        );
    }
}
