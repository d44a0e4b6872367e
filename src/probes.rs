//! `s3_probe`: origins are asked in the background whether they are in order, and those that are not are left alone.
//!
//! Each worker has a timer. At each tick one of them, the holder of a lease, asks the origins whose turn it is, and notes in
//! shared memory what the answers say; every worker marks the peers of its upstreams by those notes, and lets go of what waits
//! at a peer that has gone down. No request of a client's is needed for that, and none waits for it.

pub(crate) mod key_check;
mod listing;
mod marks;
mod prober;
mod question;
mod rescue;
mod state;
pub(crate) mod table;
mod tick;

pub(crate) use self::listing::{ProbedPeer, probed_peers};
pub(crate) use self::rescue::no_peer;
pub(crate) use self::state::{ProbeReport, is_beginning, note_refusal, refuses_key, report};
pub(crate) use self::tick::{Probes, TICK, release};
