use super::*;
use crate::{Grant, Verb};

const XMLNS: &str = r#" xmlns="http://s3.amazonaws.com/doc/2006-03-01/""#;

fn document(objects: &str) -> String {
    format!("<Delete{XMLNS}>{objects}</Delete>")
}

fn keys_of(keys: &[&str]) -> String {
    document(
        &keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect::<String>(),
    )
}

fn decide(grants: &Grants, body: &[u8]) -> Result<(), DeleteFault> {
    let access = Access::new(b"POST", b"/ph%6Ftos", b"delete=", []);
    let mut check = DeleteCheck::new(grants, &access);
    for piece in body.chunks(7) {
        check.push(piece)?;
    }
    check.finish().map(|_| ())
}

fn grants() -> Grants {
    Grants::limited(vec![
        Grant::new(&["photos"], b"2026/", &[Verb::Delete]).unwrap(),
        Grant::new(&["photos"], b"2026/keep/", &[Operation::DeleteObject]).unwrap().denying(),
    ])
}

fn check_denied(body: &str, key: &str, by: Option<usize>) {
    let expected = Err(DeleteFault::Denied { by, key: key.into() });
    assert_eq!(decide(&grants(), body.as_bytes()), expected, "{body}");
}

#[test]
fn each_key_is_judged() {
    assert_eq!(decide(&grants(), keys_of(&["2026/a", "2026/b/c"]).as_bytes()), Ok(()));
    check_denied(&keys_of(&["2026/a", "2025/b"]), "2025/b", None);
    check_denied(&keys_of(&["2026/a", "2026/keep/b", "2026/c"]), "2026/keep/b", Some(1));
    check_denied(&keys_of(&["2026//keep/b"]), "2026//keep/b", Some(1));
    check_denied(&keys_of(&["2026/../2025/a"]), "2026/../2025/a", None);
    // Not percent-encoded, unlike a key in a path.
    check_denied(&keys_of(&["2026%2Fa"]), "2026%2Fa", None);
    // As the origin reads it.
    check_denied(&keys_of(&["2026/&#x6b;eep/b"]), "2026/keep/b", Some(1));
    assert_eq!(
        decide(&grants(), keys_of(&["2026/a&amp;b&lt;&gt;&quot;&apos;"]).as_bytes()),
        Ok(())
    );
}

#[test]
fn blanks_around_a_key_are_part_of_it_or_not() {
    check_denied(&keys_of(&[" 2026/a"]), " 2026/a", None);
    check_denied(&keys_of(&["\n2026/a"]), "\n2026/a", None);
    let all = Grants::limited(vec![
        Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
        Grant::new(&["*"], b"keep/", &[Verb::Delete]).unwrap().denying(),
    ]);
    for key in
        ["keep/a", "\tkeep/a", "&#32;keep/a", "\u{a0}keep/a", "\u{2003}keep/a", "&#13;keep/a"]
    {
        let found = decide(&all, keys_of(&[key]).as_bytes());
        assert!(matches!(found, Err(DeleteFault::Denied { by: Some(1), .. })), "{key}: {found:?}");
    }
    assert!(decide(&all, keys_of(&["  "]).as_bytes()).is_err());
    assert_eq!(decide(&all, keys_of(&["other/ keep/a "]).as_bytes()), Ok(()));
}

#[test]
fn documents_of_clients() {
    for body in [
        // botocore, minio-go, aws-sdk-java
        format!("<Delete{XMLNS}><Object><Key>2026/a</Key></Object><Quiet>true</Quiet></Delete>"),
        "<Delete><Quiet>true</Quiet><Object><Key>2026/a</Key><VersionId></VersionId></Object></Delete>".into(),
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<Delete{XMLNS}>\r\n  <Object>\r\n    <Key>2026/a</Key><VersionId>null</VersionId>\r\n  </Object>\r\n</Delete>\r\n"),
        "<?xml version='1.0'?><Delete ><Object ><Key>2026/a</Key><ETag>&quot;x&quot;</ETag><Size>1</Size><LastModifiedTime>x</LastModifiedTime></Object><Quiet/></Delete>".replace("Object >", "Object>"),
    ] {
        assert_eq!(decide(&grants(), body.as_bytes()), Ok(()), "{body}");
    }
}

#[test]
fn documents_that_could_be_read_in_two_ways() {
    let good = "<Object><Key>2026/a</Key></Object>";
    for body in [
        String::new(),
        "{}".into(),
        "<Delete/>".into(),
        document(""),
        document("<Quiet>true</Quiet>"),
        document(good)[..40].into(),
        document(good) + &document(good),
        document(good) + "x",
        format!("x{}", document(good)),
        format!("\u{feff}{}", document(good)),
        document("<Object></Object>"),
        document("<Object/>"),
        document("<Object><Key/></Object>"),
        document("<Object><Key>2026/a</Key><Key>2025/a</Key></Object>"),
        document("<Object><Key>2026/a<Key>2025/a</Key></Key></Object>"),
        document("<Object><Key>2026/a</Key><key>2025/a</key></Object>"),
        document(
            "<Object><Key>2026/a</Key><VersionId>1</VersionId><VersionId>2</VersionId></Object>",
        ),
        document("<Object><Key>2026/<!-- -->a</Key></Object>"),
        document("<Object><Key><![CDATA[2026/a]]></Key></Object>"),
        document("<Object><Key>2026/<?x?>a</Key></Object>"),
        document("<Object><Key x='y'>2026/a</Key></Object>"),
        document("<Object><s:Key>2026/a</s:Key></Object>"),
        document("<Object><Key>2026/a&x;</Key></Object>"),
        document("<Object><Key>2026/a&#0;</Key></Object>"),
        document("<Object><Key>2026/a\r</Key></Object>"),
        document("<Object><Key>2026/a\u{1}</Key></Object>"),
        document("<Object><Key>2026/a</Object></Key>"),
        document(&format!("{good}text")),
        document(&format!("{good}<Other/>")),
        document(&format!("<Delete>{good}</Delete>")),
        document("<Key>2026/a</Key>"),
        format!("<Other>{}</Other>", document(good)),
        format!("<delete>{good}</delete>"),
        format!("<s:Delete xmlns:s='x'>{good}</s:Delete>"),
        format!("<Delete xmlns='x'>{good}</Delete>"),
        format!("<Delete{XMLNS} a='b'>{good}</Delete>"),
        format!("<!DOCTYPE Delete [<!ENTITY x '2025/'>]>{}", document(good)),
        format!("<?xml version='1.1'?>{}", document(good)),
        format!("<?xml version='1.0' encoding='UTF-7'?>{}", document(good)),
        format!(" <?xml version='1.0'?>{}", document(good)),
        format!("{}<?xml version='1.0'?>", document(good)),
    ] {
        let found = decide(&grants(), body.as_bytes());
        assert!(matches!(found, Err(DeleteFault::Malformed(_))), "{body}: {found:?}");
    }
    assert!(decide(&grants(), b"<Delete><Object><Key>2026/\xff</Key></Object></Delete>").is_err());
    let utf16: Vec<u8> = document(good).encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(decide(&grants(), &utf16).is_err());
}

/// Whatever is accepted, a parser that shares no code with ours reads the same keys in it.
#[test]
fn another_parser_agrees() {
    let seed = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}",
        document(
            "<Object><Key>2026/a b</Key><VersionId>1</VersionId></Object> <Object><Key>2026/&#x41;&amp;</Key></Object><Quiet>true</Quiet>"
        )
    );
    let pieces = [
        "<",
        ">",
        "/",
        "&",
        ";",
        "#",
        "Key",
        "<Key>",
        "</Key>",
        "<Object>",
        "</Object>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&#13;",
        "&#x20;",
        "\r",
        " ",
        "xmlns",
        "\"",
        "'",
        "=",
        "é",
        "&lt;",
        "<?",
        "?>",
        "\u{85}",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut accepted = 0;
    for _ in 0..5_000 {
        let mut text = seed.clone();
        for _ in 0..=random(2) {
            let mut at = random(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + random(8)).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            let piece = if random(4) == 0 { "" } else { pieces[random(pieces.len())] };
            text.replace_range(at..end, piece);
        }
        let Ok(keys) = list::keys(text.as_bytes()) else { continue };
        accepted += 1;
        let Ok(parsed) = roxmltree::Document::parse(&text) else { continue };
        let theirs: Vec<String> = parsed
            .descendants()
            .filter(|node| node.tag_name().name() == "Key")
            .map(|node| node.text().unwrap_or_default().to_owned())
            .collect();
        let keys: Vec<_> = keys.into_iter().map(|key| key.text).collect();
        assert_eq!(keys, theirs, "{text}");
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn the_body_is_bounded() {
    let mut check = DeleteCheck::new(&grants(), &Access::new(b"POST", b"/photos", b"delete=", []));
    let piece = vec![b' '; 1024 * 1024];
    assert_eq!(check.push(&piece), Ok(()));
    assert_eq!(check.push(&piece), Ok(()));
    assert_eq!(check.push(b" "), Err(DeleteFault::TooLarge));
}

#[test]
fn answers() {
    let fault = DeleteFault::Denied { by: Some(1), key: b"a\nb".to_vec() };
    assert_eq!(fault.to_string(), "grants[1] denies to delete \"a\\nb\"");
    let error = S3Error::from(&fault);
    assert_eq!((error.status(), error.code()), (403, "AccessDenied"));
    assert_eq!(error.members().next(), Some(("Key", b"a\nb".as_slice())));
    assert_eq!(S3Error::from(&DeleteFault::TooLarge).code(), "MaxMessageLengthExceeded");
    assert_eq!(S3Error::from(&DeleteFault::Malformed("x")).code(), "MalformedXML");
}

#[test]
fn a_root_in_front_of_each_key() {
    let root = crate::KeyRoot::new("t/a/").unwrap();
    let rewritten = |grants: &Grants, body: &str| {
        let access = Access::new(b"POST", b"/photos", b"delete=", []);
        assert_eq!(crate::authorize(grants, false, &access), Ok(crate::Authorized::EachKey));
        let mut check = DeleteCheck::new(grants, &access);
        assert!(check.replaces_body());
        body.as_bytes().chunks(3).try_for_each(|piece| check.push(piece))?;
        check.finish().map(|body| String::from_utf8(body.unwrap().body).unwrap())
    };
    let all = Grants::unrestricted().below(Some(root.clone()));
    let some = grants().below(Some(root));
    let body = |first: &str, second: &str| {
        format!(
            "<?xml version=\"1.0\"?>\n<Delete{XMLNS}> <Object><VersionId>1</VersionId><Key>{first}</Key></Object><Quiet>true</Quiet>\
             <Object>\n<Key>{second}</Key ><ETag>&quot;</ETag></Object></Delete>\n"
        )
    };
    for (first, second) in [("a", "b"), ("&#50;026/x", "t/a/\u{e4}&amp;"), ("2026/a", " b ")] {
        let expected = body(&format!("t/a/{first}"), &format!("t/a/{second}"));
        assert_eq!(rewritten(&all, &body(first, second)), Ok(expected));
    }
    assert_eq!(rewritten(&some, &body("2026/a", "2026/b")), Ok(body("t/a/2026/a", "t/a/2026/b")));
    for key in ["../b/k", "a/./k", "k/..", " .. ", "&#46;./k", " "] {
        let refused = rewritten(&all, &body("a", key));
        assert!(matches!(refused, Err(DeleteFault::Denied { by: None, .. })), "{key}: {refused:?}");
    }
    let denied = rewritten(&some, &body("2026/a", "2026/keep/b"));
    assert_eq!(denied, Err(DeleteFault::Denied { by: Some(1), key: b"2026/keep/b".to_vec() }));
    // Small bodies do not become large ones.
    let root = crate::KeyRoot::new(&format!("{}/", "r".repeat(255))).unwrap();
    let many = keys_of(&vec!["k"; 10_000]);
    let refused = rewritten(&Grants::unrestricted().below(Some(root)), &many);
    assert_eq!(refused, Err(DeleteFault::TooLarge));
}

#[test]
fn the_md5_of_what_goes_on() {
    let grants = Grants::unrestricted().below(Some(crate::KeyRoot::new("a/").unwrap()));
    let mut check = DeleteCheck::new(&grants, &Access::new(b"POST", b"/b", b"delete=", []));
    check.push(b"<Delete><Object><Key>k</Key></Object></Delete>").unwrap();
    let RootedDelete { body, md5 } = check.finish().unwrap().unwrap();
    assert_eq!(body, b"<Delete><Object><Key>a/k</Key></Object></Delete>");
    // By md5sum.
    assert_eq!(md5.map(|byte| format!("{byte:02x}")).concat(), "f8f45cec55da59f05988a8a6d6bd2dcf");
}

#[test]
fn what_the_head_says_of_a_body_that_is_replaced_is_compared() {
    let body = keys_of(&["k"]);
    let judge = |root: bool, name: &str, value: &str| {
        let grants = match root {
            true => Grants::unrestricted().below(Some(crate::KeyRoot::new("a/").unwrap())),
            false => grants(),
        };
        let access = Access::new(b"POST", b"/photos", b"delete=", []);
        let headers = [(name.as_bytes(), value.as_bytes()), (b"x-amz-meta-a", b"1")];
        let mut check = DeleteCheck::new(&grants, &access).with_headers(headers.into_iter());
        check.push(body.as_bytes()).unwrap();
        check.finish().map(|_| ())
    };
    let md5 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, Md5::digest(&body));
    for (name, value) in [
        ("Content-MD5", md5.as_str()),
        ("content-md5", &format!(" {md5} ")),
        // Only passed on.
        ("x-amz-checksum-xxhash64", "AAAAAAAAAAA="),
    ] {
        assert_eq!(judge(true, name, value), Ok(()), "{name}");
    }
    for (name, value) in [
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("content-md5", "?"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-crc32c", "AAAAAA=="),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-sha1", ""),
        ("x-amz-checksum-sha256", "AAAA"),
    ] {
        assert_eq!(judge(true, name, value), Err(DeleteFault::Digest(name)), "{name}");
        // The origin gets the body that this is about. (It may not be deleted here.)
        assert!(matches!(judge(false, name, value), Err(DeleteFault::Denied { .. })), "{name}");
    }
}
