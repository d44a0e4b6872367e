//! Reading the configuration: what a directive sees of nginx's parser.

mod block;
mod directive;
mod error;
mod value;

use std::ffi::{OsStr, c_char, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::NonNull;

use ngx::ffi::{
    ngx_conf_log_error, ngx_conf_t, ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t,
    ngx_http_core_module, ngx_str_t,
};

pub use self::block::{BlockCommand, SetInBlock};
pub use self::directive::{
    LocationDirective, MainDirective, ServerDirective, location_command, main_command,
    server_command,
};
pub use self::error::ConfError;
pub use self::value::{argument, arguments, flag, milliseconds, seconds, size, text};
use crate::log::{self, Level};
use crate::module::{HttpModule, MainSlot, ctx_index};
use crate::pool::{Invariant, Pool};
use crate::string::bytes;

/// `NGX_CONF_ERROR` (src/core/ngx_conf_file.h): the setter has said what is wrong.
pub(crate) const NGX_CONF_ERROR: *mut c_char = usize::MAX as *mut c_char;
/// `NGX_CONF_OK`.
pub(crate) const NGX_CONF_OK: *mut c_char = std::ptr::null_mut();

/// Where a directive stands, for mistakes that are only seen when the whole configuration is known.
#[derive(Clone, Debug, Default)]
pub struct Position {
    file: String,
    line: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}:{}", self.file, self.line)
    }
}

/// nginx's parser at work, for one call from it. Words that it lends are in the pool of the cycle that is being read, `'c`.
///
/// It is passed on as `&mut`, for there is one way only to the configuration structures: through it.
pub struct Conf<'c> {
    raw: NonNull<ngx_conf_t>,
    lifetime: Invariant<'c>,
}

impl<'c> Conf<'c> {
    /// # Safety
    ///
    /// `cf` must be null or what nginx passed to the configuration callback that is running. The view must not outlive it, and
    /// there must be no other that is used meanwhile.
    pub(crate) unsafe fn from_ptr(cf: *mut ngx_conf_t) -> Option<Self> {
        NonNull::new(cf).map(|raw| Conf { raw, lifetime: PhantomData })
    }

    pub(crate) fn as_ptr(&self) -> *mut ngx_conf_t {
        self.raw.as_ptr()
    }

    /// The words of the directive that is being read, its name first.
    fn words(&self) -> Vec<&'c [u8]> {
        // SAFETY: `args` is an array of ngx_str_t while a directive is being read; its strings are in the cycle's pool.
        let args = unsafe { (*self.as_ptr()).args.as_ref() };
        let Some(args) = args.filter(|args| !args.elts.is_null()) else { return Vec::new() };
        // SAFETY: an ngx_array_t has `nelts` elements.
        let words =
            unsafe { std::slice::from_raw_parts(args.elts.cast::<ngx_str_t>(), args.nelts) };
        // SAFETY: each is a string of the cycle's pool, which outlives the parsing.
        words.iter().map(|word| unsafe { bytes(word) }).collect()
    }

    pub(crate) fn answer(&self, result: Result<(), ConfError>) -> *mut c_char {
        match result {
            Ok(()) => NGX_CONF_OK,
            Err(error) => {
                self.report(&error);
                NGX_CONF_ERROR
            }
        }
    }

    /// Says what is wrong, unless that was said already, with the file and line that the parser has reached.
    pub(crate) fn report(&self, error: &ConfError) {
        if let ConfError::Message(text) = error {
            self.log(Level::Emerg, text);
        }
    }

    /// Says what may be wrong, with the file and line that the parser has reached.
    pub fn warn(&self, text: &str) {
        self.log(Level::Warn, text);
    }

    fn log(&self, level: Level, text: &str) {
        let (level, format) = (level.number(), c"%*s".as_ptr());
        // SAFETY: `%*s` takes a size_t and a pointer to that many bytes (src/core/ngx_string.c).
        unsafe { ngx_conf_log_error(level, self.as_ptr(), 0, format, text.len(), text.as_ptr()) };
    }

    /// Says what is wrong at a directive that was read before.
    pub fn error_at(&self, position: &Position, text: &str) -> ConfError {
        // SAFETY: `log` of the running configuration callback's ngx_conf_t is the cycle's.
        unsafe {
            log::write((*self.as_ptr()).log, Level::Emerg, format_args!("{text} {position}"));
        }
        ConfError::Reported
    }

    /// Where the parser is.
    pub fn position(&self) -> Position {
        // SAFETY: `conf_file` is null or the file that is being read, alive during the callback.
        let Some(file) = (unsafe { (*self.as_ptr()).conf_file.as_ref() }) else {
            return Position::default();
        };
        // SAFETY: the file's name is in the cycle's pool.
        let name = unsafe { bytes(&file.file.name) };
        Position { file: String::from_utf8_lossy(name).into_owned(), line: file.line }
    }

    /// The folder of the main configuration file, which relative names start from.
    pub fn prefix(&self) -> PathBuf {
        // SAFETY: the cycle that is being read; its strings are in its pool.
        let prefix = unsafe { bytes(&(*(*self.as_ptr()).cycle).conf_prefix) };
        PathBuf::from(OsStr::from_bytes(prefix))
    }

    /// The pool of the cycle that is being read.
    pub fn pool(&self) -> Option<Pool<'c>> {
        // SAFETY: the pool of the running callback's ngx_conf_t is the cycle's.
        unsafe { Pool::from_ptr((*self.as_ptr()).pool) }
    }

    /// The configurations of all http modules, as nginx's arrays of pointers; none outside of http{}.
    pub(crate) fn http(&self) -> Option<ngx_http_conf_ctx_t> {
        // SAFETY: inside http{} the parser's `ctx` is the http configuration context.
        unsafe { (*self.as_ptr()).ctx.cast::<ngx_http_conf_ctx_t>().as_ref().copied() }
    }

    /// Another module's main configuration; null outside of http{}.
    pub(crate) fn main_conf_of(&self, ctx_index: usize) -> *mut c_void {
        // SAFETY: main_conf has one entry for each http module.
        self.http().map_or(std::ptr::null_mut(), |ctx| unsafe { *ctx.main_conf.add(ctx_index) })
    }

    /// Another module's location configuration in the place that is being merged; null outside of http{}.
    pub(crate) fn location_conf_of(&self, ctx_index: usize) -> *mut c_void {
        // SAFETY: loc_conf has one entry for each http module.
        self.http().map_or(std::ptr::null_mut(), |ctx| unsafe { *ctx.loc_conf.add(ctx_index) })
    }

    /// The module's main configuration, and what hooks keep beside it.
    pub(crate) fn main_slot<M: HttpModule>(&mut self) -> Result<&mut MainSlot<M>, ConfError> {
        let entry = self.main_conf_of(ctx_index::<M>()).cast::<MainSlot<M>>();
        // SAFETY: null, or what create_main_conf of this module returned. Configuration callbacks run one at a time, no request
        // refers to a cycle that is being read, and the one `Conf` of this call is borrowed as long as the structure.
        unsafe { entry.as_mut() }.ok_or_else(|| "not inside of http".into())
    }

    /// The module's main configuration.
    ///
    /// # Errors
    ///
    /// The parser is outside of http{}.
    pub fn main_conf<M: HttpModule>(&mut self) -> Result<&mut M::MainConf, ConfError> {
        Ok(&mut self.main_slot::<M>()?.conf)
    }

    /// The module's configuration of the server{} or upstream{} that is being read, or whose locations are being merged.
    ///
    /// # Errors
    ///
    /// The parser is outside of http{}.
    pub fn server_conf<M: HttpModule>(&mut self) -> Result<&mut M::ServerConf, ConfError> {
        let ctx = self.http().ok_or("not inside of http")?;
        // SAFETY: srv_conf has one entry for each http module; ours is what create_srv_conf returned. As for the main
        // configuration, there is no other way to it.
        let conf =
            unsafe { (*ctx.srv_conf.add(ctx_index::<M>())).cast::<M::ServerConf>().as_mut() };
        conf.ok_or_else(|| "not inside of http".into())
    }

    /// nginx's own configuration of the place that is being merged; its core module merges before others.
    pub(crate) fn core_location_conf(&self) -> Option<&ngx_http_core_loc_conf_t> {
        // SAFETY: the core module's index is set before any configuration is read.
        let index = unsafe { ngx_http_core_module.ctx_index };
        // SAFETY: null or the core module's configuration, which nothing else touches during the callback.
        unsafe { self.location_conf_of(index).cast::<ngx_http_core_loc_conf_t>().as_ref() }
    }
}
