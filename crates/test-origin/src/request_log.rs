//! The request log: what an origin received, one JSON object a line, for tests to look at.
//!
//! `{"headers":{"host":"…", …},"method":"PUT","origin":"a","status":200,"target":"/demo/k","version":"HTTP/1.1"}`
//!
//! Header names are lower case and a header that came twice is joined by ", ". The line is written when the answer's
//! head is known. A signature is no secret, and tests look at `authorization`, so nothing is left out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use crate::StartFailure;

/// The open log file, or nothing where no `--log` was given.
pub(crate) struct RequestLog {
    file: Option<Mutex<File>>,
}

/// What a request said, kept until its answer is known.
pub(crate) struct Entry(Map<String, Value>);

impl RequestLog {
    /// Opens `path` for appending, so that tests may keep one file over several starts.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, StartFailure> {
        let open = |path: &Path| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|e| format!("cannot open {}: {e}", path.display()))
        };
        Ok(Self { file: path.map(open).transpose()?.map(Mutex::new) })
    }

    /// Copies what will be written of a request; nothing is copied where there is no log.
    pub(crate) fn entry(&self, origin: &str, head: &Parts) -> Option<Entry> {
        self.file.as_ref()?;
        let mut fields = Map::new();
        fields.insert("origin".to_owned(), json!(origin));
        fields.insert("method".to_owned(), json!(head.method.as_str()));
        fields.insert("target".to_owned(), json!(head.uri.to_string()));
        fields.insert("version".to_owned(), json!(format!("{:?}", head.version)));
        fields.insert("headers".to_owned(), Value::Object(headers(&head.headers)));
        Some(Entry(fields))
    }

    /// Writes the line; `None` stands for an answer that never came (s3s gave the connection up).
    pub(crate) fn write(&self, entry: Option<Entry>, status: Option<StatusCode>) {
        let (Some(file), Some(Entry(mut fields))) = (&self.file, entry) else { return };
        fields.insert("status".to_owned(), json!(status.map(|s| s.as_u16())));
        let line = format!("{}\n", Value::Object(fields));
        let mut file = file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = file.write_all(line.as_bytes()) {
            eprintln!("test-origin: cannot write to the request log: {error}");
        }
    }
}

fn headers(map: &HeaderMap) -> Map<String, Value> {
    let joined = |name| {
        let values = map.get_all(name).iter();
        values.map(|v| String::from_utf8_lossy(v.as_bytes())).collect::<Vec<_>>().join(", ")
    };
    map.keys().map(|name| (name.to_string(), Value::String(joined(name)))).collect()
}
