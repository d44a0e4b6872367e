//! One attempt after another: asks, writes, says when to ask again.

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};

use crate::document;
use crate::output_file::OutputFile;
use crate::schedule::{after_failure, after_success};

/// Longest time for which a source may think: the chain asks several, and has bounds of its own for most.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known from attempt to attempt.
pub(crate) struct Renewal<Now, Log> {
    file: OutputFile,
    now: Now,
    log: Log,
    /// The end of what was written; none before that, or where it has none.
    end: Option<SystemTime>,
    /// In a row.
    failures: u32,
    /// The access key and end that were logged.
    written: Option<(String, Option<SystemTime>)>,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    /// The file is as it was.
    Failed {
        /// Until the next one.
        pause: Duration,
    },
    /// The file has what was got.
    Written {
        /// Until the next one.
        pause: Duration,
    },
}

impl Asked {
    pub(crate) fn pause(self) -> Duration {
        match self {
            Self::Failed { pause } | Self::Written { pause } => pause,
        }
    }
}

impl<Now: Fn() -> SystemTime, Log: FnMut(&str)> Renewal<Now, Log> {
    pub(crate) fn new(file: OutputFile, now: Now, log: Log) -> Self {
        Self { file, now, log, end: None, failures: 0, written: None }
    }

    /// Asks for credentials and writes them.
    pub(crate) async fn attempt(&mut self, provider: &impl ProvideCredentials) -> Asked {
        let answer = tokio::time::timeout(PATIENCE, provider.provide_credentials()).await;
        let credentials = match answer {
            Ok(Ok(credentials)) => credentials,
            Ok(Err(error)) => return self.failed(&reason(&error)),
            Err(_) => return self.failed(&format!("no answer for {} s", PATIENCE.as_secs())),
        };
        if credentials.expiry().is_some_and(|end| end <= (self.now)()) {
            return self.failed("what came has ended already");
        }
        let Some(text) = document::of(&credentials) else {
            return self.failed("what came cannot be written down");
        };
        match self.file.write(&text) {
            Ok(()) => self.succeeded(&credentials),
            Err(error) => {
                let path = self.file.path().display().to_string();
                self.failed(&format!("{path} cannot be written: {error}"))
            }
        }
    }

    fn succeeded(&mut self, credentials: &Credentials) -> Asked {
        self.failures = 0;
        self.end = credentials.expiry();
        let pause = after_success(self.left(), fastrand::f64());
        // Many sources give the same ones until shortly before their end.
        let written = (credentials.access_key_id().to_owned(), self.end);
        if self.written.as_ref() != Some(&written) {
            let until = self.end.map_or("without end".into(), |end| {
                format!("good until {}", document::instant(end))
            });
            let line = format!(
                "{}: access key {}, {until}; asks again in {} s",
                self.file.path().display(),
                credentials.access_key_id().escape_debug(),
                pause.as_secs()
            );
            (self.log)(&line);
            self.written = Some(written);
        }
        Asked::Written { pause }
    }

    /// The file stays: what is in it works, or did, and an origin may take it longer than was said.
    fn failed(&mut self, reason: &str) -> Asked {
        self.failures = self.failures.saturating_add(1);
        let pause = after_failure(self.failures, self.left(), fastrand::f64());
        let old = match self.end {
            Some(end) if end <= (self.now)() => {
                format!("the file's key has ended at {}", document::instant(end))
            }
            Some(end) => format!("the file's key is good until {}", document::instant(end)),
            None => "the file is as it was".into(),
        };
        let line = format!(
            "no credentials (attempt {}): {reason}; {old}; asks again in {} s",
            self.failures,
            pause.as_secs_f64().ceil()
        );
        (self.log)(&line);
        Asked::Failed { pause }
    }

    /// How long what was written is good.
    fn left(&self) -> Option<Duration> {
        let end = self.end?;
        Some(end.duration_since((self.now)()).unwrap_or_default())
    }
}

/// An error with its causes, in one line. Their `Debug` may hold answers, and secrets in them, so it is never used.
fn reason(error: &CredentialsError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
