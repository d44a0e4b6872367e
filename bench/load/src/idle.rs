//! Connections that were used once and are kept open.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::scenario::Mix;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct IdleArgs {
    /// Address of the proxy.
    #[arg(long)]
    to: SocketAddr,
    #[command(flatten)]
    mix: Mix,
    /// Connections.
    #[arg(long, default_value_t = 5000)]
    connections: usize,
}

/// Opens the connections, says "ready", and holds them until standard input ends.
pub(crate) fn hold(args: &IdleArgs) -> Result<(), Box<dyn Error>> {
    let pool = args.mix.prepare(&args.to.to_string())?;
    let mut connections = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    for number in 0..args.connections {
        let mut stream = TcpStream::connect(args.to)?;
        let request = &pool.requests[number % pool.requests.len()];
        request.send(&mut Default::default(), &pool.body.block, &mut stream)?;
        let mut answer = Vec::new();
        while !is_complete(&answer, args.mix.size) {
            match stream.read(&mut buffer)? {
                0 => return Err("the proxy closed a connection".into()),
                count => answer.extend_from_slice(&buffer[..count]),
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err("an answer that was not expected".into());
        }
        connections.push(stream);
    }
    println!("ready");
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn is_complete(answer: &[u8], size: u64) -> bool {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    end.is_some_and(|end| {
        (answer.len() - end - 4) as u64 >= size || answer.starts_with(b"HTTP/1.1 4")
    })
}
