//! A request to a server and its answer, beside those of clients.
//!
//! The connection is nginx's own (ngx_event_connect_peer), TLS included, so that nothing blocks the worker. One timer bounds
//! the whole exchange, and what the answer may take of memory is bounded too.

mod client;
mod outcome;
pub(crate) mod tls;

use std::ffi::c_void;
use std::ptr::null_mut;

use ngx::ffi::{
    NGX_AGAIN, NGX_BUSY, NGX_DECLINED, NGX_ERROR, NGX_LOG_ALERT, NGX_OK, SO_ERROR, SOL_SOCKET,
    getsockopt, ngx_add_timer, ngx_close_connection, ngx_connection_t, ngx_create_pool,
    ngx_destroy_pool, ngx_event_connect_peer, ngx_event_get_peer, ngx_event_t,
    ngx_handle_read_event, ngx_handle_write_event, ngx_int_t, ngx_log_t, ngx_msec_t,
    ngx_peer_connection_t, ngx_pool_t, ngx_str_t, ngx_uint_t, socklen_t,
};

pub use self::client::ExchangeClient;
pub use self::outcome::ExchangeOutcome;
pub use self::tls::TlsFailure;
use self::tls::{Session, Step};
use crate::boundary::boundary;
use crate::cycle::Cycle;
use crate::module::HttpModule;
use crate::string::string;

/// Whom to ask, and what.
pub struct Exchange<'a, M> {
    /// As which location the server is reached.
    pub client: &'a ExchangeClient<M>,
    /// The server's socket address, as the bytes of a `sockaddr`.
    pub address: &'a [u8],
    /// Whether to speak TLS, which the location must be able to.
    pub is_tls: bool,
    /// The server's name for TLS, where the location has none of its own.
    pub name: &'a str,
    /// The bytes to send.
    pub request: Vec<u8>,
    /// How long all of it may take, in milliseconds.
    pub timeout: u64,
    /// Whether the answer is complete; asked with all that has come.
    pub is_complete: fn(&[u8]) -> bool,
}

/// What is told the outcome; once, and perhaps before [`start`] returns.
pub type Done = Box<dyn FnOnce(ExchangeOutcome)>;

/// An exchange under way. It owns itself by way of the connection's `data`, until `finish` takes it back.
struct RunningExchange {
    connection: *mut ngx_connection_t,
    pool: *mut ngx_pool_t,
    peer: ngx_peer_connection_t,
    name: ngx_str_t,
    log: ngx_log_t,
    address: Vec<u8>,
    session: Option<Session>,
    request: Vec<u8>,
    is_complete: fn(&[u8]) -> bool,
    is_connected: bool,
    is_secured: bool,
    sent: usize,
    answer: Vec<u8>,
    done: Option<Done>,
}

const POOL_SIZE: usize = 1024;
/// What nginx's own lines call the server.
const NAME: &[u8] = b"exchange";

/// Starts the exchange.
pub fn start<M: HttpModule>(cycle: &Cycle<'_>, exchange: Exchange<'_, M>, done: Done) {
    let settings = exchange.client.settings(cycle);
    let Some(settings) = settings.filter(|it| it.tls.is_some() || !exchange.is_tls) else {
        return done(ExchangeOutcome::NotTried);
    };
    // SAFETY: the cycle's own log.
    let cycle_log = unsafe { (*cycle.as_ptr()).log };
    // SAFETY: nginx's allocator; null when memory is out.
    let pool = unsafe { ngx_create_pool(POOL_SIZE, cycle_log) };
    if pool.is_null() {
        return done(ExchangeOutcome::NotTried);
    }
    // SAFETY: a copy of the cycle's log, all that it points to is the cycle's.
    let mut log = unsafe { *cycle_log };
    // Who asks again and again has words of its own for what it finds. That connections run out is everybody's business.
    log.log_level = NGX_LOG_ALERT as ngx_uint_t;
    log.handler = None;
    log.data = null_mut();
    // SAFETY: all of an ngx_peer_connection_t's members may be zero.
    let mut peer: ngx_peer_connection_t = unsafe { std::mem::zeroed() };
    peer.get = Some(ngx_event_get_peer);
    peer.local = settings.local;
    let running: *mut RunningExchange = Box::into_raw(Box::new(RunningExchange {
        connection: null_mut(),
        pool,
        peer,
        name: string(NAME),
        log,
        address: exchange.address.to_vec(),
        session: settings.tls.filter(|_| exchange.is_tls).map(|tls| tls.with_server(exchange.name)),
        request: exchange.request,
        is_complete: exchange.is_complete,
        is_connected: false,
        is_secured: false,
        sent: 0,
        answer: Vec::new(),
        done: Some(done),
    }));
    // SAFETY: a box that keeps its place until `finish` takes it back, so that what points into it stays right; filled as
    // ngx_tcp_connect of src/core/ngx_resolver.c does it.
    unsafe {
        let log = &raw mut (*running).log;
        (*pool).log = log;
        let peer = &raw mut (*running).peer;
        (*peer).log = log;
        (*peer).sockaddr = (*running).address.as_mut_ptr().cast();
        (*peer).socklen = socklen_t::try_from((*running).address.len()).unwrap_or(0);
        (*peer).name = &raw mut (*running).name;
        let code = ngx_event_connect_peer(peer);
        // nginx has closed it where there is none.
        let c = (*peer).connection;
        (*running).connection = c;
        if code == NGX_DECLINED as ngx_int_t {
            return finish(running, ExchangeOutcome::NotConnected(0));
        }
        let failed = [NGX_ERROR as ngx_int_t, NGX_BUSY as ngx_int_t];
        if c.is_null() || failed.contains(&code) {
            return finish(running, ExchangeOutcome::NotTried);
        }
        (*c).data = running.cast::<c_void>();
        (*c).pool = pool;
        (*c).log = log;
        (*(*c).read).log = log;
        (*(*c).write).log = log;
        (*(*c).read).handler = Some(on_event);
        (*(*c).write).handler = Some(on_event);
        ngx_add_timer((*c).read, ngx_msec_t::try_from(exchange.timeout).unwrap_or(ngx_msec_t::MAX));
        if code == NGX_OK as ngx_int_t {
            go_on(running);
        }
    }
}

unsafe extern "C" fn on_event(event: *mut ngx_event_t) {
    boundary((), || {
        // SAFETY: an event of a connection that `start` has made, and `finish` has not closed yet; the one timer is on `read`.
        unsafe {
            let c = (*event).data.cast::<ngx_connection_t>();
            let running = (*c).data.cast::<RunningExchange>();
            if (*event).timedout() != 0 {
                finish(running, ExchangeOutcome::TimedOut);
            } else {
                go_on(running);
            }
        }
    });
}

/// Called by nginx when a handshake has ended, well or not.
unsafe extern "C" fn on_handshake(c: *mut ngx_connection_t) {
    boundary((), || {
        // SAFETY: as above.
        unsafe {
            let running = (*c).data.cast::<RunningExchange>();
            // nginx has put handlers of its own in their place meanwhile.
            (*(*c).read).handler = Some(on_event);
            (*(*c).write).handler = Some(on_event);
            if (*(*c).read).timedout() != 0 {
                finish(running, ExchangeOutcome::TimedOut);
            } else {
                go_on(running);
            }
        }
    });
}

/// Goes on with the exchange as far as it can.
///
/// # Safety
///
/// `running` must be an exchange under way, with a connection; it may be gone afterwards.
unsafe fn go_on(running: *mut RunningExchange) {
    // SAFETY: the caller's promise; the reference ends before `finish` takes the box back.
    let outcome = unsafe { (*running).step() };
    if let Some(outcome) = outcome {
        // SAFETY: as above.
        unsafe { finish(running, outcome) };
    }
}

impl RunningExchange {
    /// The outcome, once there is one.
    fn step(&mut self) -> Option<ExchangeOutcome> {
        if !self.is_connected {
            let error = self.socket_error();
            if error != 0 {
                return Some(ExchangeOutcome::NotConnected(error));
            }
            self.is_connected = true;
        }
        if let Some(session) = self.session.as_ref().filter(|_| !self.is_secured) {
            // SAFETY: a connection of ours with a pool; sessions come from the serving cycle's configuration.
            match unsafe { session.handshake(self.connection, on_handshake) } {
                Step::Done => self.is_secured = true,
                Step::Again => return None,
                Step::Failed(failure) => return Some(ExchangeOutcome::Tls(failure)),
            }
        }
        if let Some(outcome) = self.send() {
            return outcome;
        }
        self.receive()
    }

    /// What became of the connection (as ngx_http_upstream_test_connect asks it).
    fn socket_error(&self) -> i32 {
        let mut error = 0i32;
        let mut length = size_of::<i32>() as socklen_t;
        // SAFETY: an open descriptor, and room for the option's value.
        let code = unsafe {
            let fd = (*self.connection).fd;
            let place = (&raw mut error).cast::<c_void>();
            getsockopt(fd, SOL_SOCKET as i32, SO_ERROR as i32, place, &raw mut length)
        };
        if code == -1 { std::io::Error::last_os_error().raw_os_error().unwrap_or(1) } else { error }
    }

    /// Nothing once all is sent, else what to answer.
    fn send(&mut self) -> Option<Option<ExchangeOutcome>> {
        let c = self.connection;
        while let Some(rest) = self.request.get(self.sent..).filter(|rest| !rest.is_empty()) {
            // SAFETY: a live connection of ours; its `send` reads that many bytes.
            let sent = unsafe {
                let Some(send) = (*c).send else { return Some(Some(ExchangeOutcome::Closed)) };
                send(c, rest.as_ptr().cast_mut(), rest.len())
            };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => self.sent += sent,
                _ if sent == NGX_AGAIN as isize => {
                    // SAFETY: as above.
                    let code = unsafe { ngx_handle_write_event((*c).write, 0) };
                    return Some((code != NGX_OK as ngx_int_t).then_some(ExchangeOutcome::Closed));
                }
                _ => return Some(Some(ExchangeOutcome::Closed)),
            }
        }
        None
    }

    fn receive(&mut self) -> Option<ExchangeOutcome> {
        let c = self.connection;
        loop {
            let mut buffer = [0u8; 4096];
            // SAFETY: a live connection of ours; its `recv` writes at most that many bytes.
            let received = unsafe {
                let Some(recv) = (*c).recv else { return Some(ExchangeOutcome::Closed) };
                recv(c, buffer.as_mut_ptr(), buffer.len())
            };
            match usize::try_from(received) {
                Ok(0) if self.answer.is_empty() => return Some(ExchangeOutcome::Closed),
                Ok(0) => return Some(self.answered()),
                Ok(length) => {
                    self.answer.extend_from_slice(buffer.get(..length).unwrap_or_default());
                }
                Err(_) if received == NGX_AGAIN as isize => {
                    // SAFETY: as above.
                    let code = unsafe { ngx_handle_read_event((*c).read, 0) };
                    return (code != NGX_OK as ngx_int_t).then_some(ExchangeOutcome::Closed);
                }
                Err(_) => return Some(ExchangeOutcome::Closed),
            }
            if (self.is_complete)(&self.answer) {
                return Some(self.answered());
            }
        }
    }

    fn answered(&mut self) -> ExchangeOutcome {
        ExchangeOutcome::Answered(std::mem::take(&mut self.answer))
    }
}

/// Closes the connection, frees the exchange and tells its outcome.
///
/// # Safety
///
/// `running` must be an exchange under way, which ends here.
unsafe fn finish(running: *mut RunningExchange, outcome: ExchangeOutcome) {
    // SAFETY: the caller's promise: nobody else owns it.
    let mut running = unsafe { Box::from_raw(running) };
    let c = running.connection;
    // SAFETY: null, or a live connection of ours; ngx_close_connection takes its events and its timer out.
    unsafe {
        if !c.is_null() {
            if !(*c).ssl.is_null() {
                tls::end(c);
            }
            ngx_close_connection(c);
        }
        ngx_destroy_pool(running.pool);
    }
    if let Some(done) = running.done.take() {
        done(outcome);
    }
}
