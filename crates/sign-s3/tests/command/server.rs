//! The example of a verifying server, against this command and against curl's own signatures.

use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Stdio};

use sigv4::{Credential, Keyring, Policy, Secret};

use crate::support::{ENV_SECRET, sign_s3};

#[allow(dead_code, reason = "the example's own main")]
#[path = "../../../sigv4/examples/verifying-server.rs"]
mod verifying_server;

/// Starts the server for that many requests, from two threads that share a keyring, and gives its URL to `clients`.
fn with_server(requests: usize, clients: impl FnOnce(&str)) {
    let mut keyring = Keyring::default();
    keyring.insert(Credential::new("AKID", Secret::new("secret"), ())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::scope(|scope| {
        let (listener, keyring) = (&listener, &keyring);
        for part in [requests / 2, requests - requests / 2] {
            scope.spawn(move || {
                verifying_server::serve(listener, keyring, &Policy::default(), part);
            });
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| clients(&url)));
        if let Err(panic) = outcome {
            // The server's threads wait for requests that will not come, and end with these.
            (0..requests).for_each(|_| drop(TcpStream::connect(listener.local_addr().unwrap())));
            resume_unwind(panic);
        }
    });
}

/// What the server says to curl, with these arguments.
fn curl(arguments: &[&str], body: &str) -> String {
    let mut child = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), body.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn clients_are_verified() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: no curl");
        return;
    }
    let signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user"];
    let unsigned = ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"];
    with_server(6, |url| {
        let run = sign_s3(&[url, "AKID", ENV_SECRET, "media", "a b.txt"], "secret", b"");
        let presigned = run.stdout.trim_end();
        assert_eq!(curl(&[presigned], ""), "AKID GET /media/a%20b.txt (0 bytes)\n");
        let changed = presigned.replace("a%20b", "a%20c");
        assert!(curl(&[&changed], "").contains("does not match"));

        let object = format!("{url}/media/key");
        let get = [signed.as_slice(), &["AKID:secret"], &unsigned, &[&object]].concat();
        assert_eq!(curl(&get, ""), "AKID GET /media/key (0 bytes)\n");
        let put = [&get[..], &["--request", "PUT", "--data-binary", "@-"]].concat();
        assert_eq!(curl(&put, "12345"), "AKID PUT /media/key (5 bytes)\n");
        let other = [signed.as_slice(), &["AKID:guess"], &unsigned, &[&object]].concat();
        assert!(curl(&other, "").contains("does not match"));
        assert_eq!(curl(&[&object], ""), "request is not signed\n");
    });
}
