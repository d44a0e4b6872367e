//! nginx's lists of headers.

use std::marker::PhantomData;
use std::ptr::null_mut;

use ngx::ffi::{ngx_list_part_t, ngx_list_t, ngx_table_elt_t};

use crate::string::bytes;

/// Iterates over a list of headers, as pairs of name and value.
pub struct Headers<'r> {
    elements: Elements,
    /// Whether a header whose hash is zero was taken out.
    has_removed: bool,
    lifetime: PhantomData<&'r ()>,
}

impl Headers<'_> {
    /// All lines of a request.
    ///
    /// # Safety
    ///
    /// The list must live for the view's lifetime, and so must its strings, unchanged.
    pub(super) unsafe fn of_request(list: *const ngx_list_t) -> Self {
        // SAFETY: the caller's promise.
        let elements = unsafe { Elements::of(list) };
        Headers { elements, has_removed: false, lifetime: PhantomData }
    }

    /// The lines of a response that will be sent: nginx and modules take one out by giving it a hash of zero.
    ///
    /// # Safety
    ///
    /// As for `of_request`.
    pub(crate) unsafe fn of_response(list: *const ngx_list_t) -> Self {
        // SAFETY: the caller's promise.
        let elements = unsafe { Elements::of(list) };
        Headers { elements, has_removed: true, lifetime: PhantomData }
    }
}

impl<'r> Iterator for Headers<'r> {
    type Item = (&'r [u8], &'r [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // SAFETY: an element of a list that is alive; nothing writes to it during the call.
            let header = unsafe { &*self.elements.next()? };
            // Of a request `hash` is not asked: names can hash to zero, some do because they are made of symbols only, and
            // the proxy module sends them all (ngx_http_proxy_create_request). What was taken out is no longer in the list.
            if self.has_removed && header.hash == 0 {
                continue;
            }
            // SAFETY: names and values are in the connection's header buffers, the request's pool, or static.
            return Some(unsafe { (bytes(&header.key), bytes(&header.value)) });
        }
    }
}

/// The elements of a list of headers, by address.
pub(super) struct Elements {
    /// What is left of a part, and the parts that follow it.
    at: *mut ngx_table_elt_t,
    left: usize,
    rest: *const ngx_list_part_t,
}

impl Elements {
    /// # Safety
    ///
    /// `list` must be a list of `ngx_table_elt_t` that lives as long as the iterator.
    pub(super) unsafe fn of(list: *const ngx_list_t) -> Self {
        // SAFETY: the caller's promise.
        Elements { at: null_mut(), left: 0, rest: unsafe { &raw const (*list).part } }
    }
}

impl Iterator for Elements {
    type Item = *mut ngx_table_elt_t;

    fn next(&mut self) -> Option<Self::Item> {
        while self.left == 0 {
            // SAFETY: null or a part of the list.
            let part = unsafe { self.rest.as_ref() }?;
            (self.at, self.left, self.rest) = (part.elts.cast(), part.nelts, part.next);
        }
        let element = self.at;
        self.left -= 1;
        // SAFETY: a part has `nelts` elements; behind the last one is the end of their memory.
        self.at = unsafe { element.add(1) };
        Some(element)
    }
}
