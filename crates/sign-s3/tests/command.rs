//! The command as people run it: the vectors and cases of the protocol reference, and what it says about itself.

#[path = "command/explain.rs"]
mod explain;
#[path = "command/presign.rs"]
mod presign;
#[path = "command/support.rs"]
mod support;
