//! What the configuration wants to be probed: made when all of it was read.

use std::collections::BTreeMap;
use std::rc::Rc;

use nginx::upstream::{Upstream, UpstreamId, peers};
use nginx::{Conf, ConfError};
use probe::{ProbeParameters, Question};

use crate::S3Signature;
use crate::conf::origin::Origin;
use crate::conf::{MainConf, Resigning, upstreams};
use crate::probes::table;

/// All upstreams with `s3_probe`, and the memory that workers share about them.
pub(crate) struct ProbePlan {
    pub(crate) upstreams: Vec<Probed>,
    pub(crate) zone: table::Zone,
}

/// An upstream with `s3_probe`.
pub(crate) struct Probed {
    pub(crate) id: UpstreamId,
    pub(crate) name: Vec<u8>,
    pub(crate) parameters: Rc<ProbeParameters>,
    /// What is asked of the peers of each `server` line, which is looked up for each of them at each tick.
    servers: BTreeMap<Vec<u8>, Rc<ProbeTarget>>,
}

/// An origin, and how to ask it.
pub(crate) struct ProbeTarget {
    pub(crate) origin: Rc<Origin>,
    pub(crate) question: Question,
    /// Which of the places of `s3_resign` says how to reach it; none where none does, and nothing is asked.
    place: Option<usize>,
}

impl ProbePlan {
    /// Whether an origin of that name is probed.
    pub(crate) fn has(&self, name: &str) -> bool {
        let mut targets = self.upstreams.iter().flat_map(|upstream| upstream.servers.values());
        targets.any(|target| target.origin.name == name)
    }

    /// The upstream of that id, where it is probed.
    pub(crate) fn upstream(&self, id: UpstreamId) -> Option<&Probed> {
        self.upstreams.iter().find(|upstream| upstream.id == id)
    }
}

impl Probed {
    /// What is asked of a peer, by what stands in its `server` line. Peers of a service (`server … service=`) have a name that DNS
    /// gives instead: those of the only line are known all the same.
    pub(crate) fn target(&self, server: &[u8]) -> Option<&Rc<ProbeTarget>> {
        match self.servers.len() {
            1 => self.servers.values().next(),
            _ => self.servers.get(server),
        }
    }
}

impl ProbeTarget {
    /// Whether it can be asked.
    pub(crate) fn is_reachable(&self) -> bool {
        self.place.is_some()
    }

    /// How to reach it.
    pub(crate) fn place<'m>(&self, main: &'m MainConf) -> Option<&'m Resigning> {
        main.resigning.get(self.place?)
    }
}

/// Makes the plan, where anything is to be probed, and checks that `s3_health` knows what it names. For postconfiguration.
///
/// # Errors
///
/// Names the upstream, and the origin that cannot be asked as requests to it are sent; or what `s3_health` names.
pub(crate) fn configure(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let mut probed = Vec::new();
    for upstream in Upstream::all(cf) {
        let main = cf.main_conf::<S3Signature>()?;
        let Some(Some(parameters)) = main.probed.get(&upstream.id()) else { continue };
        let made = of_upstream(main, upstream, parameters);
        let is_round_robin = peers::note::<S3Signature>(cf, upstream)?;
        let made = match made {
            Ok(_) if !is_round_robin => Err("its balancer is none of nginx's own".to_owned()),
            made => made,
        };
        let name = upstream.host().escape_ascii();
        let here =
            |text| format!("\"s3_probe\" in upstream \"{name}\" {}: {text}", upstream.place());
        let made = made.map_err(here)?;
        for doubt in made.servers.values().filter_map(|target| doubt(target)) {
            cf.warn(&here(doubt));
        }
        probed.push(made);
    }
    if !probed.is_empty() {
        let zone = table::add_zone(cf)?;
        cf.main_conf::<S3Signature>()?.probes = Some(ProbePlan { upstreams: probed, zone });
    }
    check_names(cf)
}

fn of_upstream(
    main: &MainConf,
    upstream: Upstream<'_>,
    parameters: &Rc<ProbeParameters>,
) -> Result<Probed, String> {
    let mut servers = BTreeMap::new();
    for server in upstream.servers().unwrap_or_default() {
        if servers.contains_key(server.name) {
            continue;
        }
        let origin = upstreams::origin_of_server(main, upstream, &server)
            // Where one origin has several servers, `s3_resign NAME` says which it is.
            .or_else(|| {
                let mut here = main.resigning.iter().filter(|place| is_for(place, upstream));
                here.find_map(|place| place.origin.clone())
            });
        let Some(origin) = origin else {
            let name = server.name.escape_ascii();
            return Err(format!("no s3_origin has the endpoint of server \"{name}\""));
        };
        let target = target(main, upstream, origin, parameters)?;
        servers.insert(server.name.to_vec(), Rc::new(target));
    }
    let (id, name) = (upstream.id(), upstream.host().to_vec());
    Ok(Probed { id, name, parameters: Rc::clone(parameters), servers })
}

/// Whether requests from there go to the upstream.
fn is_for(place: &Resigning, upstream: Upstream<'_>) -> bool {
    place.client.upstream == Some(upstream.id())
}

/// An origin is asked as some place of the configuration sends requests to it, or not at all: no signed request of ours goes
/// where none goes by the configuration.
fn target(
    main: &MainConf,
    upstream: Upstream<'_>,
    origin: Rc<Origin>,
    parameters: &ProbeParameters,
) -> Result<ProbeTarget, String> {
    let uri = format!("{}{}", origin.addressing.base_path, parameters.uri);
    let question = Question::new(&uri, origin.endpoint.authority())
        .map_err(|error| format!("invalid \"uri\": {error}"))?;
    let is_tls = origin.endpoint.is_tls();
    let find = |is_alike: &dyn Fn(&Resigning) -> bool| main.resigning.iter().position(is_alike);
    let place = find(&|place| is_for(place, upstream) && place.client.is_tls == is_tls)
        // Where `proxy_pass` has a variable, it may be meant for any upstream, in either way.
        .or_else(|| find(&|place| place.client.upstream.is_none() && place.client.is_tls));
    let settings = place.and_then(|place| main.resigning.get(place));
    if is_tls && settings.is_some_and(|place| place.client.needs_request) {
        let fault = "\"proxy_ssl_certificate\" with a variable has no value without a request";
        return Err(fault.to_owned());
    }
    Ok(ProbeTarget { question, place, origin })
}

/// What `nginx -t` says about an origin that nobody knows the way to.
fn doubt(target: &ProbeTarget) -> Option<String> {
    let scheme = if target.origin.endpoint.is_tls() { "https" } else { "http" };
    (!target.is_reachable()).then(|| {
        format!(
            "s3_origin \"{}\" is not probed: no location with \"s3_resign\" proxies there over {scheme}, as its endpoint says",
            target.origin.name
        )
    })
}

/// Sees to it that what `s3_health` names without a URI is probed.
fn check_names(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    let main = cf.main_conf::<S3Signature>()?;
    let is_probed = |name: &str| main.probes.as_ref().is_some_and(|plan| plan.has(name));
    let unknown = main.health_names.iter().find(|(name, _)| !is_probed(name)).cloned();
    let Some((name, position)) = unknown else { return Ok(()) };
    let fault = format!("no upstream with \"s3_probe\" has the origin \"{name}\" of \"s3_health\"");
    Err(cf.error_at(&position, &fault))
}
