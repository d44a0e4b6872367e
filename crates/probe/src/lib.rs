//! Probes of S3 origins: what is asked and when, what an answer means, and who asks.
//!
//! Everything here is a function of its arguments. Whoever calls has the sockets, the clock (milliseconds of one that never
//! goes back, the same for all processes) and the memory that processes share.

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

mod answer;
mod health;
mod lease;
mod parameters;
mod question;
mod schedule;

pub use answer::{LIMIT, ProbeAnswer, is_complete};
pub use health::{Change, Health};
pub use lease::Lease;
pub use parameters::{AllDown, ProbeParameters, WrongParameter};
pub use question::{Question, QuestionError};
pub use schedule::Schedule;
