mod uploads;

use super::*;
use crate::{Grant, Grants, Operation, Verb};

/// A client that calls the origin's `acme-NAME-eu` NAME, sees what `grants` name, and whose keys begin with `root`.
struct Client {
    root: &'static [u8],
    region: Option<&'static [u8]>,
    renames: bool,
    grants: Grants,
}

impl ClientNames for Client {
    fn bucket<'a>(&'a self, origin: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if !self.renames {
            return Some(Cow::Borrowed(origin));
        }
        origin.strip_prefix(b"acme-")?.strip_suffix(b"-eu").map(Cow::Borrowed)
    }

    fn shows(&self, bucket: &[u8]) -> bool {
        self.grants.shows(bucket, None)
    }

    fn shows_all(&self) -> bool {
        self.grants.is_unrestricted()
    }

    fn root(&self) -> &[u8] {
        self.root
    }

    fn url(&self) -> &[u8] {
        b"https://s3.lan/media/a%20b"
    }

    fn host(&self) -> &[u8] {
        b"s3.lan"
    }

    fn region(&self) -> Option<&[u8]> {
        self.region
    }
}

fn same() -> Client {
    Client { root: b"", region: None, renames: false, grants: Grants::unrestricted() }
}

fn renamed() -> Client {
    Client { renames: true, ..same() }
}

fn rooted() -> Client {
    Client { root: b"t/a/", ..same() }
}

fn limited() -> Client {
    let grant = |names: &[&str]| Grant::new(names, b"x/", &[Verb::Write]).unwrap();
    let grants = Grants::limited(vec![grant(&["media"]), grant(&["logs-*"])]);
    Client { renames: true, grants, ..same() }
}

fn abroad(region: &'static str) -> Client {
    Client { region: Some(region.as_bytes()), ..same() }
}

/// What goes out when the document comes in these pieces.
fn rewrite<'a>(
    client: &Client,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<String, AnswerError> {
    let (mut rewriter, mut out) = (AnswerRewriter::new(), Vec::new());
    for piece in pieces {
        rewriter.feed(piece, client, &mut out)?;
    }
    rewriter.finish(client)?;
    Ok(String::from_utf8(out).unwrap())
}

/// What goes out, whichever two pieces the document comes in, and where it comes byte by byte.
fn everywhere(client: &Client, document: &str) -> Result<String, AnswerError> {
    let document = document.as_bytes();
    let whole = rewrite(client, [document]);
    for at in 0..=document.len() {
        let (first, second) = document.split_at(at);
        assert_eq!(rewrite(client, [first, second]), whole, "split at {at}");
    }
    assert_eq!(rewrite(client, document.chunks(1)), whole, "byte by byte");
    whole
}

fn check(client: &Client, document: &str, expected: &str) {
    assert_eq!(everywhere(client, document).as_deref(), Ok(expected));
}

fn refused(client: &Client, document: &str, expected: AnswerError) {
    assert_eq!(everywhere(client, document), Err(expected), "{document}");
}

fn unchanged(client: &Client, document: &str) {
    check(client, document, document);
}

/// Amazon's form.
const LIST: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>acme-media-eu</Name><Prefix>t/a/</Prefix>\
    <StartAfter>t/a/0</StartAfter><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>/</Delimiter>\
    <IsTruncated>false</IsTruncated><Contents><Key>t/a/k&amp;1&#x1;</Key><ETag>&quot;0&quot;</ETag>\
    <Owner><ID>1</ID><DisplayName>t/a/me</DisplayName></Owner></Contents>\
    <CommonPrefixes><Prefix>t/a/sub/</Prefix></CommonPrefixes></ListBucketResult>";

#[test]
fn where_nothing_is_called_otherwise_nothing_changes() {
    for document in [
        LIST,
        "",
        "  \n",
        "\u{feff}<?xml version='1.0'?><!-- > --><ListBucketResult><Name><![CDATA[a]]>&#98;</Name></ListBucketResult>\n",
        "<Error><Code>NoSuchKey</Code><Key/><Resource>/b/k</Resource></Error>",
        "<LocationConstraint xmlns=\"x\"/>",
    ] {
        unchanged(&same(), document);
    }
}

#[test]
fn lists_of_objects() {
    let by_name = |client, from: &str, to: &str| check(&client, LIST, &LIST.replace(from, to));
    by_name(renamed(), "acme-media-eu", "media");
    let others = LIST.replace("<DisplayName>t/a/", "<DisplayName>");
    check(&rooted(), &others, &others.replace("t/a/", ""));
    let own = LIST.replace(">t/a/", ">").replace("<DisplayName>", "<DisplayName>t/a/");
    check(&rooted(), LIST, &own);
}

#[test]
fn values_in_any_spelling() {
    let list = |key: &str| {
        format!("<ListBucketResult><Contents><Key>{key}</Key></Contents></ListBucketResult>")
    };
    check(&rooted(), &list("t/a/"), "<ListBucketResult></ListBucketResult>");
    for (key, expected) in [
        ("t/a/k", "k"),
        ("t/a/<![CDATA[<k>]]>", "<![CDATA[<k>]]>"),
        ("<![CDATA[t/a/<k>&]]>", "&lt;k&gt;&amp;"),
        ("t&#47;a/k", "k"),
        ("t<!-- - -->/a/k", "k"),
        ("t%2Fa%2Fk%20", "k%20"),
        ("t%2fa/%C3%A4", "%C3%A4"),
        ("t/a/t/a/k", "t/a/k"),
        ("", ""),
    ] {
        check(&rooted(), &list(key), &list(expected));
    }
    for key in ["t/b/k", "t/a", "k", "/t/a/k", "t%252Fa%252Fk", "t%2", "T/a/k", " t/a/k"] {
        refused(&rooted(), &list(key), AnswerError::OutsideRoot);
    }
    refused(&rooted(), &list("&other;"), AnswerError::Malformed);
    refused(&rooted(), &list("t/a/<b/>"), AnswerError::Malformed);
}

#[test]
fn versions_and_uploads() {
    check(
        &rooted(),
        "<ListVersionsResult><Name>b</Name><KeyMarker>t/a/m</KeyMarker><NextKeyMarker>t/a/n</NextKeyMarker>\
         <Version><Key>t/a/1</Key></Version><DeleteMarker><Key>t/a/2</Key></DeleteMarker></ListVersionsResult>",
        "<ListVersionsResult><Name>b</Name><KeyMarker>m</KeyMarker><NextKeyMarker>n</NextKeyMarker>\
         <Version><Key>1</Key></Version><DeleteMarker><Key>2</Key></DeleteMarker></ListVersionsResult>",
    );
    // Ceph has all common prefixes in one element here.
    let uploads = |bucket: &str, root: &str| {
        format!(
            "<ListMultipartUploadsResult><Bucket>{bucket}</Bucket><KeyMarker/><Prefix>{root}</Prefix>\
             <Upload><Key>{root}k</Key><UploadId>t/a/</UploadId></Upload>\
             <CommonPrefixes><Prefix>{root}x/</Prefix><Prefix>{root}y/</Prefix></CommonPrefixes></ListMultipartUploadsResult>"
        )
    };
    check(&renamed(), &uploads("acme-b-eu", ""), &uploads("b", ""));
    check(&rooted(), &uploads("b", "t/a/"), &uploads("b", ""));
    for root in
        ["InitiateMultipartUploadResult", "ListPartsResult", "CompleteMultipartUploadResult"]
    {
        let answer = |bucket: &str, key: &str| {
            format!("<{root} xmlns=\"x\"><Bucket>{bucket}</Bucket><Key>{key}</Key></{root}>")
        };
        check(&renamed(), &answer("acme-b-eu", "k"), &answer("b", "k"));
        check(&rooted(), &answer("b", "t/a/k"), &answer("b", "k"));
    }
}

#[test]
fn places() {
    let complete = |location: &str| {
        format!(
            "<?xml version=\"1.0\"?>\n  \n <CompleteMultipartUploadResult><Location>{location}</Location>\
             <ETag>e</ETag></CompleteMultipartUploadResult>"
        )
    };
    for location in ["http://10.0.0.1:9000/acme-media-eu/a b", "", "/x?a=1&amp;b=2"] {
        check(&same(), &complete(location), &complete("https://s3.lan/media/a%20b"));
    }
    let empty = complete("").replace("<Location></Location>", "<Location />");
    let filled = complete("")
        .replace("<Location></Location>", "<Location >https://s3.lan/media/a%20b</Location>");
    check(&same(), &empty, &filled);
}

#[test]
fn regions() {
    let open = "<LocationConstraint xmlns=\"x\">eu-west-1</LocationConstraint>";
    let empty = "<LocationConstraint xmlns=\"x\"/>";
    let filled = "<LocationConstraint xmlns=\"x\">local</LocationConstraint>";
    check(&abroad("local"), open, filled);
    check(&abroad("local"), empty, filled);
    check(&abroad("us-east-1"), open, &open.replace("eu-west-1", "us-east-1"));
    unchanged(&abroad("us-east-1"), empty);
    unchanged(&same(), open);
    let bucket = |region: &str| {
        format!(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name><BucketRegion>{region}</BucketRegion></Bucket></Buckets>\
             </ListAllMyBucketsResult>"
        )
    };
    check(&abroad("local"), &bucket("eu"), &bucket("local"));
}

#[test]
fn errors() {
    let error = |bucket: &str, resource: &str, key: &str, place: &str| {
        format!(
            "<Error><Code>NoSuchKey</Code><Message>acme-media-eu</Message><Key>{key}</Key><BucketName>{bucket}</BucketName>\
             <Resource>{resource}</Resource><Endpoint>{place}</Endpoint><HostId>h==</HostId></Error>"
        )
    };
    for (origins, clients) in [
        ("/acme-media-eu", "/media"),
        ("/acme-media-eu/k", "/media/k"),
        ("/acme-media-eu/", "/media/"),
        ("acme-media-eu/k/l", "media/k/l"),
        ("/acme-media-eu/acme-media-eu", "/media/acme-media-eu"),
        ("/other/k", "/other/k"),
        ("/", "/"),
        ("", ""),
    ] {
        check(
            &renamed(),
            &error("acme-media-eu", origins, "k", "s3.eu.example"),
            &error("media", clients, "k", "s3.lan"),
        );
    }
    check(&renamed(), &error("stranger", "", "k", "s3.lan"), &error("", "", "k", "s3.lan"));
    check(&rooted(), &error("b", "/b/t/a/k", "t/a/k", ""), &error("b", "/b/k", "k", "s3.lan"));
    check(&rooted(), &error("b", "/b/x", "x", "s3.lan"), &error("b", "/b/x", "", "s3.lan"));
}

#[test]
fn what_is_no_document_of_s3_passes() {
    for document in [
        "<!DOCTYPE html><html><body><br><Name>acme-media-eu</body>",
        "<!doctype html>\n<Error><Key>x</Key></Error>",
        "<html><p>a < b</html>",
        "{\"error\": \"<Error><Key>k</Key></Error>\"}",
        "<",
        "< Error>",
        "\u{0}<Error>",
        "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>",
        "nothing",
    ] {
        let client = Client { root: b"t/a/", ..renamed() };
        if document == "<" {
            refused(&client, document, AnswerError::Incomplete);
        } else {
            unchanged(&client, document);
        }
        let error = everywhere(&limited(), document).unwrap_err();
        assert!(matches!(error, AnswerError::Malformed | AnswerError::Incomplete), "{document}");
    }
}

#[test]
fn lists_of_buckets() {
    let list = |buckets: &str| {
        format!(
            "<ListAllMyBucketsResult xmlns='x'><Owner><ID>i</ID></Owner><Buckets>\n{buckets}</Buckets></ListAllMyBucketsResult>"
        )
    };
    let bucket = |name: &str| {
        format!(
            "<Bucket><Name>{name}</Name><CreationDate>2026</CreationDate><BucketArn>arn:aws:s3:::{name}</BucketArn></Bucket>"
        )
    };
    let origins = list(
        &["acme-media-eu", "acme-media2-eu", "acme-logs-1-eu", "secret", "acme-logs-eu"]
            .map(bucket)
            .join("\n"),
    );
    check(&limited(), &origins, &list(&format!("{}\n\n{}\n\n", bucket("media"), bucket("logs-1"))));
    check(
        &renamed(),
        &origins,
        &list(&format!(
            "{}\n{}\n{}\n\n{}",
            bucket("media"),
            bucket("media2"),
            bucket("logs-1"),
            bucket("logs")
        )),
    );
    unchanged(&same(), &origins);
    unchanged(&limited(), &list(""));
    unchanged(&limited(), "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>");
    unchanged(&limited(), "<Error><Code>AccessDenied</Code></Error>");
    // What has no name, or two, is shown to nobody who does not see all.
    for odd in [
        "<Bucket><CreationDate>2026</CreationDate></Bucket>",
        "<Bucket/>",
        "<Bucket><Name/></Bucket>",
        "<Bucket><Name>acme-media-eu</Name><Name>secret</Name></Bucket>",
        "<Bucket><Name>secret</Name><Name>acme-media-eu</Name></Bucket>",
        "<x:Bucket><x:Name>secret</x:Name></x:Bucket>",
    ] {
        let shown = everywhere(&limited(), &list(odd)).unwrap();
        assert!(!shown.contains("secret"), "{odd}");
    }
    for document in ["", "<ListBucketResult/>", "<Buckets/>", "{}"] {
        refused(&limited(), document, AnswerError::Malformed);
    }
}

#[test]
fn what_ends_in_the_middle_is_not_whole() {
    for end in 1..LIST.len() {
        let result = rewrite(&renamed(), [&LIST.as_bytes()[..end]]);
        if end > LIST.find("<ListBucketResult").unwrap() {
            assert_eq!(result, Err(AnswerError::Incomplete), "{end}");
        }
    }
    for document in
        ["</Error>", "<Error></Error></Error>", "<Error/><Error/>", "<Error><!DOCTYPE x></Error>"]
    {
        let client = limited();
        assert!(everywhere(&client, document).is_err(), "{document}");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let in_list = |inner: String| {
        format!("<ListAllMyBucketsResult><Buckets>{inner}</Buckets></ListAllMyBucketsResult>")
    };
    let long = "x".repeat(70 << 10);
    let too_large = |document: String| {
        let result = rewrite(&limited(), document.as_bytes().chunks(1000));
        assert_eq!(result, Err(AnswerError::TooLarge));
    };
    too_large(in_list(format!("<a b='{long}'/>")));
    too_large(in_list(format!("<Bucket><Name>{long}</Name></Bucket>")));
    too_large(in_list(format!("<Bucket><Name>a</Name>{}</Bucket>", "<a/>".repeat(20 << 10))));
    too_large(in_list("<a>".repeat(40)));
    // What is not kept is not.
    let comment = in_list(format!("<!--{long}--><Owner>{long}</Owner>"));
    assert_eq!(rewrite(&limited(), comment.as_bytes().chunks(1000)), Ok(comment));
}

#[test]
fn which_answers() {
    let none = Changes::default();
    let names = Changes { names: true, ..none };
    let is = |operation, status, changes| rewritten(operation, status, changes);
    assert!(is(Operation::CompleteMultipartUpload, 200, none));
    assert!(is(Operation::GetObject, 307, none) && !is(Operation::GetObject, 304, names));
    assert!(!is(Operation::GetObject, 404, none) && is(Operation::GetObject, 404, names));
    for operation in [Operation::GetObject, Operation::GetBucketPolicy, Operation::UploadPart] {
        assert!(!is(
            operation,
            200,
            Changes { names: true, region: true, uploads: true, hides_buckets: true }
        ));
    }
    assert!(!is(Operation::ListObjectsV2, 200, none) && is(Operation::ListObjectsV2, 200, names));
    assert!(is(Operation::ListBuckets, 200, Changes { hides_buckets: true, ..none }));
    assert!(is(Operation::GetBucketLocation, 200, Changes { region: true, ..none }));
    assert!(!is(Operation::GetBucketLocation, 200, names));
}

/// A folder's marker, which consoles make, has the root for its key.
#[test]
fn the_object_that_is_the_root() {
    let marker = "<Key>t/a/</Key><Size>0</Size>";
    for (root, element) in [
        ("ListBucketResult", "Contents"),
        ("ListVersionsResult", "Version"),
        ("ListVersionsResult", "DeleteMarker"),
        ("ListMultipartUploadsResult", "Upload"),
    ] {
        let own = |key: &str| format!("<{element}><Key>{key}</Key><Owner/></{element}>");
        let list = |elements: &str| format!("<{root}><Prefix></Prefix>{elements}\n</{root}>");
        let before = format!("<{element}>{marker}</{element}>{}", own("t/a/k"));
        check(&rooted(), &list(&before), &list(&own("k")));
        let encoded =
            format!("{}<{element}>{}</{element}>", own("t%2Fa%2Fk"), "<Key>t%2Fa%2F</Key>");
        check(&rooted(), &list(&encoded), &list(&own("k")));
        unchanged(&same(), &list(&before));
        // One without a key.
        unchanged(&rooted(), &list(&format!("<{element}><Size>1</Size></{element}><{element}/>")));
    }
    let elsewhere = format!("<ListPartsResult>{marker}</ListPartsResult>");
    check(&rooted(), &elsewhere, &elsewhere.replace("t/a/", ""));
}
