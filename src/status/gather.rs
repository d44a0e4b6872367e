//! All that is told: the counters, and what this worker knows of origins, keys and files.

use nginx::upstream::Peers;
use nginx::{Cycle, flavour, worker};
use status::{KeyFileReport, KeyReport, OriginReport, StatusReport};

use crate::S3Signature;
use crate::conf::MainConf;
use crate::conf::status_zone::StatusConf;
use crate::live::listing::{self, KeyHolder};
use crate::probes::{ProbedPeer, probed_peers};
use crate::status::counters::zone_in;

/// The report; none where nothing is counted.
pub(super) fn gather(cycle: &Cycle<'_>) -> Option<StatusReport> {
    let main = cycle.main_conf::<S3Signature>()?;
    let conf = main.status.as_ref()?;
    let mut report = StatusReport::of_zone(zone_in(cycle, main)?, worker::is_alive);
    report.version = env!("CARGO_PKG_VERSION").to_owned();
    report.nginx = flavour::nginx_version().to_owned();
    report.time = worker::unix_milliseconds() as f64 / 1000.0;
    report.zone.name.clone_from(&conf.name);
    report.zone.size = conf.size;
    add_origins(&mut report, cycle, main, conf);
    report.keys = keys(main);
    let files = listing::files(main).into_iter();
    report.files = files
        .map(|file| KeyFileReport {
            file: file.path.display().to_string(),
            read: file.read_at as f64,
            fault: file.fault,
        })
        .collect();
    Some(report)
}

/// Adds the state of those that are probed, and those that nothing is known of.
fn add_origins(report: &mut StatusReport, cycle: &Cycle<'_>, main: &MainConf, conf: &StatusConf) {
    let mut counted = std::mem::take(&mut report.origins);
    for peer in probed_peers(cycle) {
        let peer = with_state(peer);
        report.origins.push(with_counts(peer, &mut counted));
    }
    for peer in unprobed_peers(cycle, conf) {
        if !report.origins.iter().any(|known| is_same(known, &peer)) {
            report.origins.push(with_counts(peer, &mut counted));
        }
    }
    counted.sort_by(|a, b| (&a.upstream, &a.origin).cmp(&(&b.upstream, &b.origin)));
    report.origins.append(&mut counted);
    for origin in &main.origins {
        if !report.origins.iter().any(|known| known.origin == origin.name) {
            report.origins.push(OriginReport {
                origin: origin.name.clone(),
                address: origin.endpoint.to_string(),
                state: "unknown",
                ..OriginReport::default()
            });
        }
    }
}

/// The peer with what was counted of it, which is taken out.
fn with_counts(peer: OriginReport, counted: &mut Vec<OriginReport>) -> OriginReport {
    let found = counted.iter().position(|origin| is_same(origin, &peer));
    let OriginReport { attempts, failures, responses, .. } =
        found.map(|place| counted.swap_remove(place)).unwrap_or_default();
    OriginReport { attempts, failures, responses, ..peer }
}

fn is_same(one: &OriginReport, other: &OriginReport) -> bool {
    (&one.upstream, &one.origin, &one.address) == (&other.upstream, &other.origin, &other.address)
}

/// The peers of upstreams with origins, probed or not.
fn unprobed_peers(cycle: &Cycle<'_>, conf: &StatusConf) -> Vec<OriginReport> {
    let (mut all, mut copies) = (Vec::new(), Vec::new());
    for upstream in &conf.upstreams {
        let Some(peers) = Peers::of::<S3Signature>(cycle, upstream.id) else { continue };
        peers.copy(&mut copies);
        for peer in &copies {
            let mut servers = upstream.servers.iter();
            let Some((_, origin)) = servers.find(|(server, _)| server == peer.server()) else {
                continue;
            };
            all.push(OriginReport {
                upstream: String::from_utf8_lossy(&upstream.name).into_owned(),
                origin: origin.name.clone(),
                address: String::from_utf8_lossy(peer.name()).into_owned(),
                backup: peer.is_backup,
                state: "unknown",
                ..OriginReport::default()
            });
        }
    }
    all
}

fn with_state(peer: ProbedPeer) -> OriginReport {
    let ProbedPeer { upstream, origin: name, address, is_backup, is_off, report } = peer;
    let (state, reason) = match report.reason {
        _ if is_off => ("down", Some("down in the configuration".to_owned())),
        None => ("up", None),
        reason if report.since.is_some() => ("down", reason),
        // Nobody has asked it, or not for long.
        reason => ("unknown", reason),
    };
    OriginReport {
        upstream,
        origin: name,
        address,
        backup: is_backup,
        state,
        since: report.since.filter(|_| !is_off).map(|since| since as f64),
        reason,
        ..OriginReport::default()
    }
}

fn keys(main: &MainConf) -> Vec<KeyReport> {
    let now = worker::unix_time();
    let mut keys = Vec::new();
    listing::each_key(main, &mut |key| {
        let access_key = String::from_utf8_lossy(key.access_key).into_owned();
        let (kind, name) = match key.holder {
            // A client has no other name.
            KeyHolder::Client => ("client", access_key.clone()),
            KeyHolder::Origin => ("origin", key.name.to_owned()),
        };
        keys.push(KeyReport {
            kind,
            name,
            access_key,
            expires: key.expires.map(|expires| expires as f64),
            age: now.saturating_sub(key.read_at) as f64,
        });
    });
    keys.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    keys
}
