//! Sending requests: as fast as they are answered, or at a fixed rate.

use std::collections::VecDeque;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
use rustls::{ClientConfig, HandshakeKind};
use serde_json::json;

use crate::connection::Connection;
use crate::latency::Latencies;
use crate::scenario::{Mix, Pool};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Address of the proxy.
    #[arg(long)]
    to: SocketAddr,
    #[command(flatten)]
    mix: Mix,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Ends after so many seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Ends after so many requests, however long they take.
    #[arg(long)]
    requests: Option<usize>,
    /// Requests per second. Without it, each connection sends its next request when the last one was answered.
    #[arg(long)]
    rate: Option<f64>,
    /// Speak TLS, and trust what this PEM file has.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Make each request on a connection of its own.
    #[arg(long)]
    reconnect: bool,
    /// Let new connections resume the TLS session of one before.
    #[arg(long)]
    resume: bool,
    /// At a rate: use the connection that was not used for longest, not the one that was used last.
    #[arg(long)]
    in_turn: bool,
    /// Any status will do: where a wrong signature is expected to pass.
    #[arg(long)]
    any_status: bool,
}

const TICK: Token = Token(usize::MAX);

struct Run<'a> {
    args: &'a RunArgs,
    pool: Pool,
    connections: Vec<Connection>,
    tls: Option<Arc<ClientConfig>>,
    free: VecDeque<usize>,
    next: usize,
    completed: usize,
    unexpected: usize,
    /// TLS handshakes that were full, and sessions that were resumed.
    handshakes: usize,
    resumed: usize,
    latencies: Latencies,
}

pub(crate) fn run(args: &RunArgs) -> Result<(), Box<dyn Error>> {
    let pool = args.mix.prepare(&args.to.to_string())?;
    let sign_ns = pool.sign_ns;
    let mut poll = Poll::new()?;
    let tls = match &args.ca {
        Some(ca) => Some(crate::transport::client_config(ca, args.resume)?),
        None => None,
    };
    let connections = (0..args.connections)
        .map(|number| open(args.to, tls.as_ref(), &poll, number))
        .collect::<io::Result<Vec<_>>>()?;
    let mut run = Run {
        args,
        pool,
        free: (0..args.connections).collect(),
        connections,
        tls,
        next: 0,
        completed: 0,
        unexpected: 0,
        handshakes: 0,
        resumed: 0,
        latencies: Latencies::default(),
    };
    let start = Instant::now();
    match args.rate {
        Some(rate) => run.at_rate(&mut poll, rate, start)?,
        None => run.as_fast_as_answered(&mut poll, start)?,
    }
    let seconds = start.elapsed().as_secs_f64();
    let result = json!({
        "requests": run.completed,
        "unexpected": run.unexpected,
        "seconds": seconds,
        "per_second": run.completed as f64 / seconds,
        "handshakes": run.handshakes,
        "resumed": run.resumed,
        "body_bytes": run.connections.iter().map(|c| c.body_bytes).sum::<u64>(),
        "p50_us": run.latencies.percentile(50.0),
        "p99_us": run.latencies.percentile(99.0),
        "max_us": run.latencies.percentile(100.0),
        "sign_ns": sign_ns as u64,
    });
    println!("{result}");
    Ok(())
}

impl Run<'_> {
    fn deadline(&self, start: Instant) -> Instant {
        start + Duration::from_secs_f64(self.args.seconds)
    }

    fn as_fast_as_answered(&mut self, poll: &mut Poll, start: Instant) -> io::Result<()> {
        let deadline = self.deadline(start);
        let limit = self.args.requests.unwrap_or(usize::MAX);
        while let Some(number) = self.free.pop_back() {
            if self.next < limit {
                self.send(number, Instant::now(), poll)?;
            }
        }
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 << 10];
        let mut outstanding = self.connections.iter().filter(|c| !c.is_idle()).count();
        while outstanding > 0 {
            crate::poll::wait(poll, &mut events)?;
            let now = Instant::now();
            for event in &events {
                let number = event.token().0;
                let Some(status) = self.handle(number, &mut buffer)? else { continue };
                self.complete(number, status, now);
                self.free.clear();
                let go_on =
                    if self.args.requests.is_some() { self.next < limit } else { now < deadline };
                if go_on {
                    self.send(number, now, poll)?;
                } else {
                    outstanding -= 1;
                }
            }
        }
        Ok(())
    }

    /// Requests are sent when they are due, or when a connection becomes free after that; their latency counts from then,
    /// waiting for a connection included. Only what the timer is late does not count: it is the machine's, not the proxy's.
    fn at_rate(&mut self, poll: &mut Poll, rate: f64, start: Instant) -> io::Result<()> {
        let deadline = self.deadline(start);
        let interval = Duration::from_secs_f64(1.0 / rate);
        let waker = Arc::new(Waker::new(poll.registry(), TICK)?);
        let over = Arc::new(AtomicBool::new(false));
        let ticker = {
            let (waker, over) = (Arc::clone(&waker), Arc::clone(&over));
            // A thread that sleeps: epoll's own time-outs have a resolution of a millisecond.
            std::thread::spawn(move || {
                let mut due = start;
                while !over.load(Ordering::Relaxed) {
                    due += interval;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let _ = waker.wake();
                }
            })
        };
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 << 10];
        let mut due = start;
        let mut waiting = VecDeque::new();
        loop {
            let now = Instant::now();
            while due <= now && due < deadline {
                waiting.push_back(now);
                due += interval;
            }
            while !waiting.is_empty() {
                let free =
                    if self.args.in_turn { self.free.pop_front() } else { self.free.pop_back() };
                let Some(number) = free else { break };
                self.send(number, waiting.pop_front().unwrap_or(now), poll)?;
            }
            if now >= deadline && waiting.is_empty() && self.free.len() == self.connections.len() {
                break;
            }
            poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                if event.token() == TICK {
                    continue;
                }
                let number = event.token().0;
                if let Some(status) = self.handle(number, &mut buffer)? {
                    self.complete(number, status, Instant::now());
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        let _ = ticker.join();
        Ok(())
    }

    fn send(&mut self, number: usize, since: Instant, poll: &Poll) -> io::Result<()> {
        let request = self.next % self.pool.requests.len();
        self.next += 1;
        if self.args.reconnect && self.connections[number].is_used {
            let connection = open(self.args.to, self.tls.as_ref(), poll, number)?;
            let before = std::mem::replace(&mut self.connections[number], connection);
            self.connections[number].body_bytes = before.body_bytes;
        }
        let connection = &mut self.connections[number];
        connection.since = since;
        connection.start(request, &self.pool.requests, &self.pool.body.block)
    }

    fn handle(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<Option<u16>> {
        let connection = &mut self.connections[number];
        if connection.is_idle() {
            return Ok(None);
        }
        connection.send(&self.pool.requests, &self.pool.body.block)?;
        let status = connection.receive(buffer)?;
        if status.is_none() {
            // What did not fit in front of a TLS handshake; no event says that it does now.
            connection.send(&self.pool.requests, &self.pool.body.block)?;
        }
        match connection.transport.handshake() {
            Some(HandshakeKind::Resumed) => self.resumed += 1,
            Some(_) => self.handshakes += 1,
            None => {}
        }
        Ok(status)
    }

    fn complete(&mut self, number: usize, status: u16, now: Instant) {
        self.completed += 1;
        if status != self.args.mix.expected_status() && !self.args.any_status {
            self.unexpected += 1;
        }
        self.latencies.record(now.saturating_duration_since(self.connections[number].since));
        self.free.push_back(number);
    }
}

/// Connects, and has `poll` say when there is something to do.
fn open(
    to: SocketAddr,
    tls: Option<&Arc<ClientConfig>>,
    poll: &Poll,
    number: usize,
) -> io::Result<Connection> {
    let mut connection = Connection::open(to, tls)?;
    let interest = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut connection.transport.stream, Token(number), interest)?;
    Ok(connection)
}
