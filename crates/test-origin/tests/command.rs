//! The command as scripts see it: what it prints, how it ends, and that it lets nobody in without a signature.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

/// A running origin with files of its own; ended and swept up when dropped.
struct Running {
    child: Child,
    root: PathBuf,
    addresses: Vec<String>,
}

impl Running {
    /// Starts two origins on free ports. `name` keeps the directories of tests that run at once apart.
    fn start(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("test-origin-{}-{name}", std::process::id()));
        let spec = |name| {
            format!("name={name},listen=127.0.0.1:0,root={}/{name},key=K,secret=S", root.display())
        };
        let mut child = command(&["--origin", &spec("a"), "--origin", &spec("b")])
            .args(["--create-bucket", "demo"])
            .arg("--log")
            .arg(root.with_extension("log"))
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().take(2);
        let addresses = lines
            .map(|line| line.unwrap())
            .zip(["listening a ", "listening b "])
            .map(|(line, start)| line.strip_prefix(start).unwrap().to_owned())
            .collect();
        Self { child, root, addresses }
    }

    fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.root);
        let _ = std::fs::remove_file(self.root.with_extension("log"));
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-origin"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn get(address: &str, target: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn listens_and_ends_by_signal() {
    let origin = Running::start("signal");
    assert_ne!(origin.addresses[0], origin.addresses[1]);
    assert!(origin.root.join("a/demo").is_dir());
    assert_eq!(origin.terminate(), Some(0));
}

#[test]
fn refuses_and_logs_an_anonymous_request() {
    let origin = Running::start("anonymous");
    let answer = get(&origin.addresses[1], "/demo/key?x=1");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
    let log = std::fs::read_to_string(origin.root.with_extension("log")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(line["origin"], "b");
    assert_eq!(line["target"], "/demo/key?x=1");
    assert_eq!(line["status"], 403);
    assert_eq!(line["headers"]["host"], "x");
}

#[test]
fn names_what_keeps_it_from_starting() {
    let origin = Running::start("taken");
    let spec =
        |listen: &str| format!("listen={listen},root={},key=K,secret=S", origin.root.display());
    let check = |arguments: &[&str], message: &str| {
        let output = command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1);
    };
    check(&["--origin", &spec(&origin.addresses[0])], "cannot listen on 127.0.0.1:");
    let spec = spec("127.0.0.1:0");
    check(&["--origin", &spec, "--create-bucket", "No Bucket"], "\"No Bucket\" is no bucket name");
    check(
        &["--origin", &spec, "--tls-cert", "/nowhere", "--tls-key", "/nowhere"],
        "cannot read /nowhere",
    );
}
