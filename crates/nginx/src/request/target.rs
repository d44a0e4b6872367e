//! A request whose target gets another segment in front, for all that nginx does with it from then on.

use ngx::ffi::{NGX_ERROR, ngx_http_get_variable_index, ngx_int_t, ngx_str_t};

use crate::conf::{Conf, ConfError};
use crate::module::HttpModule;
use crate::request::{Request, bits};
use crate::string::string;

/// nginx's variable of the target as received, which it keeps once it was asked for.
const TARGET: &[u8] = b"request_uri";

/// Has nginx number its variable `$request_uri`, so that [`Request::prepend_segment`] can have it made anew. For
/// postconfiguration, where anything prepends.
///
/// # Errors
///
/// Memory is out.
pub fn note_target_variable<M: HttpModule>(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let mut name = string(TARGET);
    // SAFETY: a configuration that is being read, before ngx_http_variables_init_vars; nginx only reads the name, which is a
    // static.
    let index = unsafe { ngx_http_get_variable_index(cf.as_ptr(), &raw mut name) };
    if index == NGX_ERROR as ngx_int_t {
        return Err(ConfError::out_of_memory());
    }
    cf.main_slot::<M>()?.hooks.target_variable.set(usize::try_from(index).ok());
    Ok(())
}

impl Request<'_> {
    /// Puts `/SEGMENT` in front of the path, in the target as received ([`target`](Self::target), `$request_uri`) and in the
    /// decoded one (`$uri`): what nginx proxies, caches and stores by is then that. The segment must be such that it is
    /// decoded and encoded the same; it must not hold a slash.
    ///
    /// The location that was found stays, and a URI in its `proxy_pass`, which would take the place of the path's beginning,
    /// is left out of account.
    ///
    /// False when memory is out; then nothing has changed.
    pub fn prepend_segment<M: HttpModule>(self, segment: &[u8]) -> bool {
        let with_segment = |path: &[u8]| {
            let path = [b"/", segment, path].concat();
            self.allocate_copy(&path).map(string)
        };
        let unparsed = with_segment(self.target());
        let decoded = with_segment(self.string(|r| r.uri));
        let (Some(unparsed), Some(decoded)) = (unparsed, decoded) else { return false };
        self.set_target(unparsed, decoded);
        self.forget_target_variable::<M>();
        true
    }

    fn set_target(self, unparsed: ngx_str_t, decoded: ngx_str_t) {
        let r = self.as_ptr();
        // SAFETY: alive, and no reference to the structure is; both strings are in the request's pool.
        unsafe {
            (*r).unparsed_uri = unparsed;
            (*r).uri = decoded;
        }
        // ngx_http_proxy_create_request cuts the location's name off the path's beginning where this is set.
        // SAFETY: as above.
        unsafe { bits::set_valid_location(r, false) };
    }

    /// Where a `map` or a `limit_req` has asked for it before, nginx would go on with the value of then.
    fn forget_target_variable<M: HttpModule>(self) {
        let index = self.main_slot::<M>().and_then(|slot| slot.hooks.target_variable.get());
        let variables = self.read(|r| r.variables);
        let Some(index) = index.filter(|_| !variables.is_null()) else { return };
        // SAFETY: `variables` has an element for each variable that has an index in the request's own configuration; no
        // reference to one is alive.
        unsafe {
            let variable = &mut *variables.add(index);
            variable.set_valid(0);
            variable.set_not_found(0);
        }
    }
}
