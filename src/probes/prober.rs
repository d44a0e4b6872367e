//! Asking one peer, and what its answer changes.

use std::rc::Rc;

use nginx::exchange::ExchangeOutcome;
use nginx::upstream::{PeerCopy, Peers, UpstreamId};
use nginx::{Cycle, Level, worker};
use probe::{Change, ProbeParameters};
use s3::origin_health::Ailment;

use crate::S3Signature;
use crate::conf::origin_key::OriginKey;
use crate::conf::plan::{ProbePlan, ProbeTarget, Probed};
use crate::probes::marks::{self, key};
use crate::probes::question::{SignedQuestion, answer};
use crate::probes::state::{self, ProbeState, plan_of};
use crate::probes::table::{Key, Table};

/// A question of the schedule.
pub(super) struct OpenProbe {
    /// Nothing is asked where the key has ended, for this reason.
    question: Result<SignedQuestion, String>,
    waits: Waits,
}

/// Who waits for an answer.
struct Waits {
    key: Key,
    /// What the question was signed with.
    origin_key: Rc<OriginKey>,
    target: Rc<ProbeTarget>,
    upstream: UpstreamId,
    /// The peer's own name, `ip:port` or the socket's path.
    peer: Vec<u8>,
    parameters: Rc<ProbeParameters>,
    asked_at: u64,
}

/// What is the matter with an origin.
struct Ailing {
    /// Empty if nothing is.
    reason: String,
    refuses_key: bool,
}

/// Answers that came later than they should by so much, in milliseconds, were not waited for in time.
const LATE: u64 = 150;

impl OpenProbe {
    /// Signs it. None where nothing can be asked now.
    pub(super) fn new(
        state: &mut ProbeState,
        upstream: &Probed,
        target: &Rc<ProbeTarget>,
        key: Key,
        peer: &PeerCopy,
        asked_at: u64,
    ) -> Option<Self> {
        let origin_key = target.origin.key.current();
        let parameters = &upstream.parameters;
        let question = match origin_key.ended(worker::unix_time()) {
            Some(reason) => Err(reason),
            None => Ok(SignedQuestion::new(
                target,
                &origin_key,
                peer.address(),
                parameters.timeout,
                &mut state.buffers,
            )?),
        };
        state.schedules.entry(key).or_default().asked(asked_at);
        let waits = Waits {
            key,
            origin_key,
            target: Rc::clone(target),
            upstream: upstream.id,
            peer: peer.name().to_vec(),
            parameters: Rc::clone(parameters),
            asked_at,
        };
        Some(OpenProbe { question, waits })
    }

    /// Sends it. The answer may come before this returns.
    pub(super) fn ask(self, cycle: &Cycle<'_>) {
        let Self { question, waits } = self;
        match question {
            Ok(question) => question.send(cycle, move |outcome| waits.answered(outcome)),
            Err(reason) => waits.know(cycle, &reason),
        }
    }
}

impl Waits {
    /// Notes what is known without an answer.
    fn know(&self, cycle: &Cycle<'_>, reason: &str) {
        self.is_over();
        let ailing = Ailing { reason: reason.to_owned(), refuses_key: false };
        self.note(cycle, &ailing, worker::now());
    }

    /// Notes that the question is no longer open. When this worker last came back from doing something else for long.
    fn is_over(&self) -> u64 {
        state::with(|state| {
            if let Some(schedule) = state.schedules.get_mut(&self.key) {
                schedule.answered(self.asked_at);
            }
            state.stalled_at
        })
    }

    fn answered(&self, outcome: &ExchangeOutcome) {
        let now = worker::now();
        let stalled_at = self.is_over();
        let Some(ailing) = self.judge(outcome, now, stalled_at) else { return };
        worker::with_cycle(|cycle| self.note(cycle, &ailing, now));
    }

    fn note(&self, cycle: &Cycle<'_>, Ailing { reason, refuses_key }: &Ailing, now: u64) {
        // Who was stopped for long and wakes up knows nothing that counts: another one has gone on.
        let is_held = |(_, table): &(_, Table<'_>)| table.is_held(worker::id(), now);
        let Some((plan, table)) = plan_of(cycle).filter(is_held) else { return };
        let Some(slot) = table.slot_or_new(self.key, now) else { return };
        let (health, change) = slot.health().after(reason.is_empty(), now, &self.parameters);
        slot.note(health, now, reason);
        match (refuses_key, reason.is_empty()) {
            (true, _) => slot.note_refusal(now),
            (false, true) => slot.forget_refusal(),
            // It says nothing about the key.
            (false, false) => {}
        }
        if let Some(change) = change {
            marks::apply(cycle, plan, table, now);
            self.say(cycle, plan, change, reason);
        }
    }

    /// None where the outcome says nothing about the origin.
    fn judge(&self, outcome: &ExchangeOutcome, now: u64, stalled_at: u64) -> Option<Ailing> {
        let ailing = |reason| Some(Ailing { reason, refuses_key: false });
        let due = self.asked_at.saturating_add(self.parameters.timeout);
        match outcome {
            ExchangeOutcome::NotTried => None,
            // This worker was busy: the answer may have been there in time.
            ExchangeOutcome::TimedOut
                if now > due.saturating_add(LATE) || stalled_at > self.asked_at =>
            {
                None
            }
            ExchangeOutcome::TimedOut => {
                ailing(format!("no answer in {} ms", self.parameters.timeout))
            }
            outcome => match answer(outcome) {
                Some(answer) => {
                    let ailment = answer.ailment(self.origin_key.credential.access_key());
                    let refuses_key = matches!(ailment, Some(Ailment::RefusesKey(..)));
                    let reason = ailment.map(|ailment| ailment.to_string()).unwrap_or_default();
                    Some(Ailing { reason, refuses_key })
                }
                None => ailing(outcome.to_string()),
            },
        }
    }

    /// What the log calls the origin: with the peer's address, where it has several.
    fn label(&self, cycle: &Cycle<'_>, plan: &ProbePlan) -> String {
        let name = &self.target.origin.name;
        let mut copies = Vec::new();
        if let Some(peers) = Peers::of::<S3Signature>(cycle, self.upstream) {
            peers.copy(&mut copies);
        }
        let has_several = plan.upstream(self.upstream).is_some_and(|upstream| {
            copies.iter().any(|peer| {
                let target = upstream.target(peer.server());
                target.is_some_and(|target| Rc::ptr_eq(&target.origin, &self.target.origin))
                    && key(upstream, peer) != self.key
            })
        });
        match has_several {
            true => format!("{name} ({})", self.peer.escape_ascii()),
            false => name.clone(),
        }
    }

    fn say(&self, cycle: &Cycle<'_>, plan: &ProbePlan, change: Change, reason: &str) {
        let label = self.label(cycle, plan);
        // Both at the same level: whoever sees the one wants to see the other.
        match change {
            Change::Down => {
                cycle.log(Level::Error, format_args!("s3: origin {label} is down: {reason}"));
            }
            Change::Up(after) => {
                let seconds = after.saturating_add(500) / 1000;
                cycle.log(
                    Level::Error,
                    format_args!("s3: origin {label} is up again after {seconds} s"),
                );
            }
        }
    }
}
