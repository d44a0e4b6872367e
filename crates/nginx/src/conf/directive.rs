//! Directives as safe functions, and their entries in a module's table of commands.

use std::ffi::{CStr, c_char, c_void};

use ngx::ffi::{
    NGX_HTTP_LOC_CONF_OFFSET, NGX_HTTP_MAIN_CONF_OFFSET, NGX_HTTP_SRV_CONF_OFFSET, ngx_command_t,
    ngx_conf_t, ngx_uint_t,
};

use super::{Conf, ConfError, NGX_CONF_ERROR};
use crate::boundary::boundary;
use crate::module::HttpModule;
use crate::string::string;

/// A directive of http{}. It finds the configuration that it changes with [`Conf::main_conf`].
pub trait MainDirective {
    /// Takes the directive's words, the name included.
    ///
    /// # Errors
    ///
    /// Names the directive or the word; it ends the start of nginx, or the reload.
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError>;
}

/// A directive of server{} or upstream{}. It finds the configuration that it changes with [`Conf::server_conf`].
pub trait ServerDirective {
    /// As [`MainDirective::set`].
    ///
    /// # Errors
    ///
    /// As there.
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError>;
}

/// A directive of a location, or of the levels that it inherits from.
pub trait LocationDirective {
    /// The module whose configuration it changes.
    type Module: HttpModule;

    /// Takes the directive's words, the name included.
    ///
    /// # Errors
    ///
    /// As [`MainDirective::set`].
    fn set(
        cf: &mut Conf<'_>,
        words: &[&[u8]],
        conf: &mut <Self::Module as HttpModule>::LocationConf,
    ) -> Result<(), ConfError>;
}

/// The entry of a [`MainDirective`]; `kind` is its `NGX_…_CONF` and how many arguments it takes.
pub const fn main_command<D: MainDirective>(name: &'static CStr, kind: u32) -> ngx_command_t {
    command(name, kind, NGX_HTTP_MAIN_CONF_OFFSET, set_main::<D>)
}

/// The entry of a [`ServerDirective`].
pub const fn server_command<D: ServerDirective>(name: &'static CStr, kind: u32) -> ngx_command_t {
    command(name, kind, NGX_HTTP_SRV_CONF_OFFSET, set_server::<D>)
}

/// The entry of a [`LocationDirective`].
pub const fn location_command<D: LocationDirective>(
    name: &'static CStr,
    kind: u32,
) -> ngx_command_t {
    command(name, kind, NGX_HTTP_LOC_CONF_OFFSET, set_location::<D>)
}

type Set = unsafe extern "C" fn(*mut ngx_conf_t, *mut ngx_command_t, *mut c_void) -> *mut c_char;

/// A C string, for nginx compares directives with strcmp.
const fn command(name: &'static CStr, kind: u32, offset: usize, set: Set) -> ngx_command_t {
    ngx_command_t {
        name: string(name.to_bytes()),
        type_: kind as ngx_uint_t,
        set: Some(set),
        conf: offset,
        offset: 0,
        post: std::ptr::null_mut(),
    }
}

unsafe extern "C" fn set_main<D: MainDirective>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    _conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: the parser's own ngx_conf_t, for this call.
    unsafe { set(cf, D::set) }
}

unsafe extern "C" fn set_server<D: ServerDirective>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    _conf: *mut c_void,
) -> *mut c_char {
    // SAFETY: as above.
    unsafe { set(cf, D::set) }
}

unsafe extern "C" fn set_location<D: LocationDirective>(
    cf: *mut ngx_conf_t,
    _command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    let conf = conf.cast::<<D::Module as HttpModule>::LocationConf>();
    let body = |cf: &mut Conf<'_>, words: &[&[u8]]| {
        // SAFETY: the entry's `conf` offset makes it what create_loc_conf of the module returned, or null. A `Conf` gives no
        // access to it.
        match unsafe { conf.as_mut() } {
            Some(conf) => D::set(cf, words, conf),
            None => Err("not inside of http".into()),
        }
    };
    // SAFETY: as above.
    unsafe { set(cf, body) }
}

/// # Safety
///
/// `cf` must be what nginx passed to the setter of a command.
unsafe fn set(
    cf: *mut ngx_conf_t,
    body: impl FnOnce(&mut Conf<'_>, &[&[u8]]) -> Result<(), ConfError>,
) -> *mut c_char {
    boundary(NGX_CONF_ERROR, || {
        // SAFETY: the caller's promise.
        let Some(mut cf) = (unsafe { Conf::from_ptr(cf) }) else { return NGX_CONF_ERROR };
        let result = {
            let words = cf.words();
            body(&mut cf, &words)
        };
        cf.answer(result)
    })
}
