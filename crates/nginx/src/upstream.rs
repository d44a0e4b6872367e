//! The upstream side of a request: from the balancer's choice to the socket, and its end.

pub mod address;
pub mod attempt;
pub mod conf;
pub mod finalize;
pub mod guard;
mod head_room;
mod held_answer;
mod idle;
mod interim;
pub mod output;
pub mod peer;
pub mod peers;
pub mod process_header;
pub mod sent_body;
mod server;

pub use self::address::{SocketAddress, SocketAddressRef};
pub use self::attempt::Attempt;
pub use self::conf::{Server, Upstream, UpstreamId};
pub(crate) use self::finalize::FinalizeRequest;
pub use self::idle::close_idle;
pub(crate) use self::output::RewrittenBody;
pub use self::output::{Parts, Rewriter};
pub use self::peer::{Peer, PeerChoice, PeerHooks, PreparedHead};
pub use self::peers::{PeerCopy, PeerId, Peers};
pub(crate) use self::process_header::ResponseHead;
pub use self::process_header::{Next, UpstreamAnswer, UpstreamFraming, UpstreamResponse};
pub use self::sent_body::SentBody;
