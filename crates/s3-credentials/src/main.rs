//! `s3_credentials`: gets the temporary credentials of an S3 origin from where AWS's tools get theirs, and keeps them in a file, which
//! `credentials` of s3_origin names.
//!
//! What is written is the document of `credential_process`. It takes the place of the old one at once, well before that ends. Where new
//! ones cannot be had, the old ones stay, and it is tried again. No secret is logged.
//!
//! Exit codes: 0 ended by a signal, or written with `--once`; 1 not written with `--once`; 2 nothing could be done.

#![warn(missing_docs)]

mod args;
mod chain;
mod document;
mod output_file;
mod renewal;
mod schedule;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::CommandLine;
use crate::output_file::OutputFile;
use crate::renewal::{Asked, Renewal};

/// A failure that ends the program, worded so that it reads after a colon.
type Failure = String;

// One thread: there is one thing to do, and mostly it waits.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = CommandLine::parse();
    match run(&args).await {
        Ok(code) => code,
        Err(failure) => {
            log(&failure);
            ExitCode::from(2)
        }
    }
}

async fn run(args: &CommandLine) -> Result<ExitCode, Failure> {
    let file = OutputFile::new(&args.file, args.group.as_deref())?;
    let mut signals = Signals::listen()?;
    let mut renewal = Renewal::new(file, SystemTime::now, log);
    let mut provider = chain::load(args).await?;
    if args.once {
        return Ok(match renewal.attempt(&provider).await {
            Asked::Written { .. } => ExitCode::SUCCESS,
            Asked::Failed { .. } => ExitCode::FAILURE,
        });
    }
    loop {
        let attempt = tokio::select! {
            attempt = renewal.attempt(&provider) => attempt,
            Told::End(name) = signals.next() => return Ok(ended(name)),
        };
        let pause = tokio::time::sleep(attempt.pause());
        tokio::select! {
            () = pause => {}
            event = signals.next() => match event {
                Told::End(name) => return Ok(ended(name)),
                // Profiles and the environment's files may say something else now.
                Told::Again => {
                    log("SIGHUP: asking anew");
                    provider = chain::load(args).await?;
                }
            },
        }
    }
}

fn ended(signal: &str) -> ExitCode {
    log(&format!("{signal}: ends; the file stays"));
    ExitCode::SUCCESS
}

fn log(line: &str) {
    eprintln!("s3_credentials: {line}");
}

enum Told {
    /// Ask for credentials now.
    Again,
    /// Go, for the signal of this name.
    End(&'static str),
}

/// What the one who started it may say.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hangup.recv() => Told::Again,
            _ = self.interrupt.recv() => Told::End("SIGINT"),
            _ = self.terminate.recv() => Told::End("SIGTERM"),
        }
    }
}
