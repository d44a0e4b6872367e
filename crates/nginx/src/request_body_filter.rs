//! The request body filter: between nginx reading the client's body and keeping it for the upstream.
//!
//! nginx hands over buffers that point into its reading buffer, and reuses that once they are empty. What is passed on is
//! either such a buffer, narrowed to the part that may go on, or one of ours with memory of ours. Nothing here grows with
//! the body: unbuffered, no more input is taken while enough of ours waits for the upstream (nginx then stops to read from
//! the client, `rb->busy`); buffered, nginx empties our buffers into its temporary file whenever its own is full.

mod output;

use std::cell::Cell;
use std::collections::VecDeque;

use ngx::ffi::{
    NGX_HTTP_INTERNAL_SERVER_ERROR, ngx_buf_t, ngx_chain_t, ngx_http_request_body_filter_pt,
    ngx_http_request_t, ngx_http_top_request_body_filter, ngx_int_t,
};

pub use self::output::Output;
use crate::boundary::boundary;
use crate::chain::{Chain, Made, total_size};
use crate::conf::Conf;
use crate::module::HttpModule;
use crate::phase::status_code;
use crate::request::Request;
use crate::spare_memory;

/// Memory, in bytes, that may wait for the upstream before no more input is taken.
const MAX_WAITING: usize = 64 << 10;

/// What a module does with a body on its way in.
pub trait RequestBodyFilter: HttpModule {
    /// Where the filters that come after this one are kept: a static of its own.
    fn next_request_body_filter() -> &'static NextRequestBodyFilter;

    /// Called with each piece of the request's body, and with none to get on with what waits.
    ///
    /// # Errors
    ///
    /// The HTTP status that the request ends with. nginx then cuts the upstream's connection.
    fn filter_request_body<'r>(r: Request<'r>, input: Input<'r>) -> Result<Filtered<'r>, u16>;

    /// Called when the end of a body that was not passed unchanged has passed, and nginx has stored it, if it does.
    fn request_body_ended(_r: Request<'_>) {}
}

/// The filter that comes after one of ours.
pub struct NextRequestBodyFilter(Cell<ngx_http_request_body_filter_pt>);

// SAFETY: as for `NextFilters`.
unsafe impl Sync for NextRequestBodyFilter {}

impl NextRequestBodyFilter {
    /// None yet.
    #[allow(clippy::new_without_default, reason = "for statics, where Default is of no use")]
    pub const fn new() -> Self {
        NextRequestBodyFilter(Cell::new(None))
    }
}

/// Puts the module's filter in front of nginx's, which keeps the body. For postconfiguration.
pub fn install<M: RequestBodyFilter>(_cf: &mut Conf<'_>) {
    // SAFETY: called from postconfiguration, where nginx builds the chain anew, in one thread.
    M::next_request_body_filter().0.set(unsafe { ngx_http_top_request_body_filter });
    // SAFETY: as above.
    unsafe { ngx_http_top_request_body_filter = Some(request_body_filter::<M>) };
}

/// What a filter says to a piece of the body.
pub trait Check {
    /// Takes the next bytes and gives on to `out` what may go on; `last` says that no more come.
    ///
    /// # Errors
    ///
    /// The HTTP status that the request ends with.
    fn push(&mut self, input: &[u8], last: bool, out: &mut Output<'_, '_>) -> Result<(), u16>;
}

unsafe extern "C" fn request_body_filter<M: RequestBodyFilter>(
    r: *mut ngx_http_request_t,
    chain: *mut ngx_chain_t,
) -> ngx_int_t {
    boundary(NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t;
        };
        // SAFETY: the chain is the filter's until it is handed on.
        let input = Input(unsafe { Chain::from_ptr(chain) });
        match M::filter_request_body(request, input).map(|filtered| filtered.0) {
            Ok(Passed::Unchanged(chain)) => next::<M>(request, chain.into_ptr()),
            Ok(Passed::Made(made, ends)) => {
                let code = next::<M>(request, made.first());
                // nginx's save filter has made its own links.
                made.free();
                if ends {
                    M::request_body_ended(request);
                }
                code
            }
            Err(status) => status_code(status),
        }
    })
}

fn next<M: RequestBodyFilter>(r: Request<'_>, chain: *mut ngx_chain_t) -> ngx_int_t {
    match M::next_request_body_filter().0.get() {
        // SAFETY: the chain is nginx's own, or made of links of the request's pool.
        Some(next) => unsafe { next(r.as_ptr(), chain) },
        None => NGX_HTTP_INTERNAL_SERVER_ERROR as ngx_int_t,
    }
}

/// What the filter passes on.
pub struct Filtered<'r>(Passed<'r>);

enum Passed<'r> {
    /// nginx's own chain.
    Unchanged(Chain<'r>),
    /// One of ours, and whether it has the body's end.
    Made(Made<'r>, bool),
}

/// The chain that nginx passed to the filter; an empty one asks to get on with what waits.
pub struct Input<'r>(Chain<'r>);

impl<'r> Input<'r> {
    /// For requests whose body is not looked at.
    pub fn pass(self) -> Filtered<'r> {
        Filtered(Passed::Unchanged(self.0))
    }

    /// Whether nothing has come.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes of the body have come; the largest number where that cannot be told.
    pub fn length(&self) -> u64 {
        // SAFETY: the chain is the filter's, which changes nothing during the call.
        unsafe { total_size(self.0.as_ptr()) }.unwrap_or(u64::MAX)
    }

    /// Whether the end of the body is among it.
    pub fn has_end(&self) -> bool {
        let mut link = self.0.as_ptr();
        // SAFETY: the chain and its buffers are the filter's, which changes nothing during the call.
        while let Some((buffer, next)) = unsafe { link.as_ref().map(|link| (link.buf, link.next)) }
        {
            // SAFETY: as above; a link of a chain has a buffer.
            if unsafe { (*buffer).last_buf() } != 0 {
                return true;
            }
            link = next;
        }
        false
    }

    /// Shows the body to `check`, as far as there is room for what it gives on, and makes a chain of that.
    ///
    /// # Errors
    ///
    /// The status that `check` gave, or 500 when memory is out.
    pub fn run<M: HttpModule>(
        self,
        r: Request<'r>,
        check: &mut impl Check,
    ) -> Result<Filtered<'r>, u16> {
        let hooks = r.hooks::<M>().ok_or(NGX_HTTP_INTERNAL_SERVER_ERROR as u16)?;
        let mut buffers = hooks.body.borrow_mut();
        let buffers = buffers.get_or_insert_default();
        // Half of the calls ask to get on, and nothing waits.
        if self.0.is_empty() && buffers.pending.is_empty() {
            return Ok(self.pass());
        }
        buffers.reclaim();
        let mut link = self.0.into_ptr();
        while !link.is_null() {
            // SAFETY: the chain and its buffers are the filter's during the call.
            let (buffer, next) = unsafe { ((*link).buf, (*link).next) };
            buffers.pending.push_back(buffer);
            link = next;
        }
        let streams = r.streams_body();
        let mut out = Output::new(r, buffers);
        while let Some(buffer) = out.next_pending(streams) {
            out.take(buffer, check)?;
        }
        let (made, ends) = out.into_chain();
        Ok(Filtered(Passed::Made(made, ends)))
    }
}

/// The buffers of a body that is being filtered. All point into the pool of the request in whose hooks this is.
#[derive(Default)]
pub(crate) struct Buffers {
    /// Buffers of nginx's that were not looked at yet, as there is enough on its way to the upstream.
    pending: VecDeque<*mut ngx_buf_t>,
    /// Our buffers that were passed on, in order.
    passed: Vec<Own>,
    /// Emptied ones.
    spare_buffers: Vec<*mut ngx_buf_t>,
    /// For the buffer that is being looked at.
    replacements: output::Replacements,
}

/// A buffer of ours, with its memory.
struct Own {
    buffer: *mut ngx_buf_t,
    memory: Vec<u8>,
}

impl Own {
    fn is_sent(&self) -> bool {
        // SAFETY: in the request's pool, and nginx has moved `pos` to what it sent.
        unsafe { (*self.buffer).pos >= (*self.buffer).last }
    }
}

thread_local! {
    /// Bytes of memory that is on its way to upstreams, of all requests of this worker.
    static ON_ITS_WAY: Cell<usize> = const { Cell::new(0) };
}

/// Bytes of this module's memory that bodies wait in for an upstream, of all requests of this process.
pub fn waiting_memory() -> usize {
    ON_ITS_WAY.try_with(Cell::get).unwrap_or(0)
}

impl Own {
    fn new(buffer: *mut ngx_buf_t, memory: Vec<u8>) -> Self {
        // Requests that are open when a worker ends are destroyed late: then nobody counts any more.
        let _ = ON_ITS_WAY.try_with(|all| all.set(all.get().saturating_add(memory.capacity())));
        Own { buffer, memory }
    }

    /// Gives the memory to other requests.
    fn give_back(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let _ = ON_ITS_WAY.try_with(|all| all.set(all.get().saturating_sub(memory.capacity())));
        spare_memory::keep(memory);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // The request is over, and nothing of it is sent any more.
        self.passed.iter_mut().for_each(Own::give_back);
    }
}

impl Buffers {
    /// Takes back what was sent, or written to nginx's temporary file. Only while the body is being read, so that a buffer
    /// which a retry would send again (of a buffered body, read to its end) is never among them.
    fn reclaim(&mut self) {
        self.give_back();
        let sent = self.passed.iter().filter(|own| own.is_sent());
        self.spare_buffers.extend(sent.map(|own| own.buffer));
        self.passed.retain(|own| !own.is_sent());
    }

    /// Gives the memory of what was sent to other requests, without waiting for the answer. Its buffers stay: nginx may
    /// still have them in a chain, where they are empty.
    fn give_back(&mut self) {
        self.passed.iter_mut().filter(|own| own.is_sent()).for_each(Own::give_back);
    }

    /// Bytes of memory on their way to the upstream.
    fn waiting(&self) -> usize {
        self.passed.iter().map(|own| own.memory.capacity()).sum()
    }
}

/// Called when something was sent. A body that was read before it was sent keeps its memory, for another attempt; one that
/// is passed on while it arrives is sent once (ngx_http_upstream_next: `request_sent && request_body_no_buffering`).
pub(crate) fn sent<M: HttpModule>(r: Request<'_>) {
    let hooks = r.existing_hooks::<M>().filter(|_| r.streams_body());
    let mut buffers = hooks.and_then(|hooks| hooks.body.try_borrow_mut().ok());
    if let Some(buffers) = buffers.as_mut().and_then(|buffers| buffers.as_mut()) {
        buffers.give_back();
    }
}
