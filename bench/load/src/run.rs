//! Sending requests: as fast as they are answered, or at a fixed rate.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};
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
    /// Any status will do: where a wrong signature is expected to pass.
    #[arg(long)]
    any_status: bool,
}

const TICK: Token = Token(usize::MAX);

struct Run<'a> {
    args: &'a RunArgs,
    pool: Pool,
    connections: Vec<Connection>,
    free: Vec<usize>,
    next: usize,
    completed: usize,
    unexpected: usize,
    latencies: Latencies,
}

pub(crate) fn run(args: &RunArgs) -> Result<(), Box<dyn Error>> {
    let pool = args.mix.prepare(&args.to.to_string())?;
    let sign_ns = pool.sign_ns;
    let mut poll = Poll::new()?;
    let mut connections = Vec::new();
    for number in 0..args.connections {
        let mut connection = Connection::open(args.to)?;
        poll.registry().register(
            &mut connection.stream,
            Token(number),
            Interest::READABLE | Interest::WRITABLE,
        )?;
        connections.push(connection);
    }
    let mut run = Run {
        args,
        pool,
        free: (0..args.connections).collect(),
        connections,
        next: 0,
        completed: 0,
        unexpected: 0,
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
        "body_bytes": run.connections.iter().map(|c| c.body_bytes).sum::<u64>(),
        "p50_us": run.latencies.percentile(50.0),
        "p99_us": run.latencies.percentile(99.0),
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
        while let Some(number) = self.free.pop() {
            if self.next < limit {
                self.send(number, Instant::now())?;
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
                    self.send(number, now)?;
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
        let mut waiting = std::collections::VecDeque::new();
        loop {
            let now = Instant::now();
            while due <= now && due < deadline {
                waiting.push_back(now);
                due += interval;
            }
            while !waiting.is_empty() {
                let Some(number) = self.free.pop() else { break };
                self.send(number, waiting.pop_front().unwrap_or(now))?;
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

    fn send(&mut self, number: usize, since: Instant) -> io::Result<()> {
        let request = self.next % self.pool.requests.len();
        self.next += 1;
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
        connection.receive(buffer)
    }

    fn complete(&mut self, number: usize, status: u16, now: Instant) {
        self.completed += 1;
        if status != self.args.mix.expected_status() && !self.args.any_status {
            self.unexpected += 1;
        }
        self.latencies.record(now.saturating_duration_since(self.connections[number].since));
        self.free.push(number);
    }
}
