//! What a module is asked about peers, and what it is told of them.

use ngx::ffi::{ngx_http_upstream_srv_conf_t, ngx_peer_connection_t, ngx_str_t};

use crate::module::HttpModule;
use crate::request::Request;
use crate::string::bytes;
use crate::upstream::address::SocketAddressRef;
use crate::upstream::conf::{UpstreamId, resolves};
use crate::upstream::sent_body::SentBody;
use crate::upstream::server::server_of_peer;

/// What a module does with a request when its peer is known.
pub trait PeerHooks: HttpModule {
    /// Whether the request's head is to be prepared for each peer. Asked when the peer is being initialised.
    fn prepares(r: Request<'_>) -> bool;

    /// Which peers may get the request, of which `head` is the pristine one. Asked once, before the balancer is.
    fn choice(r: Request<'_>, upstream: UpstreamId, head: &[u8]) -> PeerChoice;

    /// Whether this peer may get a request that is for [`PeerChoice::Some`].
    fn accepts(r: Request<'_>, peer: &Peer<'_>) -> bool;

    /// Makes the head that goes to `peer` of the one that the content handler serialized; `body` is what follows it. Called
    /// for the first peer and for each next one, always with the pristine head.
    fn prepare<'r>(
        r: Request<'r>,
        peer: &Peer<'_>,
        head: &[u8],
        body: SentBody,
    ) -> PreparedHead<'r>;

    /// Called where the balancer has no peer that the request may go to: nginx answers with 502.
    fn has_no_peer(r: Request<'_>, upstream: UpstreamId);

    /// Called where nothing was serialized, and nothing is sent.
    fn refuse_headless(r: Request<'_>);

    /// Called when nginx has done with the peer that was picked last; `failed` is what it tells the balancer (`max_fails`).
    fn left_peer(_r: Request<'_>, _failed: bool) {}
}

/// Which peers may get a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerChoice {
    /// Any.
    All,
    /// None: the request must not be sent.
    Refused,
    /// Those that [`PeerHooks::accepts`] says, so many of which are in use at present. For upstreams that are noted
    /// ([`peers::note`](crate::upstream::peers::note)).
    Some(usize),
}

/// What becomes of a request at a peer.
#[derive(Clone, Copy, Debug)]
pub enum PreparedHead<'r> {
    /// The peer is as good as one that refuses connections: nginx goes on as after an `error` (`proxy_next_upstream`).
    NextPeer,
    /// The request is sent with this head.
    Ready(&'r [u8]),
    /// The request must not be sent.
    Refused,
}

/// The peer that the balancer picked.
pub struct Peer<'a> {
    /// The upstream that it was picked from.
    pub upstream: UpstreamId,
    /// `ip:port` or the socket's path, for log lines.
    pub name: &'a [u8],
    /// Where it is.
    pub address: SocketAddressRef<'a>,
    us: *const ngx_http_upstream_srv_conf_t,
    name_object: *const ngx_str_t,
}

impl<'a> Peer<'a> {
    /// The one that the balancer has put there.
    ///
    /// # Safety
    ///
    /// `pc` must be the peer connection of a request whose peer was picked from `us` just now.
    pub(super) unsafe fn picked(
        pc: *const ngx_peer_connection_t,
        us: *mut ngx_http_upstream_srv_conf_t,
    ) -> Self {
        // SAFETY: the caller's promise; null or a name in configuration, zone or pool memory that lives as long as the peer.
        let name = unsafe { (*pc).name.as_ref() };
        Self {
            upstream: UpstreamId::of(us),
            // SAFETY: as above.
            name: name.map(|name| unsafe { bytes(name) }).unwrap_or_default(),
            // SAFETY: as above.
            address: unsafe { SocketAddressRef::from_ptr((*pc).sockaddr, (*pc).socklen) },
            us,
            // SAFETY: as above.
            name_object: unsafe { (*pc).name },
        }
    }

    /// The name of the upstream: of the block, or the host that `proxy_pass` names.
    pub fn upstream_name(&self) -> &'a [u8] {
        // SAFETY: the upstream that the peer was picked from just now; its name is in the cycle's pool, or, of one that Lua has
        // made, lives as long as the upstream.
        unsafe { bytes(&(*self.us).host) }
    }

    /// What stands in the `server` line that it comes from, where that line says `resolve` or another of its upstream does.
    /// To be asked for such upstreams only.
    pub fn server(&self) -> Option<&'a [u8]> {
        // SAFETY: the upstream that the peer was picked from just now. nginx takes `resolve` only where the balancer is one of those
        // that keep round robin's peers (NGX_HTTP_UPSTREAM_MODIFY).
        unsafe { resolves(self.us).then(|| server_of_peer(self.us, self.name_object))? }
    }
}
