//! A server on the loopback that answers what a test says.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

/// Serves until the test is over.
pub(crate) struct Server {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    count: AtomicUsize,
    fails: AtomicBool,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + 'static) -> Self {
        Self::start_counting(move |request, _| answer(request))
    }

    /// The second argument of `answer` is how many requests came before.
    pub(crate) fn start_counting(
        answer: impl Fn(&Request, usize) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = Request::read(&stream) else { continue };
                let number = shared.count.fetch_add(1, Ordering::SeqCst);
                let fails = shared.fails.load(Ordering::SeqCst);
                let answer = if fails { Answer::status(403) } else { answer(&request, number) };
                answer.write(&stream);
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn count(&self) -> usize {
        self.state.count.load(Ordering::SeqCst)
    }

    /// From now on it answers 403, or what it should.
    pub(crate) fn fail(&self, fails: bool) {
        self.state.fails.store(fails, Ordering::SeqCst);
    }
}

pub(crate) struct Request {
    text: String,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        while reader.read_line(&mut text).ok()? > 2 {}
        let mut request = Self { text };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        request.text += &String::from_utf8(body).ok()?;
        Some(request)
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn line(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// By its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.text.lines().take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_once(": "))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    pub(crate) fn text(body: &str) -> Self {
        Self { status: 200, headers: String::new(), body: body.to_owned() }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::text(&body.to_string()).with("Content-Type", "application/json")
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: String::new(), body: String::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    fn write(&self, mut stream: &TcpStream) {
        let Self { status, headers, body } = self;
        let length = body.len();
        // A client that has gone is no fault of the test.
        let _ = write!(
            stream,
            "HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
}
