//! Connections to peers that are kept open and unused.

use ngx::ffi::{NGX_OK, ngx_cmp_sockaddr, ngx_connection_t, ngx_int_t, sockaddr, socklen_t};

use crate::cycle::Cycle;

unsafe extern "C" {
    /// POSIX. (The bindings have glibc's type for its address, which other C libraries do not know.)
    fn getpeername(fd: i32, address: *mut sockaddr, length: *mut socklen_t) -> i32;
}

/// Room for any address; aligned as the system wants it.
#[repr(C, align(8))]
struct Storage([u8; 128]);

/// Closes this process's idle connections to `address` (the bytes of a `sockaddr`), as nginx closes all of them before it
/// exits (src/core/ngx_connection.c, ngx_close_idle_connections).
pub fn close_idle(cycle: &Cycle<'_>, address: &[u8]) {
    let mut own = Storage([0; 128]);
    let Some(place) = own.0.get_mut(..address.len()) else { return };
    place.copy_from_slice(address);
    let length = address.len() as socklen_t;
    // SAFETY: the cycle that is served; `connections` has `connection_n` elements, used or not.
    let (connections, count) =
        unsafe { ((*cycle.as_ptr()).connections, (*cycle.as_ptr()).connection_n) };
    for number in 0..count {
        // SAFETY: as above.
        let c = unsafe { connections.add(number) };
        // SAFETY: as above.
        if unsafe { is_idle(c) && is_to(c, own.0.as_mut_ptr().cast(), length) } {
            // SAFETY: whoever keeps a connection and calls it idle has put a handler there that closes it when asked to.
            unsafe {
                (*c).set_close(1);
                if let Some(handler) = (*(*c).read).handler {
                    handler((*c).read);
                }
            }
        }
    }
}

/// Whether it is open, kept, and not a client's.
///
/// # Safety
///
/// `c` must be of the cycle's connections.
unsafe fn is_idle(c: *mut ngx_connection_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*c).fd != -1 && (*c).idle() != 0 && (*c).listening.is_null() }
}

/// # Safety
///
/// `c` must be open; `address` must have `length` bytes.
unsafe fn is_to(c: *mut ngx_connection_t, address: *mut sockaddr, length: socklen_t) -> bool {
    let mut other = Storage([0; 128]);
    let mut other_length = size_of::<Storage>() as socklen_t;
    let place = other.0.as_mut_ptr().cast::<sockaddr>();
    // SAFETY: an open descriptor, and room for any address; both addresses are of their lengths.
    unsafe {
        getpeername((*c).fd, place, &raw mut other_length) == 0
            && ngx_cmp_sockaddr(place, other_length, address, length, 1) == NGX_OK as ngx_int_t
    }
}
