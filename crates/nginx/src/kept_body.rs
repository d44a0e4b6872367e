//! What nginx keeps of a request's body.

use crate::chain::total_size;
use crate::request::Request;

/// The body that nginx keeps for the upstream, by where it lies: another one that somebody puts into its place (Lua's
/// `ngx.req.set_body_data`) has another buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Addresses of the first buffer, its bytes in memory, and its file's name. Lua puts another body into the same buffer.
    first: [usize; 3],
    length: Option<u64>,
}

impl Kept {
    /// None at all.
    pub const NONE: Kept = Kept { first: [0; 3], length: Some(0) };

    /// What the request has now.
    pub fn of(r: Request<'_>) -> Self {
        // SAFETY: null or the request's own, which nothing changes during the call.
        let Some(body) = (unsafe { r.read(|r| r.request_body).as_ref() }) else {
            return Self::NONE;
        };
        // SAFETY: null or the first link of the body.
        let link = unsafe { body.bufs.as_ref() };
        // SAFETY: a link of such a chain has a buffer.
        let first = link.map(|link| unsafe { &*link.buf }).map_or([0; 3], |buffer| {
            // SAFETY: null or the file that the buffer is a part of, which is open.
            let file = unsafe { buffer.file.as_ref() };
            let name = file.map_or(0, |file| file.name.data.addr());
            [std::ptr::from_ref(buffer).addr(), buffer.pos.addr(), name]
        });
        // SAFETY: its chain, which nothing changes during the call.
        Kept { first, length: unsafe { total_size(body.bufs) } }
    }

    /// Its length in bytes, if that can be told.
    pub fn length(self) -> Option<u64> {
        self.length
    }
}
