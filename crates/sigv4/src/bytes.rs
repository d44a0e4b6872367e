//! Questions to the bytes of a request: which of them are of a class, where one stands, whether two names are the same.
//!
//! They are asked of every byte of every request, so they are asked of sixteen at once. Nothing is allocated, and every text
//! is any bytes at all.

mod block;
mod case;
mod class;
mod find;
pub(crate) mod hex;
mod name;

pub(crate) use block::common;
pub(crate) use case::{eq_folded, eq_ignore_ascii_case, fold, lower, order};
pub(crate) use class::{ByteClass, Hex, Name, Path, Solid, Text, Token, Unreserved, Visible, is};
pub(crate) use find::{all, cut, cut_usual, exceptions, find, length};
pub(crate) use name::{FoldedName, NameEnds};
