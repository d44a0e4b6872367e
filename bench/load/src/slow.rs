//! Clients that read an object slowly: what they leave unread stays in the proxy's buffers.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::scenario::Mix;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SlowArgs {
    /// Address of the proxy.
    #[arg(long)]
    to: SocketAddr,
    #[command(flatten)]
    mix: Mix,
    /// Clients.
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// What each of them reads, in bytes a second.
    #[arg(long, default_value_t = 8192)]
    rate: usize,
}

/// Of the kernel's buffers these clients use so much, in bytes, so that it is the proxy that has to keep the rest.
const RECEIVE_BUFFER: usize = 4096;
/// The readers take turns, so that in each of these intervals one tenth of them reads.
const INTERVAL: Duration = Duration::from_millis(100);
const TURNS: usize = 10;

/// Opens the connections, asks for an object on each, says "ready", and reads slowly until standard input ends. Ends with an
/// error if a connection broke.
pub(crate) fn read(args: &SlowArgs) -> Result<(), Box<dyn Error>> {
    let pool = args.mix.prepare(&args.to.to_string())?;
    let mut connections = Vec::new();
    for number in 0..args.connections {
        let socket = Socket::new(Domain::for_address(args.to), Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.connect(&args.to.into())?;
        let mut stream = TcpStream::from(socket);
        let request = &pool.requests[number % pool.requests.len()];
        request.send(&mut Default::default(), &pool.body.block, &mut stream)?;
        stream.set_nonblocking(true)?;
        connections.push(stream);
    }
    println!("ready");
    io::stdout().flush()?;
    let over = Arc::new(AtomicBool::new(false));
    {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let _ = io::stdin().read_to_end(&mut Vec::new());
            over.store(true, Ordering::Relaxed);
        });
    }
    let mut buffer = vec![0; args.rate.max(1)];
    for turn in (0..TURNS).cycle() {
        if over.load(Ordering::Relaxed) {
            return Ok(());
        }
        for stream in connections.iter_mut().skip(turn).step_by(TURNS) {
            match stream.read(&mut buffer) {
                Ok(0) => return Err("an object ended before it was read".into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        std::thread::sleep(INTERVAL);
    }
    Ok(())
}
