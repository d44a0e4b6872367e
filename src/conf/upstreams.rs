//! Which origin each peer of the configuration's upstreams is.

use std::rc::Rc;

use nginx::upstream::{Peer, PeerCopy, Server, SocketAddress, SocketAddressRef, Upstream, peer};
use nginx::{Conf, ConfError};

use crate::S3Signature;
use crate::conf::MainConf;
use crate::conf::origin::Origin;

/// What stands in a `server` line, and the origin that is there.
type NamedOrigin = (Box<[u8]>, Rc<Origin>);

/// What is known of an upstream.
pub(crate) struct PeerOrigins {
    /// The addresses of its servers, where it is a block of the configuration.
    addresses: Vec<(SocketAddress, Option<Rc<Origin>>)>,
    /// The origin of all its peers, where `proxy_pass` names the host itself: a host's addresses are one origin.
    implied: Option<Rc<Origin>>,
    /// Where addresses change while nginx runs (`server … resolve`): what stands in each `server` line, and its origin.
    by_name: Option<Vec<NamedOrigin>>,
}

impl PeerOrigins {
    /// The origin of the peer that the balancer picked from this upstream.
    pub(crate) fn origin(&self, peer: &Peer<'_>) -> Option<&Rc<Origin>> {
        let Some(by_name) = &self.by_name else { return self.origin_at(peer.address) };
        // Nothing else: another name may have had that address.
        let name = peer.server()?;
        by_name.iter().find(|(server, _)| **server == *name).map(|(_, origin)| origin)
    }

    /// The origin of a peer of the upstream's list; none where that cannot be told from outside (`service=`).
    pub(crate) fn origin_of(&self, peer: &PeerCopy) -> Option<&Rc<Origin>> {
        match &self.by_name {
            None => self.origin_at(peer.socket_address()?.as_ref()),
            Some(by_name) => by_name
                .iter()
                .find(|(server, _)| **server == *peer.server())
                .map(|(_, origin)| origin),
        }
    }

    fn origin_at(&self, address: SocketAddressRef<'_>) -> Option<&Rc<Origin>> {
        let by = |same: &dyn Fn(SocketAddressRef<'_>) -> bool| {
            self.addresses
                .iter()
                .find(|(candidate, _)| same(candidate.as_ref()))
                .map(|(_, origin)| origin.as_ref())
        };
        // The very address of the configuration first: two names may share one address and still be two origins.
        by(&|candidate| candidate.is(address))
            .or_else(|| by(&|candidate| candidate.equals(address)))
            .unwrap_or(self.implied.as_ref())
    }
}

/// Wraps the peer hooks of every upstream. For postconfiguration, when each balancer has set its own.
pub(crate) fn wrap_all(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    for upstream in Upstream::all(cf) {
        let main = cf.main_conf::<S3Signature>()?;
        let mut addresses = Vec::new();
        let mut names = Vec::new();
        let servers = upstream.servers().unwrap_or_default();
        let resolves = servers.iter().any(|server| server.resolves);
        for server in servers {
            let origin = origin_of_server(main, upstream, &server);
            names.extend(origin.clone().map(|origin| (server.name.into(), origin)));
            addresses.extend(server.addresses.into_iter().map(|address| (address, origin.clone())));
        }
        let implied = implied_origin(main, upstream);
        let by_name = resolves.then_some(names);
        main.upstreams.insert(upstream.id(), PeerOrigins { addresses, implied, by_name });
        peer::wrap::<S3Signature>(cf, upstream)?;
    }
    Ok(())
}

/// The origins of the upstream's peers. Checks that every peer is one, and that it cannot be mistaken for another.
///
/// # Errors
///
/// Names the server that no origin has as its endpoint, or that shares its address with another origin's.
pub(crate) fn origins_of_peers(
    main: &MainConf,
    upstream: Upstream<'_>,
) -> Result<Vec<Rc<Origin>>, String> {
    let name = upstream.host().escape_ascii().to_string();
    let Some(servers) = upstream.servers() else {
        return match implied_origin(main, upstream) {
            Some(origin) => Ok(vec![origin]),
            None => Err(format!("no s3_origin has the endpoint {name}:{}", upstream.port())),
        };
    };
    // Peers of such an upstream are told apart by their names.
    let merges = upstream.has_zone() && !servers.iter().any(|server| server.resolves);
    let mut origins = Vec::new();
    let mut known: Vec<(SocketAddress, Rc<Origin>)> = Vec::new();
    for server in &servers {
        let Some(origin) = origin_of_server(main, upstream, server) else {
            return Err(format!(
                "no s3_origin has the endpoint of server \"{}\" in upstream \"{name}\" {}",
                server.name.escape_ascii(),
                upstream.place()
            ));
        };
        for &address in &server.addresses {
            let other =
                known.iter().find(|(other, _)| merges && other.as_ref().equals(address.as_ref()));
            if let Some((_, other)) = other.filter(|(_, other)| !Rc::ptr_eq(other, &origin)) {
                return Err(format!(
                    "s3_origin \"{}\" and \"{}\" have one address in upstream \"{name}\", which its \"zone\" makes \
                     one peer",
                    other.name, origin.name
                ));
            }
            known.push((address, Rc::clone(&origin)));
        }
        origins.push(origin);
    }
    Ok(origins)
}

fn implied_origin(main: &MainConf, upstream: Upstream<'_>) -> Option<Rc<Origin>> {
    if upstream.servers().is_some() { None } else { origin_at_host(main, upstream) }
}

fn origin_at_host(main: &MainConf, upstream: Upstream<'_>) -> Option<Rc<Origin>> {
    let host = std::str::from_utf8(upstream.host()).ok()?;
    main.origin_at(host, upstream.port()).cloned()
}

/// The origin whose endpoint a `server` line names. nginx's port for a server without one is 80. A `proxy_pass` to an address
/// has a server without a name.
pub(crate) fn origin_of_server(
    main: &MainConf,
    upstream: Upstream<'_>,
    server: &Server<'_>,
) -> Option<Rc<Origin>> {
    if server.name.is_empty() {
        return origin_at_host(main, upstream);
    }
    let name = std::str::from_utf8(server.name).ok()?;
    if server.is_service {
        // DNS says the ports, so the name alone is what an endpoint can have in common with it.
        return main.origins.iter().find(|origin| origin.endpoint.has_host(name)).cloned();
    }
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (name, 80),
    };
    main.origin_at(host, port).cloned()
}
