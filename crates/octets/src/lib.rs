//! Questions to the bytes of a request: which of them are of a kind, where one stands, whether two names are the same.
//!
//! They are asked of every byte of every request, so they are asked of sixteen at once. Nothing is allocated, and every text
//! is any bytes at all.

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

mod block;
mod case;
mod find;
mod kind;

pub use case::{is_but_for_case, lower};
pub use find::{Exceptions, all, cut, exceptions, find, length};
pub use kind::{Hex, Kind, Name, Path, Solid, Text, Token, Unreserved, Visible, is};
