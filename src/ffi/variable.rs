//! Variables: registration and values.

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_OK, ngx_http_add_variable,
    ngx_http_compile_complex_value, ngx_http_compile_complex_value_t, ngx_http_complex_value,
    ngx_http_complex_value_t, ngx_http_request_t, ngx_http_variable_value_t, ngx_int_t, ngx_str_t,
};

use crate::ffi::boundary::boundary;
use crate::ffi::conf::{Conf, Fault};
use crate::ffi::context::place;
use crate::ffi::request::Request;
use crate::ffi::string::bytes;

/// A variable of this module.
pub(crate) trait Variable {
    /// The name without `$`.
    const NAME: &'static str;
    /// Whether the value changes while the request is worked on, so that nginx must ask each time.
    const CHANGES: bool;

    /// The value; none makes the variable "not found" (`-` in a log, empty elsewhere). It must live as long as the
    /// request: pool memory, configuration memory or static.
    fn value(r: &Request) -> Option<&'static [u8]>;
}

/// Registers the variable `V`.
///
/// # Errors
///
/// Another module has a variable of that name, or memory is out.
pub(crate) fn add<V: Variable>(cf: &Conf) -> Result<(), Fault> {
    let mut name = ngx_str_t { len: V::NAME.len(), data: V::NAME.as_ptr().cast_mut() };
    let flags = if V::CHANGES { NGX_HTTP_VAR_NOCACHEABLE } else { 0 };
    // SAFETY: called from preconfiguration; nginx copies the name.
    let variable = unsafe { ngx_http_add_variable(cf.as_ptr(), &raw mut name, flags as _) };
    // SAFETY: null or the variable that was added.
    let Some(variable) = (unsafe { variable.as_mut() }) else {
        return Err(format!("the variable \"{}\" could not be added", V::NAME));
    };
    variable.get_handler = Some(get::<V>);
    Ok(())
}

unsafe extern "C" fn get<V: Variable>(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::new(r) }) else { return NGX_ERROR as ngx_int_t };
        // SAFETY: nginx passes the place for the value.
        let Some(place) = (unsafe { value.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        let found = V::value(&request);
        let bytes = found.unwrap_or_default();
        place.set_len(u32::try_from(bytes.len()).unwrap_or(0));
        place.data = bytes.as_ptr().cast_mut();
        place.set_valid(u32::from(found.is_some()));
        place.set_not_found(u32::from(found.is_none()));
        place.set_no_cacheable(u32::from(V::CHANGES));
        NGX_OK as ngx_int_t
    })
}

/// A parameter of a directive that may hold variables.
pub(crate) struct ComplexValue(ngx_http_complex_value_t);

impl ComplexValue {
    /// Compiles `word`, which is in the cycle's pool as every word of the configuration is.
    ///
    /// # Errors
    ///
    /// An unknown variable; nginx has said so.
    pub(crate) fn compile(cf: &Conf, word: &[u8]) -> Result<Self, Fault> {
        // SAFETY: all members of both structures may be zero (nginx clears them with ngx_memzero).
        let mut value: ngx_http_complex_value_t = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut compile: ngx_http_compile_complex_value_t = unsafe { std::mem::zeroed() };
        let mut source = ngx_str_t { len: word.len(), data: word.as_ptr().cast_mut() };
        compile.cf = cf.as_ptr();
        compile.value = &raw mut source;
        compile.complex_value = &raw mut value;
        // SAFETY: the three pointers are valid during the call; what it keeps is in the cycle's pool.
        let code = unsafe { ngx_http_compile_complex_value(&raw mut compile) };
        if code == NGX_OK as ngx_int_t { Ok(ComplexValue(value)) } else { Err(Fault::new()) }
    }

    /// Moves it into the cycle's pool, for structures of nginx's; null when memory is out.
    pub(crate) fn into_pool(self, cf: &Conf) -> *mut ngx_http_complex_value_t {
        // SAFETY: the pool of the running callback's ngx_conf_t is the cycle's.
        unsafe { place((*cf.as_ptr()).pool, self.0) }
    }

    /// The value for this request; none when memory is out.
    pub(crate) fn value<'r>(&self, r: &'r Request) -> Option<&'r [u8]> {
        let mut value = ngx_str_t::empty();
        let compiled = (&raw const self.0).cast_mut();
        // SAFETY: nginx only reads the compiled value; the result is in the request's pool.
        let code = unsafe { ngx_http_complex_value(r.as_ptr(), compiled, &raw mut value) };
        // SAFETY: as above.
        (code == NGX_OK as ngx_int_t).then(|| unsafe { bytes(&value) })
    }
}
