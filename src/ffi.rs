//! The only home of `unsafe`: nginx's C structures behind views that the rest of the module uses safely.
//!
//! Every function that nginx calls enters through [`boundary`], and every pointer that nginx hands over is turned into a
//! view here. What a view promises is written at its type; nothing in here knows S3.

pub(crate) mod boundary;
pub(crate) mod chain;
pub(crate) mod conf;
pub(crate) mod context;
pub(crate) mod environment;
pub(crate) mod error_page;
pub(crate) mod filter;
pub(crate) mod flavour;
pub(crate) mod log;
pub(crate) mod log_writer;
pub(crate) mod peer;
pub(crate) mod phase;
pub(crate) mod request;
pub(crate) mod request_body;
pub(crate) mod resolved_host;
pub(crate) mod response;
pub(crate) mod sent_body;
pub(crate) mod stored_body;
pub(crate) mod string;
pub(crate) mod subrequest;
pub(crate) mod upstream_conf;
pub(crate) mod upstream_end;
pub(crate) mod upstream_output;
pub(crate) mod variable;
