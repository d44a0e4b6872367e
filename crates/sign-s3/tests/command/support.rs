//! Runs the command, and reads vectors.json.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the tests put secrets.
pub(crate) const SECRET: &str = "SIGN_S3_TEST_SECRET";
/// The argument for it.
pub(crate) const ENV_SECRET: &str = "env:SIGN_S3_TEST_SECRET";

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The values of all lines with this label.
    pub(crate) fn lines(&self, label: &str) -> Vec<&str> {
        let value = |line: &'_ str| line.strip_prefix(label)?.strip_prefix(": ").map(str::len);
        self.stdout.lines().filter_map(|line| line.get(line.len() - value(line)?..)).collect()
    }

    /// The lines that are indented below this label.
    pub(crate) fn block(&self, label: &str) -> Option<String> {
        let (_, rest) = self.stdout.split_once(&format!("{label}:\n"))?;
        let inside = rest.lines().take_while(|line| line.is_empty() || line.starts_with("    "));
        let lines: Vec<_> = inside.map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
        Some(lines.join("\n"))
    }
}

/// Runs `sign_s3` with this secret in the environment and this standard input.
pub(crate) fn sign_s3(arguments: &[&str], secret: &str, input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sign_s3"))
        .args(arguments)
        .env(SECRET, secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The vectors of the protocol reference.
pub(crate) fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../sigv4/tests/vectors.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The member `name` of the vector or case `id`.
pub(crate) fn find<'v>(vectors: &'v Value, list: &str, id: &str) -> &'v Value {
    let list = vectors[list].as_array().unwrap();
    list.iter().find(|entry| entry["id"] == id).unwrap_or_else(|| panic!("no {id}"))
}

/// A member that is text.
pub(crate) fn text<'v>(entry: &'v Value, name: &str) -> &'v str {
    entry[name].as_str().unwrap_or_else(|| panic!("{} has no {name}", entry["id"]))
}

/// The head of a vector or case as it is sent, plus one more header if it has to be added.
pub(crate) fn head(entry: &Value, more: Option<(&str, &str)>) -> Vec<u8> {
    let target = entry.get("signed_target").unwrap_or(&entry["target"]).as_str().unwrap();
    let mut head = format!("{} {target} HTTP/1.1\r\n", text(entry, "method"));
    let pair = |header: &Value| (header[0].as_str().unwrap().to_owned(), header[1].clone());
    for (name, value) in entry["headers"].as_array().unwrap().iter().map(pair) {
        head += &format!("{name}: {}\r\n", value.as_str().unwrap());
    }
    if let Some((name, value)) = more {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}
