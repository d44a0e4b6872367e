//! Explanations: the steps of the vectors, and what is said about the cases.

use serde_json::Value;

use crate::support::{ENV_SECRET, Run, find, head, sign_s3, text, vectors};

/// Explains a case of the reference as its server saw it, with the secret that belongs to its key.
fn explain(vectors: &Value, case: &Value) -> Run {
    let head = head(case, None);
    let credentials = vectors["credentials"].as_object().unwrap();
    let is_named = |credential: &&Value| {
        let key = text(credential, "access_key").as_bytes();
        head.windows(key.len()).any(|window| window == key)
    };
    let secret =
        credentials.values().find(is_named).map(|credential| text(credential, "secret_key"));
    let secret = secret.unwrap_or("not-the-secret-of-anybody");
    let arguments = ["explain", "--region", "us-east-1", "--date", text(case, "now")];
    let run = sign_s3(&[arguments.as_slice(), &["--secret", ENV_SECRET]].concat(), secret, &head);
    assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}", case["id"]);
    run
}

#[test]
fn the_steps_are_those_of_the_vectors() {
    let vectors = vectors();
    let mut count = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        if vector["service"] != "s3" || vector.get("canonical_request").is_none() {
            continue;
        }
        let authorization = vector["authorization"].as_str();
        let head = head(vector, authorization.map(|value| ("Authorization", value)));
        let arguments = ["explain", "-s", ENV_SECRET, "--date", text(vector, "timestamp")];
        let run = sign_s3(&arguments, text(vector, "secret_key"), &head);
        let id = text(vector, "id");
        let block = |label: &str| run.block(label).unwrap_or_else(|| panic!("{id}: {run:?}"));
        assert_eq!(block("canonical request"), text(vector, "canonical_request"), "{id}");
        assert_eq!(run.lines("its SHA-256"), [text(vector, "canonical_request_sha256")], "{id}");
        assert_eq!(block("string to sign"), text(vector, "string_to_sign"), "{id}");
        assert_eq!(run.lines("signature computed"), [text(vector, "signature")], "{id}");
        assert!(run.lines("difference").is_empty(), "{id}");
        count += 1;
    }
    assert!(count > 20, "{count}");
}

#[test]
fn verdicts_are_those_of_the_reference() {
    // Not to be seen in a head: whose token it is, how large an object may be, and the body.
    let elsewhere = ["T041", "T042", "T044", "T045", "T134", "T153", "T170"];
    let body = |id: &str| ["T145", "T146", "T152"].contains(&id) || id >= "T159";
    let vectors = vectors();
    for case in vectors["cases"].as_array().unwrap() {
        let id = text(case, "id");
        let run = explain(&vectors, case);
        let accepted = case["expect"]["decision"] == "accept";
        if accepted {
            assert_eq!(run.code, Some(0), "{id}: {run:?}");
            assert_eq!(run.lines("result"), ["valid"], "{id}");
        } else if !elsewhere.contains(&id) && !body(id) {
            assert_eq!(run.code, Some(1), "{id}: {run:?}");
            assert!(run.lines("result")[0].starts_with("refused: "), "{id}");
        }
    }
}

#[test]
fn differences_are_found() {
    let vectors = vectors();
    let check = |id: &str, expected: &str| {
        let run = explain(&vectors, find(&vectors, "cases", id));
        assert_eq!(run.code, Some(1), "{id}");
        assert_eq!(run.lines("difference"), [format!("the signature fits {expected}")], "{id}");
    };
    check("T020", "this request; only its form is wrong");
    check("T058", "header \"x-amz-meta-a\" with value 1 only of its values");
    check("T064", "host \"s3.proxy.example:8443\"; the request has \"s3.proxy.example\"");
    check("T067", "header \"accept-encoding\" with value \"identity\"");
    check("T070", "method GET; the request has DELETE");
    check("T071", "method GET; the request has HEAD");
    check("T076", "the path without encoding, or it was encoded again on the way");
    check("T078", "the path as sent; S3 encodes it anew");
    check("T081", "\"+\" in the path as %2B; S3 reads it as a blank");
    check("T082", "the path encoded twice; S3 encodes it once");
    check("T089", "the query without \"=\" after names that have no value");
    check("T090", "a query without parameter \"versionId\"");
    check("T091", "a query without parameter \"acl\"");
    check("T093", "the query sorted as text; it is sorted by name, then value");
    check("T100", "method GET; the request has PUT");
    check("T131", "a query without parameter \"versionId\"");
}

#[test]
fn faults_and_hints() {
    let vectors = vectors();
    let check = |id: &str, label: &str, part: &str| {
        let run = explain(&vectors, find(&vectors, "cases", id));
        assert!(run.lines(label).iter().any(|line| line.contains(part)), "{id}: {run:?}");
    };
    check("T019", "result", "not signed");
    check("T021", "hint", "63 characters");
    check("T027", "result", "region \"eu-west-1\" is wrong, expecting \"us-east-1\"");
    check("T036", "result", "more than 900 s from now");
    check("T049", "result", "headers are not signed: x-amz-copy-source");
    check("T056", "hint", "\"x-amz-meta-a\" is not in the request");
    check("T080", "hint", "\"+\" in the path");
    check("T113", "result", "expired at");
    check("T116", "result", "is dated");
    check("T140", "hint", "Signature V2");
    check("T145", "hint", "the body has to fit");
}

const URL: [&str; 9] =
    ["--date", "20260315T120000Z", "-r", "", "http://h:8080", "K", "secret", "b", "a b"];

fn presigned(options: &[&str]) -> String {
    let run = sign_s3(&[options, &URL].concat(), "", b"");
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout.trim_end().to_owned()
}

fn explain_url(url: &str, secret: &str, options: &[&str]) -> Run {
    let arguments = ["explain", url, "--date", "20260315T120500Z", "-s", ENV_SECRET];
    sign_s3(&[&arguments, options].concat(), secret, b"")
}

#[test]
fn urls() {
    for version in ["2", "4"] {
        let url = presigned(&["-v", version]);
        let check = |secret: &str, options: &[&str], code: i32, label: &str, part: &str| {
            let run = explain_url(&url, secret, options);
            assert_eq!(run.code, Some(code), "{run:?}");
            assert!(run.lines(label).iter().any(|line| line.contains(part)), "{part}: {run:?}");
        };
        check("secret", &[], 0, "result", "valid");
        check("secret", &["--key", "K"], 0, "result", "valid");
        check("secret", &["--key", "L"], 1, "hint", "signed by key \"K\", not \"L\"");
        check("other", &[], 1, "difference", "none that is known");
        check("secret\n", &[], 1, "hint", "white space");
        check("secret\n", &[], 1, "difference", "without the white space");
        check("secre", &[], 1, "difference", "none that is known");
        check("secret", &["-X", "HEAD"], 1, "difference", "method GET; the request has HEAD");
        check("secret", &["-H", "x-amz-acl: private"], 1, "result", "refused");
        let late = ["explain", &url, "--date", "20260315T130001Z", "-s", ENV_SECRET];
        let late = sign_s3(&late, "secret", b"");
        assert!(late.code == Some(1) && late.lines("result")[0].contains("expired"), "{late:?}");
    }
    let url = presigned(&[]);
    let run = explain_url(&url, "secret", &["--host", "inner:9000"]);
    let expected = "the signature fits host \"h:8080\"; the request has \"inner:9000\"";
    assert_eq!(run.lines("difference"), [expected]);
    let run = explain_url(&url, "secret", &["--region", "eu-west-1"]);
    assert!(run.lines("result")[0].contains("region"), "{run:?}");
    assert_eq!(run.code, Some(1));
    assert!(explain_url(&url, "secret", &[]).lines("hint")[0].contains("region is empty"));
}

#[test]
fn a_scope_that_was_changed() {
    let url = presigned(&[]).replace("%2F20260315%2F%2Fs3", "%2F20260315%2Feu-west-1%2Fs3");
    let run = explain_url(&url, "secret", &[]);
    // The credential is in the canonical query too, so this is no scope alone.
    assert_eq!(
        run.lines("difference"),
        ["none that is known: the secret is another one, or what was signed has changed"]
    );
}

#[test]
fn a_v2_signature_without_escaped_plus() {
    let sent = (0..64).map(|i| presigned(&["-v", "2", "-q", &format!("versionId={i}")]));
    let url = sent.into_iter().find(|url| url.contains("%2B")).unwrap();
    let run = explain_url(&url.replace("%2B", "+"), "secret", &[]);
    assert_eq!(run.code, Some(1));
    assert!(run.lines("hint").iter().any(|line| line.contains("sent as %2B")), "{run:?}");
    assert_eq!(
        run.lines("difference"),
        ["the signature fits this request; only its form is wrong"]
    );
}

#[test]
fn curl_output_and_files() {
    let url = presigned(&[]);
    let target = url.strip_prefix("http://h:8080").unwrap();
    let text =
        format!("* Connected\n> GET {target} HTTP/1.1\n> Host: h:8080\n> \n< HTTP/1.1 403\n");
    let options = ["--date", "20260315T120500Z", "-s", "secret"];
    let run = sign_s3(&[&["explain"], &options[..]].concat(), "", text.as_bytes());
    assert_eq!((run.code, run.lines("result")), (Some(0), vec!["valid"]), "{run:?}");
    let path = format!("{}/head.txt", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, text).unwrap();
    let run = sign_s3(&[&["explain", path.as_str()], &options[..]].concat(), "", b"");
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn without_a_secret_nothing_is_checked_but_the_form() {
    let url = presigned(&[]);
    let run = |date: &str| sign_s3(&["explain", &url, "--date", date], "", b"");
    let result = "no fault found; the signature was not checked, see --secret";
    let good = run("20260315T120500Z");
    assert_eq!((good.code, good.lines("result")), (Some(0), vec![result]));
    assert!(good.lines("signature computed").is_empty());
    assert_eq!(run("20260316T120500Z").code, Some(1));
}

#[test]
fn what_is_no_request() {
    for (arguments, input) in [
        (&["explain"][..], "GET\r\n"),
        (&["explain"], ""),
        (&["explain", "/no/such/file"], ""),
        (&["explain", "ftp://h/b"], ""),
        (&["explain", "-X", "GET"], "GET / HTTP/1.1\r\n\r\n"),
        (&["explain", "-s", "-"], "secret"),
        (&["explain", "-s", "env:SIGN_S3_NO_SUCH_VARIABLE"], "GET / HTTP/1.1\r\n\r\n"),
    ] {
        let run = sign_s3(arguments, "", input.as_bytes());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{arguments:?}: {run:?}");
        assert!(run.stderr.starts_with("sign_s3: "), "{run:?}");
    }
}
