//! Addresses of peers.

use std::marker::PhantomData;

use ngx::ffi::{NGX_OK, ngx_cmp_sockaddr, ngx_int_t, ngx_sockaddr_t, sockaddr, socklen_t};

/// A socket address in memory of nginx's that lives for `'a`.
#[derive(Clone, Copy)]
pub struct SocketAddressRef<'a> {
    /// The address of the object that this is, or is a copy of.
    object: usize,
    sockaddr: *const sockaddr,
    socklen: socklen_t,
    lifetime: PhantomData<&'a sockaddr>,
}

impl SocketAddressRef<'_> {
    /// # Safety
    ///
    /// `sockaddr` must be null or an address of that length that lives for `'a`.
    pub(crate) unsafe fn from_ptr(sockaddr: *const sockaddr, socklen: socklen_t) -> Self {
        SocketAddressRef { object: sockaddr.addr(), sockaddr, socklen, lifetime: PhantomData }
    }

    /// Whether both are one object. Round robin keeps pointers to the addresses of the configuration, so that two names
    /// with equal addresses stay apart; with `zone` it copies them.
    pub fn is(self, other: SocketAddressRef<'_>) -> bool {
        self.object == other.object
    }

    /// Whether family, address and port are equal.
    pub fn equals(self, other: SocketAddressRef<'_>) -> bool {
        if self.sockaddr.is_null() || other.sockaddr.is_null() {
            return false;
        }
        // SAFETY: both are of their lengths, by the promise of `from_ptr`; nginx only reads them.
        let order = unsafe {
            let (one, two) = (self.sockaddr.cast_mut(), other.sockaddr.cast_mut());
            ngx_cmp_sockaddr(one, self.socklen, two, other.socklen, 1)
        };
        order == NGX_OK as ngx_int_t
    }
}

/// An address of the configuration: a copy, which knows what it was copied from.
#[derive(Clone, Copy)]
pub struct SocketAddress {
    object: usize,
    sockaddr: ngx_sockaddr_t,
    socklen: socklen_t,
}

impl SocketAddress {
    /// None for an address that no peer can have: longer than all that nginx knows.
    pub(crate) fn copy_of(address: SocketAddressRef<'_>) -> Option<Self> {
        let length = usize::try_from(address.socklen).ok()?;
        if address.sockaddr.is_null() || length > size_of::<ngx_sockaddr_t>() {
            return None;
        }
        // SAFETY: all bytes of the union may be zero.
        let mut sockaddr: ngx_sockaddr_t = unsafe { std::mem::zeroed() };
        let bytes = (&raw mut sockaddr).cast::<u8>();
        // SAFETY: an address of that length, by the promise of `from_ptr`; the copy has room for it.
        unsafe { std::ptr::copy_nonoverlapping(address.sockaddr.cast::<u8>(), bytes, length) };
        Some(SocketAddress { object: address.object, sockaddr, socklen: address.socklen })
    }

    /// A copy of a copy: the bytes of an address whose object is, or was, at that place.
    pub(crate) fn of_bytes(object: usize, bytes: &[u8]) -> Option<Self> {
        let socklen = socklen_t::try_from(bytes.len()).ok()?;
        // SAFETY: bytes of that length; `copy_of` reads them byte by byte.
        let copy =
            Self::copy_of(unsafe { SocketAddressRef::from_ptr(bytes.as_ptr().cast(), socklen) })?;
        Some(SocketAddress { object, ..copy })
    }

    /// For comparisons.
    pub fn as_ref(&self) -> SocketAddressRef<'_> {
        SocketAddressRef {
            object: self.object,
            sockaddr: (&raw const self.sockaddr).cast(),
            socklen: self.socklen,
            lifetime: PhantomData,
        }
    }
}
