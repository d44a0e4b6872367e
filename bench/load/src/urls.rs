//! Presigned URLs for load generators that cannot sign, as h2load.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use crate::scenario::Mix;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UrlsArgs {
    /// Address of the proxy.
    #[arg(long)]
    to: SocketAddr,
    /// The scheme: http or https.
    #[arg(long)]
    scheme: String,
    #[command(flatten)]
    mix: Mix,
}

pub(crate) fn print(args: &UrlsArgs) -> Result<(), Box<dyn Error>> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for target in args.mix.presigned_targets(&args.to.to_string())? {
        writeln!(out, "{}://{}{target}", args.scheme, args.to)?;
    }
    out.flush()?;
    Ok(())
}
