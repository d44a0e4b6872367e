//! `sign_s3`: presigns S3 URLs, and explains a signature that does not match.
//!
//! The protocol is that of the `sigv4` crate; here are only the command line, the clock, and the text that people read.
//! No secret is ever printed. What is printed by `explain` holds what the request held, session tokens included.
//!
//! Exit codes: 0 all well, 1 the explained request, or the operation that was asked about, would be refused, 2 nothing could be done.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod args;
mod check_clients;
mod curl;
mod endpoint;
mod explain;
mod header_line;
mod presign;
mod secret_source;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::CommandFactory as _;
use sigv4::Timestamp;

use crate::args::{Command, CommandLine};

/// A failure that ends the program, worded so that it reads after a colon.
type Failure = String;

/// What goes to standard output, and whether all is well.
struct Outcome {
    text: String,
    valid: bool,
}

fn main() -> ExitCode {
    let outcome = match CommandLine::of_process() {
        CommandLine { command: Some(Command::Explain(args)), .. } => explain::run(&args),
        CommandLine { command: Some(Command::CheckClients(args)), .. } => check_clients::run(&args),
        CommandLine { presign: Some(args), .. } => presign::run(&args),
        // The parser asks for the arguments of one or the other.
        _ => Err(CommandLine::command().render_usage().to_string()),
    };
    match outcome.and_then(print) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("sign_s3: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Prints all at once. A reader that has seen enough is no failure.
fn print(Outcome { text, valid }: Outcome) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write to standard output: {error}"))
        }
        _ => Ok(valid),
    }
}

/// The date that was asked for, else the system's clock.
fn now(date: Option<Timestamp>) -> Result<Timestamp, Failure> {
    let unix = || {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Timestamp::from_unix(i64::try_from(elapsed.as_secs()).ok()?)
    };
    date.or_else(unix).ok_or_else(|| "the system's clock is out of range; try --date".to_owned())
}
