//! Reading the configuration: directives and blocks as safe functions, errors with file and line.

use std::ffi::{OsStr, c_char, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use ngx::ffi::{
    NGX_LOG_EMERG, NGX_LOG_WARN, ngx_command_t, ngx_conf_file_t, ngx_conf_include,
    ngx_conf_log_error, ngx_conf_parse, ngx_conf_t, ngx_http_conf_ctx_t, ngx_int_t, ngx_module_t,
    ngx_parse_offset, ngx_parse_time, ngx_str_t, ngx_uint_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::context::place;
use crate::ffi::log::{self, Level};
use crate::ffi::string::bytes;

/// `NGX_CONF_ERROR` (src/core/ngx_conf_file.h): the setter has said what is wrong.
const NGX_CONF_ERROR: *mut c_char = usize::MAX as *mut c_char;
/// `NGX_CONF_OK`.
const NGX_CONF_OK: *mut c_char = std::ptr::null_mut();

/// What is wrong with a directive; nginx adds file and line to it.
pub(crate) type Fault = String;

/// Takes one line of a block, its name first.
pub(crate) type Line<B> = fn(&Conf, &mut B, &[&[u8]]) -> Result<(), Fault>;

/// A directive of the configuration: how its words change the structure that its command entry names.
pub(crate) trait Directive {
    /// The structure that the command's `conf` offset selects: main or location configuration.
    type Conf;

    /// Takes the directive's words, the name included.
    ///
    /// # Errors
    ///
    /// A [`Fault`] names the directive or the word; it ends the start of nginx.
    fn set(cf: &Conf, words: &[&[u8]], conf: &mut Self::Conf) -> Result<(), Fault>;
}

/// The `set` member of a command entry for the directive `D`.
///
/// # Safety
///
/// For nginx's configuration parser only, which passes live pointers; `conf` must be a `D::Conf`, which the entry's
/// `conf` offset and this module's `create_*_conf` see to.
pub(crate) unsafe extern "C" fn directive<D: Directive>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        let cf = Conf(cf);
        // SAFETY: see above; nothing else refers to the structure while a directive is set.
        let Some(conf) = (unsafe { conf.cast::<D::Conf>().as_mut() }) else {
            return NGX_CONF_ERROR;
        };
        cf.answer(D::set(&cf, &cf.words(), conf))
    })
}

/// Where a directive stands, for faults that are only seen when the whole configuration is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    file: String,
    line: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in {}:{}", self.file, self.line)
    }
}

/// nginx's parser at work: valid during one call from it.
pub(crate) struct Conf(*mut ngx_conf_t);

impl Conf {
    /// # Safety
    ///
    /// `cf` must be what nginx passed to the running configuration callback.
    pub(crate) unsafe fn new(cf: *mut ngx_conf_t) -> Self {
        Conf(cf)
    }

    /// The raw pointer, for the other views of this folder.
    pub(crate) fn as_ptr(&self) -> *mut ngx_conf_t {
        self.0
    }

    /// The words of the directive that is being read, its name first.
    fn words(&self) -> Vec<&[u8]> {
        // SAFETY: `args` is an array of ngx_str_t while a directive is being read; its strings are in the cycle's pool.
        let args = unsafe { (*self.0).args.as_ref() };
        let Some(args) = args.filter(|args| !args.elts.is_null()) else { return Vec::new() };
        // SAFETY: an ngx_array_t has `nelts` elements.
        let words =
            unsafe { std::slice::from_raw_parts(args.elts.cast::<ngx_str_t>(), args.nelts) };
        // SAFETY: each is a string of the cycle's pool, which outlives the parsing.
        words.iter().map(|word| unsafe { bytes(word) }).collect()
    }

    fn answer(&self, result: Result<(), Fault>) -> *mut c_char {
        match result {
            Ok(()) => NGX_CONF_OK,
            // An empty fault: a nested parse has already said what is wrong.
            Err(fault) if fault.is_empty() => NGX_CONF_ERROR,
            Err(fault) => {
                self.error(&fault);
                NGX_CONF_ERROR
            }
        }
    }

    /// A time as nginx writes them (`15m`, `1d`), in seconds.
    pub(crate) fn seconds(&self, word: &[u8]) -> Option<i64> {
        let mut word = ngx_str_t { len: word.len(), data: word.as_ptr().cast_mut() };
        // SAFETY: nginx only reads the string.
        let seconds = unsafe { ngx_parse_time(&raw mut word, 1) };
        i64::try_from(seconds).ok().filter(|seconds| *seconds >= 0)
    }

    /// A time as nginx writes them (`500ms`, `2s`), in milliseconds.
    pub(crate) fn milliseconds(&self, word: &[u8]) -> Option<u64> {
        let mut word = ngx_str_t { len: word.len(), data: word.as_ptr().cast_mut() };
        // SAFETY: nginx only reads the string. NGX_ERROR is negative.
        u64::try_from(unsafe { ngx_parse_time(&raw mut word, 0) }).ok()
    }

    /// A size as nginx writes them (`64k`, `5g`), in bytes.
    pub(crate) fn size(&self, word: &[u8]) -> Option<u64> {
        let mut word = ngx_str_t { len: word.len(), data: word.as_ptr().cast_mut() };
        // SAFETY: nginx only reads the string. It knows k, m and g; NGX_ERROR is negative.
        u64::try_from(unsafe { ngx_parse_offset(&raw mut word) }).ok()
    }

    /// Says what is wrong, with the file and line that the parser has reached.
    fn error(&self, fault: &str) {
        self.say(NGX_LOG_EMERG, fault);
    }

    /// Says what may be wrong, with the file and line that the parser has reached.
    pub(crate) fn warn(&self, doubt: &str) {
        self.say(NGX_LOG_WARN, doubt);
    }

    fn say(&self, level: u32, fault: &str) {
        let level = level as ngx_uint_t;
        // SAFETY: `%*s` takes a size_t and a pointer to that many bytes (src/core/ngx_string.c).
        unsafe {
            ngx_conf_log_error(level, self.0, 0, c"%*s".as_ptr(), fault.len(), fault.as_ptr());
        }
    }

    /// Says what is wrong at a directive that was read before.
    pub(crate) fn error_at(&self, position: &Position, fault: &str) {
        // SAFETY: `log` of the running configuration callback's ngx_conf_t is the cycle's.
        let log = unsafe { (*self.0).log };
        log::write(log, Level::Emerg, format_args!("{fault} {position}"));
    }

    /// The folder of the main configuration file, which relative names start from.
    pub(crate) fn prefix(&self) -> PathBuf {
        // SAFETY: the cycle that is being read; its strings are in its pool.
        let prefix = unsafe { bytes(&(*(*self.0).cycle).conf_prefix) };
        PathBuf::from(OsStr::from_bytes(prefix))
    }

    /// Where the parser is.
    pub(crate) fn position(&self) -> Position {
        // SAFETY: `conf_file` is null or the file that is being read, alive during the callback.
        let Some(file) = (unsafe { (*self.0).conf_file.as_ref() }) else {
            return Position::default();
        };
        let file: &ngx_conf_file_t = file;
        // SAFETY: the file's name is in the cycle's pool.
        let name = unsafe { bytes(&file.file.name) };
        Position { file: String::from_utf8_lossy(name).into_owned(), line: file.line }
    }

    /// Reads the block whose `{` was just seen: each of its lines goes to `line`; `include` works inside.
    ///
    /// # Errors
    ///
    /// An empty [`Fault`] when something in the block is wrong and has been reported.
    pub(crate) fn block<B>(&self, block: &mut B, line: Line<B>) -> Result<(), Fault> {
        let mut state = Block { block, line };
        // SAFETY: the callback's ngx_conf_t is copied as ngx_http_upstream() does it (src/http/ngx_http_upstream.c).
        let mut nested = unsafe { std::ptr::read(self.0) };
        nested.handler = Some(block_line::<B>);
        nested.handler_conf = (&raw mut state).cast();
        // SAFETY: `nested` and `state` outlive the call; a null name means the rest of the current block.
        let answer = unsafe { ngx_conf_parse(&raw mut nested, std::ptr::null_mut()) };
        if answer == NGX_CONF_OK { Ok(()) } else { Err(Fault::new()) }
    }

    /// Moves a configuration structure into the cycle's pool; null when memory is out.
    pub(crate) fn create<T>(&self, conf: T) -> *mut c_void {
        // SAFETY: the pool of the running callback's ngx_conf_t is the cycle's.
        unsafe { place((*self.0).pool, conf).cast() }
    }

    /// This module's main configuration.
    pub(crate) fn main_conf<T>(&self, module: &ngx_module_t) -> Option<&'static mut T> {
        // SAFETY: inside http{} `ctx` is the http configuration context.
        let ctx = unsafe { (*self.0).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }?;
        // SAFETY: main_conf has one entry for each http module.
        let entry = unsafe { *ctx.main_conf.add(module.ctx_index) };
        // SAFETY: the entry is what our create_main_conf returned, a `T` of the cycle's pool, or null. Configuration
        // callbacks run one at a time, and no request refers to a cycle that is still being read.
        unsafe { entry.cast::<T>().as_mut() }
    }

    /// This module's configuration of the server whose locations are being merged.
    pub(crate) fn server_conf<T>(&self, module: &ngx_module_t) -> Option<&'static mut T> {
        // SAFETY: inside http{} `ctx` is the http configuration context.
        let ctx = unsafe { (*self.0).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }?;
        // SAFETY: srv_conf has one entry for each http module.
        let entry = unsafe { *ctx.srv_conf.add(module.ctx_index) };
        // SAFETY: as for the main configuration; the entry is what our create_srv_conf returned.
        unsafe { entry.cast::<T>().as_mut() }
    }

    /// Another module's location configuration in the place that is being merged.
    pub(crate) fn location_conf_of(&self, ctx_index: usize) -> *mut c_void {
        // SAFETY: inside http{} `ctx` is the http configuration context.
        let Some(ctx) = (unsafe { (*self.0).ctx.cast::<ngx_http_conf_ctx_t>().as_ref() }) else {
            return std::ptr::null_mut();
        };
        // SAFETY: loc_conf has one entry for each http module.
        unsafe { *ctx.loc_conf.add(ctx_index) }
    }
}

struct Block<'b, B> {
    block: &'b mut B,
    line: Line<B>,
}

unsafe extern "C" fn block_line<B>(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    state: *mut c_void,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        let cf = Conf(cf);
        let words = cf.words();
        if words.first() == Some(&&b"include"[..]) {
            if words.len() != 2 {
                return cf.answer(Err("\"include\" takes one file name".to_owned()));
            }
            // SAFETY: `cf` carries this handler, so the included file's lines come here too.
            return unsafe { ngx_conf_include(cf.0, command, state) };
        }
        // SAFETY: `state` is the `Block<B>` of the `block` call that is still running.
        let Some(state) = (unsafe { state.cast::<Block<'_, B>>().as_mut() }) else {
            return NGX_CONF_ERROR;
        };
        cf.answer((state.line)(&cf, state.block, &words))
    })
}

/// Runs a configuration callback that has only a return code.
pub(crate) fn callback(
    cf: *mut ngx_conf_t,
    body: impl FnOnce(&Conf) -> Result<(), Fault>,
) -> ngx_int_t {
    boundary(ngx::ffi::NGX_ERROR as ngx_int_t, || {
        let cf = Conf(cf);
        match body(&cf) {
            Ok(()) => ngx::ffi::NGX_OK as ngx_int_t,
            Err(fault) => {
                if !fault.is_empty() {
                    cf.error(&fault);
                }
                ngx::ffi::NGX_ERROR as ngx_int_t
            }
        }
    })
}

/// Runs a merge callback: `previous` and `current` are of type `T`.
///
/// # Safety
///
/// For nginx only: both pointers are what this module's `create_loc_conf` returned.
pub(crate) unsafe fn merge<T>(
    cf: *mut ngx_conf_t,
    previous: *mut c_void,
    current: *mut c_void,
    body: impl FnOnce(&Conf, &T, &mut T) -> Result<(), Fault>,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        let cf = Conf(cf);
        // SAFETY: the caller's promise; the two are different structures.
        let Some(previous) = (unsafe { previous.cast::<T>().as_ref() }) else {
            return NGX_CONF_ERROR;
        };
        // SAFETY: as above.
        let Some(current) = (unsafe { current.cast::<T>().as_mut() }) else {
            return NGX_CONF_ERROR;
        };
        cf.answer(body(&cf, previous, current))
    })
}
