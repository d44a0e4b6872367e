//! Presigned URLs, against vectors that other implementations computed.

use crate::support::{ENV_SECRET, Run, find, sign_s3, text, vectors};

/// Presigns with the key and the date of a vector.
fn presign(id: &str, endpoint: &str, place: [&str; 2], options: &[&str]) -> (Run, String) {
    let vectors = vectors();
    let vector = find(&vectors, "vectors", id);
    let (key, secret) = (text(vector, "access_key"), text(vector, "secret_key"));
    let mut arguments = options.to_vec();
    if let Some(date) = vector["timestamp"].as_str() {
        arguments.extend(["--date", date]);
    }
    arguments.extend([endpoint, key, ENV_SECRET]);
    arguments.extend(place);
    let run = sign_s3(&arguments, secret, b"");
    assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret));
    (run, text(vector, vector.get("signed_target").map_or("signature", |_| "signed_target")).into())
}

fn check(id: &str, endpoint: &str, place: [&str; 2], options: &[&str]) {
    let (run, target) = presign(id, endpoint, place, options);
    let host = match id {
        "A5" => "examplebucket.s3.amazonaws.com",
        _ => "s3.proxy.example:8443",
    };
    assert_eq!(run.stdout, format!("https://{host}{target}\n"), "{id}: {}", run.stderr);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

const PROXY: &str = "https://s3.proxy.example:8443";

#[test]
fn a5_bucket_in_the_host_name() {
    let options = ["--virtual-host", "--region", "us-east-1", "--expires", "86400"];
    check("A5", "https://s3.amazonaws.com", ["examplebucket", "test.txt"], &options);
}

#[test]
fn b7_token_and_signed_header() {
    let token = "FwoGZXIvYXdzEXAMPLE//token+with/specials==";
    let options =
        ["-v", "4", "-e", "900", "--method", "put", "--header", "Content-Type: text/plain"];
    let options = [options.as_slice(), &["--token", token]].concat();
    check("B7", PROXY, ["media", "up load.txt"], &options);
}

#[test]
fn b8_parameters() {
    let disposition = "response-content-disposition=attachment; filename=\"a b.txt\"";
    let options = ["-e", "900", "-q", disposition, "-q", "versionId=3/L4kqtJlcpXroDTDmJ"];
    check("B8", PROXY, ["media", "o"], &options);
}

#[test]
fn b9_upload_part() {
    let options = ["--expires", "604800", "-X", "PUT", "--query", "partNumber=7"];
    let options = [options.as_slice(), &["--query", "uploadId=VXBsb2FkSUQtMTIzNA--"]].concat();
    check("B9", PROXY, ["media", "big"], &options);
}

#[test]
fn v2f_presigned_v2() {
    // An hour, the default, before 1175139620.
    let options = ["-v", "2", "--date", "20070329T024020Z"];
    let place = ["johnsmith", "photos/puppy.jpg"];
    let (run, signature) = presign("V2f", "http://s3.example.com:80/", place, &options);
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let expected = format!(
        "http://s3.example.com/johnsmith/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE\
         &Expires=1175139620&Signature={signature}\n"
    );
    assert_eq!((run.code, run.stdout), (Some(0), expected), "{}", run.stderr);
}

#[test]
fn empty_region_and_default_scheme() {
    let arguments = ["-v", "4", "--region", "", "--date", "20260315T120000Z"];
    let arguments = [arguments.as_slice(), &["localhost:8080", "KEY", "secret", "b", "a/ö+"]];
    let run = sign_s3(&arguments.concat(), "", b"");
    let start = "http://localhost:8080/b/a/%C3%B6%2B?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=KEY%2F20260315%2F%2Fs3%2Faws4_request&X-Amz-Date=20260315T120000Z\
                 &X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=";
    assert!(run.stdout.starts_with(start), "{run:?}");
}

#[test]
fn the_secret_may_come_from_anywhere() {
    let run = |secret: &str, input: &[u8]| {
        let date = ["--date", "20260315T120000Z"];
        let run = sign_s3(&[&date[..], &["h", "K", secret, "b", "o"]].concat(), "s", input);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.stdout
    };
    let expected = run("s", b"");
    assert_eq!(run(ENV_SECRET, b""), expected);
    assert_eq!(run("-", b"s"), expected);
    assert_eq!(run("-", b"s\n"), expected);
    assert_eq!(run("-", b"s\r\n"), expected);
    assert_ne!(run("-", b"s\n\n"), expected);
}

#[test]
fn curl_commands() {
    let arguments = ["--curl", "-X", "PUT", "-H", "x-amz-acl:private", "h", "K", "s", "b", "o"];
    let run = sign_s3(&arguments, "", b"");
    let start = "curl --upload-file FILE --header 'x-amz-acl: private' 'http://h/b/o?";
    assert!(run.stdout.starts_with(start) && run.stdout.ends_with("'\n"), "{run:?}");
}

#[test]
fn what_cannot_be_signed() {
    let check = |options: &[&str], message: &str| {
        let run = sign_s3(&[options, &["h", "K", "s", "b", "o"]].concat(), "", b"");
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{options:?}");
        assert!(run.stderr.contains(message), "{options:?}: {}", run.stderr);
    };
    check(&["-e", "604801"], "more than a week");
    check(&["-e", "-1"], "unexpected argument");
    check(&["-v", "3"], "possible values: 2, 4");
    check(&["--date", "2026-03-15"], "20130524T000000Z");
    check(&["-H", "Host: a"], "given by ENDPOINT");
    check(&["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"], "X-Amz-Content-Sha256=VALUE");
    check(&["-H", "x-amz-meta-a:1\r\nb:2"], "control byte");
    check(&["-q", "X-Amz-Signature=0"], "part of the signature");
    check(&["-q", "X-Amz-Date=0"], "repeated");
    check(&["-q", "a=1", "-q", "a=2"], "repeated");
    check(&["-v", "2", "-q", "not-signed=1"], "parameters are not signed: not-signed");
    check(&["-v", "2", "-e", "99999999999999999999"], "invalid value");
    check(&["-v", "2", "-e", "9999999999999999"], "out of range");
    let run = |arguments: &[&str]| sign_s3(arguments, "", b"").code;
    assert_eq!(run(&[]), Some(2));
    assert_eq!(run(&["h", "K", "s", "b"]), Some(2));
    assert_eq!(run(&["h/path", "K", "s", "b", "o"]), Some(2));
    assert_eq!(run(&["h", "K", "s", "b/c", "o"]), Some(2));
    assert_eq!(run(&["h", "K", "env:SIGN_S3_NO_SUCH_VARIABLE", "b", "o"]), Some(2));
    assert_eq!(run(&["h", "K", ENV_SECRET, "b", "o"]), Some(2));
    assert_eq!(run(&["--help"]), Some(0));
}
