//! The two ends of the benchmark: a client that signs, and an origin that costs next to nothing.
//!
//!     bench-load origin --listen 127.0.0.1:9000
//!     bench-load run --to 127.0.0.1:9100 --scenario get-header --size 4096 --seconds 2
//!     bench-load idle --to 127.0.0.1:9100 --connections 5000
//!     bench-load slow --to 127.0.0.1:9100 --scenario get-header --size 16777216 --connections 1000
//!     bench-load urls --to 127.0.0.1:9100 --scheme https --scenario get-presigned
//!     bench-load floor
//!     bench-load spin
//!
//! The result of `run` and `floor` is one JSON object on standard output. Not part of what is shipped.

mod connection;
mod floor;
mod idle;
mod latency;
mod origin;
mod payload;
mod poll;
mod prepared;
mod run;
mod scenario;
mod slow;
mod transport;
mod urls;

use std::error::Error;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Load generator and origin of the benchmark")]
struct LoadOptions {
    #[command(subcommand)]
    command: LoadCommand,
}

#[derive(Subcommand)]
enum LoadCommand {
    /// Prints what hashing alone costs.
    Floor,
    /// Opens connections, sends one request on each, and holds them until standard input ends.
    Idle(idle::IdleArgs),
    /// Serves objects of any size and swallows uploads.
    Origin(origin::ServeArgs),
    /// Sends requests and prints what came of it.
    Run(run::RunArgs),
    /// Reads objects slowly until standard input ends.
    Slow(slow::SlowArgs),
    /// Keeps a core from halting until it is killed; give it the lowest priority that there is.
    Spin,
    /// Prints presigned URLs, one a line.
    Urls(urls::UrlsArgs),
}

fn main() -> Result<(), Box<dyn Error>> {
    match LoadOptions::parse().command {
        LoadCommand::Floor => floor::print(),
        LoadCommand::Idle(args) => idle::hold(&args)?,
        LoadCommand::Origin(args) => origin::serve(&args)?,
        LoadCommand::Run(args) => run::run(&args)?,
        LoadCommand::Slow(args) => slow::read(&args)?,
        LoadCommand::Spin => loop {
            std::hint::spin_loop();
        },
        LoadCommand::Urls(args) => urls::print(&args)?,
    }
    Ok(())
}
