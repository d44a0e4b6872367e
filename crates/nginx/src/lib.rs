//! nginx's C structures and hooks behind views that an http module uses without `unsafe`.
//!
//! A module says with [`HttpModule`] which types its configurations and its request context have, with [`Lifecycle`] what it
//! does with a configuration, and with one trait for each hook that it wants what happens there; functions called `install` put the hook into its place. Nothing in here calls a
//! module but through these traits, and nothing in here knows what a module is for.
//!
//! Every function that nginx calls enters through a panic boundary, and every pointer that nginx hands over is turned into a
//! view there. A view lives for one call from nginx. What it lends lives as long as the view's lifetime says, which is
//! invariant: `'r` of a [`Request`] is memory that the request keeps (its pool, its cycle's configuration, statics), and a
//! handler that is generic over `'r` cannot make it out of its own locals.

#![warn(missing_docs)]

mod boundary;
pub mod chain;
pub mod conf;
pub mod content;
pub mod cycle;
pub mod environment;
pub mod exchange;
pub mod filter;
pub mod flavour;
pub mod kept_body;
pub mod lifecycle;
pub mod log;
pub mod log_writer;
pub mod module;
pub mod phase;
pub mod pool;
pub mod request;
pub mod request_body;
pub mod request_body_filter;
pub mod response_body;
pub mod shared_memory;
pub mod spare_memory;
pub mod stored_body;
mod string;
pub mod subrequest;
pub mod upstream;
pub mod variable;
pub mod worker;
pub mod worker_user;

/// What filters answer nginx and each other.
pub use ngx::core::Status;

pub use crate::chain::Chain;
pub use crate::conf::{Conf, ConfError};
pub use crate::cycle::Cycle;
pub use crate::lifecycle::Lifecycle;
pub use crate::log::Level;
pub use crate::module::HttpModule;
pub use crate::pool::Pool;
pub use crate::request::Request;
