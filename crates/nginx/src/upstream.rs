//! The upstream side of a request: from the balancer's choice to the socket, and its end.

pub mod address;
pub mod conf;
pub mod finalize;
pub mod guard;
pub mod output;
pub mod peer;
pub mod sent_body;

pub use self::address::{SocketAddress, SocketAddressRef};
pub use self::conf::{Server, Upstream, UpstreamId};
pub(crate) use self::finalize::FinalizeRequest;
pub(crate) use self::output::RewrittenBody;
pub use self::output::{Parts, Rewriter};
pub use self::peer::{Peer, PeerHooks};
pub use self::sent_body::SentBody;
