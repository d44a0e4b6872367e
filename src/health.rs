//! `s3_health`: whether the origins answer requests that are signed with our keys.
//!
//! Each origin is asked through a location of the configuration, with all that nginx can do there (TLS, timeouts, signing),
//! and what it answered is kept for a second, so that any number of checks costs an origin one request a second and worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;

use nginx::Request;
use nginx::phase::{Answer, Verdict};
use nginx::subrequest::{self, SubrequestHandler};

use crate::conf::location::Probe;
use crate::ctx;

/// How long an answer serves, in seconds.
const FRESH: i64 = 1;

/// The answer to a health check.
#[derive(Clone)]
struct Health {
    at: i64,
    status: u16,
    body: String,
}

thread_local! {
    /// The last answer of each health location, by the address of its probes in the configuration.
    static ANSWERS: RefCell<HashMap<usize, Health>> = RefCell::default();
}

/// Answers a health check: from the last answer, or when each probe has been answered.
pub(crate) fn handler<'r>(r: Request<'r>, probes: &'r [Probe]) -> Verdict<'r> {
    let key = probes.as_ptr().addr();
    let now = r.now();
    let Some(ctx) = ctx::of(r) else { return Verdict::Refused(500) };

    let statuses = ctx.health.probed.borrow().clone();
    if statuses.is_empty() {
        let fresh = |answer: &&Health| (0..=FRESH).contains(&now.saturating_sub(answer.at));
        let kept = ANSWERS.with_borrow(|answers| answers.get(&key).filter(fresh).cloned());
        if let Some(answer) = kept {
            return send(r, &answer);
        }
        ctx.health.probed.replace(vec![None; probes.len()]);
        let started = probes
            .iter()
            .enumerate()
            .all(|(number, probe)| subrequest::start::<Probes>(r, &probe.uri, number));
        return if started { Verdict::Again } else { Verdict::Refused(500) };
    }
    let Some(statuses) = statuses.into_iter().collect::<Option<Vec<u16>>>() else {
        return Verdict::Again;
    };
    let answer = judge(now, probes, &statuses);
    ANSWERS.with_borrow_mut(|answers| answers.insert(key, answer.clone()));
    send(r, &answer)
}

/// Keeps the status of each probe.
struct Probes;

impl SubrequestHandler for Probes {
    fn ended(r: Request<'_>, number: usize, status: u16) {
        let Some(ctx) = ctx::existing(r) else { return };
        if let Some(slot) = ctx.health.probed.borrow_mut().get_mut(number) {
            *slot = Some(status);
        }
    }
}

/// One origin that works is enough to serve. An origin that does not let our key do as little as this, or refuses the key,
/// is of no use, so every answer but a success is a failure.
fn judge(now: i64, probes: &[Probe], statuses: &[u16]) -> Health {
    let works = |status: u16| (200..300).contains(&status);
    let any = statuses.iter().any(|status| works(*status));
    let mut body = format!("{{\"status\":\"{}\",\"origins\":{{", if any { "ok" } else { "nok" });
    for (number, (probe, status)) in probes.iter().zip(statuses).enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let name = &probe.name;
        // Writing to a String cannot fail. Names are checked when the configuration is read, so nothing is to be escaped.
        let _ = if works(*status) {
            write!(body, "{comma}\"{name}\":\"ok\"")
        } else {
            write!(body, "{comma}\"{name}\":\"nok: {status}{}\"", reason(*status))
        };
    }
    body.push_str("}}\n");
    Health { at: now, status: if any { 200 } else { 503 }, body }
}

/// What a status says about an origin, where it says more than its number.
fn reason(status: u16) -> &'static str {
    match status {
        403 => ", the origin refuses our key",
        // nginx's own: the error log knows whether the address, TLS or a certificate was at fault.
        502 => ", no connection to the origin",
        504 => ", the origin did not answer in time",
        _ => "",
    }
}

fn send<'r>(r: Request<'r>, answer: &Health) -> Verdict<'r> {
    let Some(body) = r.allocate_copy(answer.body.as_bytes()) else { return Verdict::Refused(500) };
    Verdict::Answered(Answer { status: answer.status, content_type: b"application/json", body })
}
