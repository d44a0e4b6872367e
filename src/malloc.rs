//! What the C library's malloc does in a worker with memory that was freed.

use std::hint::black_box;

/// A block of memory that glibc's malloc asks the kernel for, and that makes it keep twice as much; in bytes. A hundred uploads
/// at once have a reading buffer of 32k each (`nginx-conf/s3_server_params`).
const FREED_ONCE: usize = 2 << 20;

/// Has malloc keep up to four megabytes of free memory.
///
/// Buffers of nginx's come and go at the end of the heap with each request, and malloc gives more than 128 KiB of free memory
/// there back to the kernel, which maps it anew, page by page, for the next request. Having seen a larger block come and go, malloc
/// keeps twice that block (mallopt(3), M_MMAP_THRESHOLD), and goes on to adjust itself, as it would not after a mallopt(). Other
/// allocators do as they like.
pub(crate) fn keep_freed_memory() {
    drop(black_box(Vec::<u8>::with_capacity(FREED_ONCE)));
}
