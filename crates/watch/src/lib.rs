//! Files that are read again when they change.
//!
//! Something is made of several files: a [`FileReading`] reads them and notes what it has read. A [`FileWatch`] made of it looks,
//! as often as its owner calls it, whether these files are still the same, and says when it is time for another reading. It
//! neither waits nor has a clock or a thread. For files of a machine's own file systems: a look that hangs, hangs its caller.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used
    )
)]

mod file_watch;
mod identity;
mod reading;

pub use file_watch::{FileWatch, Look};
pub use reading::FileReading;
