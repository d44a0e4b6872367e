//! Environment variables that the configuration names, over reloads and binary upgrades.
//!
//! nginx starts a new binary (SIGUSR2) and runs its workers with those variables only that `env` directives name
//! (ngx_set_environment in src/core/nginx.c). A variable that a secret is read from is therefore put on the same list: the
//! new binary gets it. Workers do not, for what they start (a script's `io.popen`) would inherit it.

use std::cell::RefCell;
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicPtr, Ordering};

use ngx::ffi::{
    NGX_PROCESS_HELPER, NGX_PROCESS_SIGNALLER, NGX_PROCESS_WORKER, environ, ngx_array_push,
    ngx_core_conf_t, ngx_core_module, ngx_cycle_t, ngx_process, ngx_str_t, ngx_uint_t,
};

use crate::conf::Conf;
use crate::cycle::Cycle;
use crate::string::bytes;

/// `environ` as it was before nginx replaced it: the array that nginx, too, keeps (ngx_os_environ). With `master_process off` the
/// process that reads the configuration again is one whose own environment has been cut.
static ORIGINAL: AtomicPtr<*mut c_char> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    // Names that were put on nginx's list, by whose addresses they are told from those of `env` directives. They stay as long
    // as the process, for a cycle refers to them; a name is there once, however often the configuration is read.
    static NAMES: RefCell<Vec<&'static CStr>> = const { RefCell::new(Vec::new()) };
}

/// Whether this process reads the configuration only to find whom to send a signal (`nginx -s`): its environment is not that
/// of the nginx that runs.
pub fn is_signaller() -> bool {
    is_process(NGX_PROCESS_SIGNALLER)
}

fn is_process(kind: u32) -> bool {
    // SAFETY: a plain number that is set when a process starts.
    unsafe { ngx_process == kind as ngx_uint_t }
}

/// Notes the environment that the process was started with. For each reading of the configuration, before its directives.
pub(crate) fn keep_original() {
    // SAFETY: libc's pointer; nothing changes it while the configuration's reading begins.
    let now = unsafe { environ };
    // Only the first counts.
    let _ =
        ORIGINAL.compare_exchange(std::ptr::null_mut(), now, Ordering::Relaxed, Ordering::Relaxed);
}

/// The value of the variable `name`, which is handed on to a new binary from now on. None where it is not set, or where
/// no variable can have that name.
///
/// What an `env NAME=value;` before says comes first, as a new binary would see it.
pub fn variable(cf: &Conf<'_>, name: &[u8]) -> Option<Vec<u8>> {
    if name.is_empty() || name.iter().any(|byte| matches!(byte, b'=' | 0)) {
        return None;
    }
    // SAFETY: the cycle that is being read, which nothing else uses now.
    let core = unsafe { core_conf((*cf.as_ptr()).cycle)?.as_mut() }?;
    // SAFETY: nginx's array, whose strings live as long as the cycle.
    let listed = unsafe { entries(core) }.iter().find(|entry| unsafe { bytes(entry) } == name);
    let value = listed.and_then(|entry| {
        // SAFETY: the parser's strings end with a NUL, and with the name's end comes that or `=value`.
        unsafe { CStr::from_ptr(entry.data.add(entry.len).cast()) }.to_bytes().strip_prefix(b"=")
    });
    let value = value.or_else(|| in_environment(name))?.to_vec();
    if listed.is_none() {
        hand_on(core, name)?;
    }
    Some(value)
}

/// Puts `name` on the list of what `env` directives name; none when memory is out.
fn hand_on(core: &mut ngx_core_conf_t, name: &[u8]) -> Option<()> {
    let name = NAMES.with_borrow_mut(|names| {
        if let Some(known) = names.iter().find(|known| known.to_bytes() == name) {
            return Some(*known);
        }
        let name: &'static CStr = Box::leak(std::ffi::CString::new(name).ok()?.into_boxed_c_str());
        names.push(name);
        Some(name)
    })?;
    // SAFETY: the list is an array of ngx_str_t in the cycle's pool; a null means that memory is out.
    let entry = unsafe { ngx_array_push(&raw mut core.env).cast::<ngx_str_t>().as_mut() }?;
    // nginx reads the byte behind the name, too, and writes nothing.
    *entry = ngx_str_t { len: name.count_bytes(), data: name.as_ptr().cast::<u8>().cast_mut() };
    Some(())
}

/// The value of `name` in the environment that the process was started with.
fn in_environment(name: &[u8]) -> Option<&'static [u8]> {
    let mut place = ORIGINAL.load(Ordering::Relaxed);
    if place.is_null() {
        return None;
    }
    loop {
        // SAFETY: the array ends with a null pointer, which ends this loop.
        let entry = unsafe { *place };
        if entry.is_null() {
            return None;
        }
        // SAFETY: each entry is a string of libc's or of nginx's, for the life of the process.
        let entry = unsafe { CStr::from_ptr(entry) }.to_bytes();
        let value = entry.strip_prefix(name).and_then(|rest| rest.strip_prefix(b"="));
        if value.is_some() {
            return value;
        }
        // SAFETY: that was not the last entry.
        place = unsafe { place.add(1) };
    }
}

/// For `init_process`: a worker forgets the variables that only we put on the list.
pub(crate) fn forget_listed(cycle: &Cycle<'_>) {
    // With `master_process off` the one process is also the one that reads the configuration.
    if is_process(NGX_PROCESS_WORKER) || is_process(NGX_PROCESS_HELPER) {
        // SAFETY: the cycle that this process works for.
        if let Some(core) = unsafe { core_conf(cycle.as_ptr()).and_then(|core| core.as_ref()) } {
            // SAFETY: as in `variable`.
            forget(unsafe { entries(core) });
        }
    }
}

fn forget(entries: &[ngx_str_t]) {
    let is_ours = |entry: &ngx_str_t| {
        NAMES.with_borrow(|names| names.iter().any(|name| name.as_ptr().cast() == entry.data))
    };
    for entry in entries.iter().filter(|entry| is_ours(entry)) {
        // SAFETY: `entries` are live strings.
        let name = unsafe { bytes(entry) };
        // SAFETY: as above.
        let by_directive = |other: &ngx_str_t| !is_ours(other) && unsafe { bytes(other) } == name;
        if !entries.iter().any(by_directive) {
            // SAFETY: a starting process; nginx's threads, if there are any yet, have no task and read no environment.
            // It moves pointers within the array that nginx made for this process.
            unsafe { std::env::remove_var(OsStr::from_bytes(name)) };
        }
    }
}

/// The core module's configuration in `cycle`; none while there is none.
///
/// # Safety
///
/// `cycle` must be live, its `conf_ctx` made.
pub(crate) unsafe fn core_conf(cycle: *mut ngx_cycle_t) -> Option<*mut ngx_core_conf_t> {
    // SAFETY: the caller's promise; conf_ctx has one entry for each module, and this is ngx_get_conf.
    let conf = unsafe { *(*cycle).conf_ctx.add(ngx_core_module.index) };
    (!conf.is_null()).then_some(conf.cast())
}

/// The list of what `env` directives name.
///
/// # Safety
///
/// `core` must be of a live cycle.
unsafe fn entries(core: &ngx_core_conf_t) -> &[ngx_str_t] {
    if core.env.nelts == 0 {
        return &[];
    }
    // SAFETY: an array has `nelts` elements, here of ngx_str_t (ngx_core_module_create_conf).
    unsafe { std::slice::from_raw_parts(core.env.elts.cast(), core.env.nelts) }
}
