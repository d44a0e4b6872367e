//! `s3_health`: whether the origins answer requests that are signed with our keys.
//!
//! Of an origin that is probed (`s3_probe`) the state is known, and told at once. Any other is asked through a location of the
//! configuration, with all that nginx can do there (TLS, timeouts, signing), all of them side by side and within a time limit;
//! what they answered is kept for a second, so that any number of checks costs an origin one request a second and worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;

use nginx::phase::{PhaseAnswer, Verdict};
use nginx::subrequest::{self, SubrequestHandler};
use nginx::upstream::attempt;
use nginx::{Request, worker};

use crate::S3Signature;
use crate::conf::location::{HealthCheck, HealthOrigin};
use crate::ctx::{self, Ctx};
use crate::probes::{self, ProbeReport};
use crate::time::rfc3339;

/// How long an answer serves, in seconds.
const FRESH: i64 = 1;

/// From one look for first answers to the next, in milliseconds, and how many there are: 0.6 s, a tick and a probe that times out.
const LOOK_AGAIN: u64 = 50;
const LOOKS: u8 = 12;

/// What is known of an origin.
enum OriginState {
    /// From its probes.
    Probed(ProbeReport),
    /// What its location answered.
    Answered(u16),
}

impl OriginState {
    fn is_ok(&self) -> bool {
        match self {
            OriginState::Probed(report) => report.reason.is_none(),
            // An origin that does not let our key do as little as this, or refuses the key, is of no use.
            OriginState::Answered(status) => (200..300).contains(status),
        }
    }
}

/// The answer to a health check.
#[derive(Clone)]
struct Checked {
    at: i64,
    status: u16,
    body: String,
}

thread_local! {
    /// The last answer of each health location that has asked others, by its address in the configuration.
    static ANSWERS: RefCell<HashMap<usize, Checked>> = RefCell::default();
}

/// nginx's status for an upstream that did not answer in time.
const TIMED_OUT: u16 = 504;

/// Answers a health check: from what is known, from the last answer, or when the origins have been asked.
pub(crate) fn handler<'r>(r: Request<'r>, health: &'r HealthCheck) -> Verdict<'r> {
    let report =
        |origin: &HealthOrigin| worker::with_cycle(|cycle| probes::report(cycle, &origin.name))?;
    let reports: Vec<_> = health.origins.iter().map(report).collect();
    if reports.iter().all(Option::is_some) {
        let states: Vec<_> = reports.into_iter().flatten().map(OriginState::Probed).collect();
        if waits_for_first(r, &states) {
            return Verdict::Again;
        }
        return send(r, &judge(r.now(), &health.origins, &states));
    }
    let Some(ctx) = ctx::of(r) else { return Verdict::Refused(500) };
    let key = std::ptr::from_ref(health).addr();
    let Some(is_late) = r.timer_has_expired::<S3Signature>() else {
        let now = r.now();
        let fresh = |answer: &&Checked| (0..=FRESH).contains(&now.saturating_sub(answer.at));
        let kept = ANSWERS.with_borrow(|answers| answers.get(&key).filter(fresh).cloned());
        return match kept {
            Some(answer) => send(r, &answer),
            None => begin(r, ctx, health, &reports),
        };
    };
    let statuses = ctx.health.probed.borrow().clone();
    let is_open = |(status, report): (&Option<u16>, &Option<ProbeReport>)| {
        status.is_none() && report.is_none()
    };
    if !is_late && statuses.iter().zip(&reports).any(is_open) {
        return Verdict::Again;
    }
    r.stop_timer::<S3Signature>();
    // Nobody waits for the rest any more.
    attempt::for_each(|attempt| {
        if attempt.is_for(r) {
            attempt.give_up_for_good();
        }
    });
    let states = statuses.into_iter().zip(reports).zip(&health.origins);
    let states = states.map(|((status, report), origin)| match report {
        Some(report) => OriginState::Probed(report),
        None => match (status.unwrap_or(TIMED_OUT), key_ended(r, origin)) {
            (200..300, _) | (_, None) => OriginState::Answered(status.unwrap_or(TIMED_OUT)),
            // Nobody has asked it.
            (_, reason) => OriginState::Probed(ProbeReport { reason, since: None }),
        },
    });
    let answer = judge(r.now(), &health.origins, &states.collect::<Vec<_>>());
    ANSWERS.with_borrow_mut(|answers| answers.insert(key, answer.clone()));
    ctx.health.probed.borrow_mut().clear();
    send(r, &answer)
}

/// Whether to look again soon. In the first moments of nginx nobody has answered: that is no state to tell, to whoever has just
/// started it least of all.
fn waits_for_first(r: Request<'_>, states: &[OriginState]) -> bool {
    let is_open =
        |state: &OriginState| matches!(state, OriginState::Probed(report) if report.is_unknown());
    let looks = ctx::of(r).map(|ctx| &ctx.health.looks);
    let waits = states.iter().any(is_open)
        && probes::is_beginning()
        && looks.is_some_and(|looks| looks.replace(looks.get().saturating_add(1)) < LOOKS)
        && r.start_timer::<S3Signature>(LOOK_AGAIN);
    if !waits {
        r.stop_timer::<S3Signature>();
    }
    waits
}

/// Asks all that are not probed, at once.
fn begin<'r>(
    r: Request<'r>,
    ctx: &Ctx,
    health: &'r HealthCheck,
    reports: &[Option<ProbeReport>],
) -> Verdict<'r> {
    ctx.health.probed.replace(vec![None; health.origins.len()]);
    let mut open = health.origins.iter().zip(reports).enumerate();
    let started = r.start_timer::<S3Signature>(health.timeout)
        && open.all(|(number, (origin, report))| match (&origin.uri, report) {
            (Some(uri), None) => subrequest::start::<HealthSubrequest>(r, uri, number),
            // Probed; or not any more, in the cycle after that of this request.
            _ => true,
        });
    if started { Verdict::Again } else { Verdict::Refused(500) }
}

/// Keeps the status of each origin that was asked.
struct HealthSubrequest;

impl SubrequestHandler for HealthSubrequest {
    fn ended(r: Request<'_>, number: usize, status: u16) -> bool {
        let Some(ctx) = ctx::existing(r) else { return false };
        match ctx.health.probed.borrow_mut().get_mut(number) {
            Some(slot) => {
                *slot = Some(status);
                true
            }
            // Answered meanwhile.
            None => false,
        }
    }
}

/// Whether nothing is sent to the `s3_origin` of that name, as its key has ended.
fn key_ended(r: Request<'_>, origin: &HealthOrigin) -> Option<String> {
    let origin = r.main_conf::<S3Signature>()?.origin(origin.name.as_bytes())?;
    origin.key.current().ended(r.now())
}

/// One origin that works is enough to serve.
fn judge(now: i64, origins: &[HealthOrigin], states: &[OriginState]) -> Checked {
    let any = states.iter().any(OriginState::is_ok);
    let mut body = format!("{{\"status\":\"{}\",\"origins\":{{", if any { "ok" } else { "nok" });
    let named = || origins.iter().map(|origin| &origin.name).zip(states);
    for (number, (name, state)) in named().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // Writing to a String cannot fail. Names are checked when the configuration is read, and reasons when they are noted, so
        // nothing is to be escaped.
        let _ = match state {
            state if state.is_ok() => write!(body, "{comma}\"{name}\":\"ok\""),
            OriginState::Probed(ProbeReport { reason, .. }) => {
                let reason = reason.as_deref().unwrap_or_default();
                write!(body, "{comma}\"{name}\":\"nok: {reason}\"")
            }
            OriginState::Answered(status) => {
                write!(body, "{comma}\"{name}\":\"nok: {status}{}\"", reason(*status))
            }
        };
    }
    body.push('}');
    let since = named().filter_map(|(name, state)| match state {
        OriginState::Probed(ProbeReport { since: Some(since), .. }) => {
            Some(format!("\"{name}\":\"{}\"", rfc3339(*since)))
        }
        _ => None,
    });
    let since: Vec<_> = since.collect();
    if !since.is_empty() {
        let _ = write!(body, ",\"since\":{{{}}}", since.join(","));
    }
    body.push_str("}\n");
    Checked { at: now, status: if any { 200 } else { 503 }, body }
}

/// What a status says about an origin, where it says more than its number.
fn reason(status: u16) -> &'static str {
    match status {
        403 => ", the origin refuses our key",
        // nginx's own: the error log knows whether the address, TLS or a certificate was at fault.
        502 => ", no connection to the origin",
        TIMED_OUT => ", the origin did not answer in time",
        _ => "",
    }
}

fn send<'r>(r: Request<'r>, answer: &Checked) -> Verdict<'r> {
    let Some(body) = r.allocate_copy(answer.body.as_bytes()) else { return Verdict::Refused(500) };
    Verdict::Answered(PhaseAnswer {
        status: answer.status,
        content_type: b"application/json",
        body,
    })
}
