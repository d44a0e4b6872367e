//! `test-origin`: one S3 server or several, each with its own address, files and keys.
//!
//! It stands where a real S3 origin would, in `make run` and in the tests. What makes it worth having is that the
//! signatures are verified by s3s, which shares no code with this project: a head that we sign wrongly is refused here.
//! It is no storage for anything that matters.
//!
//! Once every origin listens, one line each goes to standard output:
//!
//! ```text
//! listening NAME 127.0.0.1:PORT
//! ```
//!
//! SIGTERM and SIGINT end it with status 0; what keeps it from starting is one line on standard error and status 1.

#![forbid(unsafe_code)]

mod args;
mod fault;
mod origin;
mod request_log;
mod server;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use crate::args::OriginOptions;
use crate::request_log::RequestLog;
use crate::server::OriginServer;

/// How long requests under way may take once a signal has come; nginx keeps idle connections open, and those end at once.
const GRACE: Duration = Duration::from_secs(2);

/// A failure that ends the program, already worded for the person who started it.
type StartFailure = String;

fn main() -> ExitCode {
    let args = OriginOptions::parse();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(format!("cannot start the runtime: {error}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("test-origin: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: OriginOptions) -> Result<(), StartFailure> {
    let log = Arc::new(RequestLog::open(args.log.as_deref())?);
    let tls = args.tls().map(|files| server::tls_acceptor(&files)).transpose()?;

    let faults: Option<Arc<Path>> = args.faults.as_deref().map(Arc::from);
    let mut servers = Vec::new();
    for config in args.origins()? {
        let service = origin::service(&config)?;
        let (tls, log) = (tls.clone(), Arc::clone(&log));
        servers.push(OriginServer::bind(&config, service, tls, log, faults.clone()).await?);
    }
    // Handlers first: whoever reads the lines below may send a signal at once.
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| format!("SIGTERM: {e}"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| format!("SIGINT: {e}"))?;
    announce(&servers)?;

    let connections = Arc::new(GracefulShutdown::new());
    let mut listeners = JoinSet::new();
    for server in servers {
        listeners.spawn(server.serve(Arc::clone(&connections)));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // The listeners go first: only they may add connections, and they share ownership of the list.
    listeners.shutdown().await;
    if let Some(connections) = Arc::into_inner(connections) {
        let _ = tokio::time::timeout(GRACE, connections.shutdown()).await;
    }
    Ok(())
}

/// Prints the lines that a test waits for, in one write, so that a reader never sees half of them.
fn announce(servers: &[OriginServer]) -> Result<(), StartFailure> {
    let lines: String =
        servers.iter().map(|s| format!("listening {} {}\n", s.name(), s.address())).collect();
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(lines.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|e| format!("cannot write to standard output: {e}"))
}
