//! Says of each request on standard input whether it verifies: the half of `make differential` that is under test.
//!
//! A line is a JSON object with `method`, `target`, `headers` (pairs) and `now` (ISO basic), all texts as Latin-1, a byte to a
//! character. The answer is a line: `ok`, or the fault.

use std::io::{self, BufRead, BufWriter, Write};

use serde_json::Value;
use sigv4::{
    Credential, Header, Keyring, Policy, RequestParts, Secret, TargetBuffers, Timestamp, verify,
};

fn main() -> io::Result<()> {
    let mut keyring = Keyring::default();
    let token = || Secret::new("FwoGZXIvYXdzEXAMPLE//token+with/specials==");
    for (access_key, secret, temporary) in [
        ("AKIDCLIENT", "cLiEnT+Secret/Key=0123456789abcdefEXAMPLE", false),
        ("ASIACLIENT", "tEmP+Secret/Key=0123456789abcdefEXAMPLE0", true),
    ] {
        let mut credential = Credential::new(access_key, Secret::new(secret), ());
        if temporary {
            credential = credential.with_token(token(), None);
        }
        keyring.insert(credential).map_err(io::Error::other)?;
    }
    let (policy, mut buffers) = (Policy::default(), TargetBuffers::default());
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let value: Value = serde_json::from_str(&line?)?;
        let pairs: Vec<_> = value["headers"].as_array().into_iter().flatten().collect();
        let pairs: Vec<_> = pairs.iter().map(|pair| (bytes(&pair[0]), bytes(&pair[1]))).collect();
        let headers: Vec<_> = pairs.iter().map(|(name, value)| Header { name, value }).collect();
        let (method, target) = (bytes(&value["method"]), bytes(&value["target"]));
        let request = RequestParts { method: &method, target: &target, headers: &headers };
        let now = Timestamp::parse_iso_basic(&bytes(&value["now"]));
        let now = now.ok_or_else(|| io::Error::other("no time"))?;
        match verify(&request, &keyring, &policy, now, &mut buffers) {
            Ok(_) => writeln!(out, "ok")?,
            Err(error) => writeln!(out, "{error}")?,
        }
    }
    out.flush()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().unwrap_or_default().chars().map(|char| char as u8).collect()
}
