//! Memory for chunks, which goes from one upload of a worker to the next.
//!
//! A signed chunk is withheld until its signature has come, and then until it is sent. Most have the same size, so what one
//! leaves fits the next, and neither malloc nor the kernel has to find and clear it.

use std::cell::RefCell;

/// Most bytes that a worker keeps; some 15 chunks of 64 KiB, the size that SDKs use.
const MAX_KEPT: usize = 1 << 20;
/// Less is not worth it.
const MIN_KEPT: usize = 8 << 10;

thread_local! {
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Requests that are open when a worker ends are destroyed late, perhaps after this: then there is nothing to take or keep.
fn with<R: Default>(body: impl FnOnce(&mut Vec<Vec<u8>>) -> R) -> R {
    let result = SPARES.try_with(|spares| spares.try_borrow_mut().ok().map(|mut it| body(&mut it)));
    result.ok().flatten().unwrap_or_default()
}

/// Memory that a chunk has left, empty; without any room if there is none.
pub fn take() -> Vec<u8> {
    with(|spares| spares.pop().unwrap_or_default())
}

/// Keeps memory that nobody refers to any more for another chunk, of whatever request; gives it back if there is enough.
pub fn keep(mut memory: Vec<u8>) {
    if memory.capacity() < MIN_KEPT {
        return;
    }
    with(|spares| {
        let kept: usize = spares.iter().map(Vec::capacity).sum();
        if kept.saturating_add(memory.capacity()) <= MAX_KEPT {
            memory.clear();
            spares.push(memory);
        }
    });
}
