//! What the configuration wants to be probed: made when all of it was read.

use std::rc::Rc;

use probe::{Parameters, Question};

use crate::conf::origin::Origin;
use crate::conf::{MainConf, Resigning, ServerConf, upstreams};
use crate::ffi::conf::{Conf, Fault};
use crate::ffi::exchange::LocalAddress;
use crate::ffi::peer::UpstreamId;
use crate::ffi::tls_client::Session;
use crate::ffi::upstream_conf::{RoundRobin, Upstream};
use crate::probes::table::{self, Zone};

/// All upstreams with `s3_probe`, and the memory that workers share about them.
pub(crate) struct Plan {
    pub(super) upstreams: Vec<Probed>,
    pub(super) zone: Zone,
}

/// An upstream with `s3_probe`.
pub(super) struct Probed {
    pub(super) id: UpstreamId,
    pub(super) name: Vec<u8>,
    pub(super) peers: RoundRobin,
    pub(super) parameters: Rc<Parameters>,
    /// What is asked of the peers of each `server` line.
    servers: Vec<(Vec<u8>, Rc<Target>)>,
}

/// An origin, and how to ask it.
pub(super) struct Target {
    pub(super) origin: Rc<Origin>,
    pub(super) question: Question,
    pub(super) session: Option<Session>,
    pub(super) local: Option<LocalAddress>,
}

impl Plan {
    /// Whether an origin of that name is probed.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut targets = self.upstreams.iter().flat_map(|upstream| &upstream.servers);
        targets.any(|(_, target)| target.origin.name == name)
    }
}

impl Probed {
    /// What is asked of a peer, by what stands in its `server` line.
    pub(super) fn target(&self, server: &[u8]) -> Option<&Rc<Target>> {
        self.servers.iter().find(|(name, _)| name == server).map(|(_, target)| target)
    }
}

/// Makes the plan; none where nothing is to be probed. For postconfiguration, before the places of `s3_resign` are changed.
///
/// # Errors
///
/// Names the upstream, and the origin that cannot be asked as requests to it are sent.
pub(crate) fn make(cf: &Conf, main: &MainConf) -> Result<Option<Plan>, Fault> {
    let mut probed = Vec::new();
    for upstream in Upstream::all(cf) {
        let conf = upstream.server_conf::<ServerConf>(crate::module());
        let Some(parameters) = conf.and_then(|conf| conf.probe.as_ref()) else { continue };
        let fault = |fault| {
            format!(
                "\"s3_probe\" in upstream \"{}\" {}: {fault}",
                upstream.host().escape_ascii(),
                upstream.place()
            )
        };
        probed.push(of_upstream(main, &upstream, parameters).map_err(fault)?);
    }
    if probed.is_empty() {
        return Ok(None);
    }
    Ok(Some(Plan { upstreams: probed, zone: table::add_zone(cf)? }))
}

fn of_upstream(
    main: &MainConf,
    upstream: &Upstream,
    parameters: &Rc<Parameters>,
) -> Result<Probed, Fault> {
    let Some(peers) = upstream.round_robin() else {
        return Err("its balancer is none of nginx's own".to_owned());
    };
    let mut servers: Vec<(Vec<u8>, Rc<Target>)> = Vec::new();
    for server in upstream.servers().unwrap_or_default() {
        if servers.iter().any(|(name, _)| name == server.name) {
            continue;
        }
        let origin = upstreams::origin_of_server(main, upstream, &server)
            // Where one origin has several servers, `s3_resign NAME` says which it is.
            .or_else(|| resigning(main, upstream).find_map(|place| place.origin.clone()));
        let Some(origin) = origin else {
            let name = server.name.escape_ascii();
            return Err(format!("no s3_origin has the endpoint of server \"{name}\""));
        };
        servers.push((server.name.to_vec(), Rc::new(target(main, upstream, origin, parameters)?)));
    }
    let (id, name) = (upstream.id(), upstream.host().to_vec());
    Ok(Probed { id, name, peers, parameters: Rc::clone(parameters), servers })
}

/// The places that proxy to the upstream and sign what they send.
fn resigning<'m>(main: &'m MainConf, upstream: &Upstream) -> impl Iterator<Item = &'m Resigning> {
    let id = upstream.id();
    main.resigning.iter().filter(move |resigning| resigning.place.upstream() == Some(id))
}

/// An origin is asked as some place of the configuration sends requests to it, or not at all.
fn target(
    main: &MainConf,
    upstream: &Upstream,
    origin: Rc<Origin>,
    parameters: &Parameters,
) -> Result<Target, Fault> {
    let question = Question::new(&parameters.uri, origin.endpoint.authority())
        .map_err(|error| format!("invalid \"uri\": {error}"))?;
    let is_tls = origin.endpoint.is_tls();
    // Those whose `proxy_pass` has a variable may be meant for any upstream.
    let with_variable =
        main.resigning.iter().filter(|resigning| resigning.place.upstream().is_none());
    let mut places = resigning(main, upstream).chain(with_variable);
    let Some(found) = places.find(|resigning| resigning.place.tls().is_some() == is_tls) else {
        return Err(format!(
            "no location with \"s3_resign\" proxies to it over {}, as the endpoint of s3_origin \"{}\" says",
            if is_tls { "https" } else { "http" },
            origin.name
        ));
    };
    let tls = found.place.tls();
    if tls.as_ref().is_some_and(|tls| tls.needs_request()) {
        return Err(
            "\"proxy_ssl_certificate\" with a variable has no value without a request".to_owned()
        );
    }
    let session = tls.map(|tls| tls.with_server(origin.endpoint.host()));
    Ok(Target { session, question, local: found.place.local_address(), origin })
}

/// Sees to it that what `s3_health` names without a URI is probed.
///
/// # Errors
///
/// Names what is not.
pub(crate) fn check_names(cf: &Conf, main: &MainConf) -> Result<(), Fault> {
    for (name, position) in &main.health_names {
        if !main.probes.as_ref().is_some_and(|plan| plan.has(name)) {
            let fault =
                format!("no upstream with \"s3_probe\" has the origin \"{name}\" of \"s3_health\"");
            cf.error_at(position, &fault);
            return Err(Fault::new());
        }
    }
    Ok(())
}
