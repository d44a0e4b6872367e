//! Variables: registration and values.

use std::marker::PhantomData;

use ngx::ffi::{
    NGX_ERROR, NGX_HTTP_VAR_NOCACHEABLE, NGX_OK, ngx_hash_key, ngx_http_add_variable,
    ngx_http_compile_complex_value, ngx_http_compile_complex_value_t, ngx_http_complex_value,
    ngx_http_complex_value_t, ngx_http_get_variable, ngx_http_get_variable_pt, ngx_http_request_t,
    ngx_http_variable_value_t, ngx_int_t, ngx_str_t,
};

use crate::boundary::boundary;
use crate::conf::{Conf, ConfError};
use crate::module::HttpModule;
use crate::request::Request;
use crate::string::{bytes, string};

/// A variable of a module.
pub trait Variable {
    /// The name without `$`.
    const NAME: &'static str;
    /// Whether the value changes while the request is worked on, so that nginx must ask each time.
    const CHANGES: bool;

    /// The value; none makes the variable "not found" (`-` in a log, empty elsewhere).
    fn value(r: Request<'_>) -> Option<&[u8]>;
}

/// Registers the variable `V`. For preconfiguration.
///
/// # Errors
///
/// Another module has a variable of that name, or memory is out.
pub fn add<V: Variable>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let flags = if V::CHANGES { NGX_HTTP_VAR_NOCACHEABLE } else { 0 };
    add_handler(cf, V::NAME, flags, Some(get::<V>))
}

/// Registers a variable; `flags` are nginx's.
pub(crate) fn add_handler(
    cf: &mut Conf<'_>,
    name: &'static str,
    flags: u32,
    handler: ngx_http_get_variable_pt,
) -> Result<(), ConfError> {
    let mut name_string = string(name.as_bytes());
    // SAFETY: called from preconfiguration; nginx copies the name.
    let variable = unsafe { ngx_http_add_variable(cf.as_ptr(), &raw mut name_string, flags as _) };
    // SAFETY: null or the variable that was added.
    let variable = unsafe { variable.as_mut() };
    let variable = variable.ok_or_else(|| format!("the variable \"{name}\" could not be added"))?;
    variable.get_handler = handler;
    Ok(())
}

unsafe extern "C" fn get<V: Variable>(
    r: *mut ngx_http_request_t,
    value: *mut ngx_http_variable_value_t,
    _data: usize,
) -> ngx_int_t {
    boundary(NGX_ERROR as ngx_int_t, || {
        // SAFETY: nginx passes a live request.
        let Some(request) = (unsafe { Request::from_ptr(r) }) else {
            return NGX_ERROR as ngx_int_t;
        };
        let found = V::value(request);
        // SAFETY: nginx passes the place for the value, which nothing else refers to now.
        let Some(place) = (unsafe { value.as_mut() }) else { return NGX_ERROR as ngx_int_t };
        let bytes = found.unwrap_or_default();
        place.set_len(u32::try_from(bytes.len()).unwrap_or(0));
        place.data = bytes.as_ptr().cast_mut();
        place.set_valid(u32::from(found.is_some()));
        place.set_not_found(u32::from(found.is_none()));
        place.set_no_cacheable(u32::from(V::CHANGES));
        NGX_OK as ngx_int_t
    })
}

impl<'r> Request<'r> {
    /// The value of a variable of whatever module, by its name in lower case without `$`; none where no module of this nginx has
    /// it, or it has no value.
    pub fn variable(self, name: &'static [u8]) -> Option<&'r [u8]> {
        let mut name = string(name);
        // SAFETY: nginx only reads the name; the value is in the request's pool or static, or null when memory is out.
        let value = unsafe {
            let key = ngx_hash_key(name.data, name.len);
            ngx_http_get_variable(self.as_ptr(), &raw mut name, key).as_ref()
        }?;
        if value.not_found() != 0 || value.data.is_null() {
            return None;
        }
        // SAFETY: a value has `len` bytes, which live as long as the request.
        Some(unsafe { std::slice::from_raw_parts(value.data, value.len() as usize) })
    }
}

/// A parameter of a directive of `M` that may hold variables. What nginx compiled stays in the cycle that it belongs to; this
/// is its place there.
#[derive(Debug)]
pub struct ComplexValue<M> {
    index: usize,
    module: PhantomData<fn() -> M>,
}

impl<M> Clone for ComplexValue<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for ComplexValue<M> {}

impl<M: HttpModule> ComplexValue<M> {
    /// Compiles a word of the configuration.
    ///
    /// # Errors
    ///
    /// An unknown variable; nginx has said so.
    pub fn compile(cf: &mut Conf<'_>, word: &[u8]) -> Result<Self, ConfError> {
        // nginx keeps a pointer to it where it has no variables.
        let word = cf.pool().and_then(|pool| pool.copy(word));
        let value = compile(cf, word.ok_or_else(ConfError::out_of_memory)?)?;
        let values = cf.main_slot::<M>()?.hooks.values.get_mut();
        values.push(value);
        Ok(ComplexValue { index: values.len() - 1, module: PhantomData })
    }

    /// The value for this request; none when memory is out.
    pub fn value(self, r: Request<'_>) -> Option<&[u8]> {
        let value = *r.main_slot::<M>()?.hooks.values.borrow().get(self.index)?;
        // SAFETY: of the request's own cycle.
        unsafe { evaluate(r, &value) }
    }
}

/// Compiles `word`, which lives in the cycle's pool as long as the value is used.
pub(crate) fn compile(cf: &Conf<'_>, word: &[u8]) -> Result<ngx_http_complex_value_t, ConfError> {
    // SAFETY: all members of both structures may be zero (nginx clears them with ngx_memzero).
    let mut value: ngx_http_complex_value_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut compile: ngx_http_compile_complex_value_t = unsafe { std::mem::zeroed() };
    let mut source = string(word);
    compile.cf = cf.as_ptr();
    compile.value = &raw mut source;
    compile.complex_value = &raw mut value;
    // SAFETY: the three pointers are valid during the call; what it keeps is in the cycle's pool.
    let code = unsafe { ngx_http_compile_complex_value(&raw mut compile) };
    if code == NGX_OK as ngx_int_t { Ok(value) } else { Err(ConfError::Reported) }
}

/// The value for this request; none when memory is out.
///
/// # Safety
///
/// `value` must be of the request's cycle.
pub(crate) unsafe fn evaluate<'r>(
    r: Request<'r>,
    value: *const ngx_http_complex_value_t,
) -> Option<&'r [u8]> {
    let mut result = ngx_str_t::empty();
    // SAFETY: nginx only reads the compiled value; the result is in the request's pool or the cycle's.
    let code = unsafe { ngx_http_complex_value(r.as_ptr(), value.cast_mut(), &raw mut result) };
    // SAFETY: as above.
    (code == NGX_OK as ngx_int_t).then(|| unsafe { bytes(&result) })
}
