//! Asking one peer, and what its answer changes.

use std::rc::Rc;

use probe::{Answer, Change, Parameters};
use sigv4::Timestamp;

use crate::conf::MainConf;
use crate::conf::origin::Origin;
use crate::ffi::exchange::{self, Exchange, Outcome};
use crate::ffi::log::Level;
use crate::ffi::worker_process;
use crate::probes::plan::Target;
use crate::probes::state::{self, State};
use crate::probes::table::{Key, Table};
use crate::probes::tick;

/// A question that is ready to be asked.
pub(super) struct Question {
    exchange: Exchange,
    waits: Waits,
}

/// Who waits for an answer.
struct Waits {
    key: Key,
    origin: Rc<Origin>,
    /// What the log calls the origin: with the peer's address, where it has several.
    label: String,
    parameters: Rc<Parameters>,
    asked_at: u64,
}

/// Answers that came later than they should by so much, in milliseconds, were not waited for in time.
const LATE: u64 = 150;

impl Question {
    /// Signs it. None where nothing can be asked now.
    pub(super) fn new(
        state: &mut State,
        target: &Target,
        parameters: &Rc<Parameters>,
        key: Key,
        label: String,
        address: &[u8],
        asked_at: u64,
    ) -> Option<Self> {
        let now = Timestamp::from_unix(worker_process::unix_time())?;
        let mut request = Vec::new();
        let credential = &target.origin.credential;
        target.question.sign(credential, now, &mut state.scratch, &mut request).ok()?;
        state.schedules.entry(key).or_default().asked(asked_at);
        let exchange = Exchange {
            address: address.to_vec(),
            local: target.local,
            session: target.session.clone(),
            request,
            timeout: parameters.timeout,
            is_complete: probe::is_complete,
        };
        let (origin, parameters) = (Rc::clone(&target.origin), Rc::clone(parameters));
        Some(Question { exchange, waits: Waits { key, origin, label, parameters, asked_at } })
    }

    /// Sends it. The answer may come before this returns.
    pub(super) fn ask(self) {
        let Self { exchange, waits } = self;
        exchange::start(exchange, Box::new(move |outcome| waits.answered(&outcome)));
    }
}

impl Waits {
    fn answered(&self, outcome: &Outcome) {
        let now = worker_process::now();
        let stalled_at = state::with(|state| {
            if let Some(schedule) = state.schedules.get_mut(&self.key) {
                schedule.answered(self.asked_at);
            }
            state.stalled_at
        });
        let Some(reason) = self.judge(outcome, now, stalled_at) else { return };
        worker_process::with_main_conf::<MainConf, _>(crate::module(), |main| {
            let Some(plan) = &main.probes else { return };
            // Who was stopped for long and wakes up knows nothing that counts: another one has gone on.
            let table = Table::of(&plan.zone);
            let Some(table) = table.filter(|table| table.is_held(worker_process::id(), now)) else {
                return;
            };
            let Some(slot) = table.slot_or_new(self.key, now) else { return };
            let (health, change) = slot.health().after(reason.is_empty(), now, &self.parameters);
            slot.note(health, now, &reason);
            if let Some(change) = change {
                tick::apply(plan, table, now);
                self.say(change, &reason);
            }
        });
    }

    /// What is the matter with the origin, empty if nothing; none where the outcome says nothing about it.
    fn judge(&self, outcome: &Outcome, now: u64, stalled_at: u64) -> Option<String> {
        let due = self.asked_at.saturating_add(self.parameters.timeout);
        match outcome {
            Outcome::NotTried => None,
            // This worker was busy: the answer may have been there in time.
            Outcome::TimedOut if now > due.saturating_add(LATE) || stalled_at > self.asked_at => {
                None
            }
            Outcome::TimedOut => Some(format!("no answer in {} ms", self.parameters.timeout)),
            Outcome::Answered(bytes) => match Answer::read(bytes) {
                Some(answer) => {
                    let ailment = answer.ailment(self.origin.credential.access_key());
                    Some(ailment.map(|ailment| ailment.to_string()).unwrap_or_default())
                }
                None => Some(outcome.to_string()),
            },
            _ => Some(outcome.to_string()),
        }
    }

    fn say(&self, change: Change, reason: &str) {
        let label = &self.label;
        match change {
            Change::Down => {
                worker_process::log(
                    Level::Error,
                    format_args!("s3: origin {label} is down: {reason}"),
                );
            }
            // At the same level: whoever sees the one wants to see the other.
            Change::Up(after) => {
                let seconds = after.saturating_add(500) / 1000;
                let line = format_args!("s3: origin {label} is up again after {seconds} s");
                worker_process::log(Level::Error, line);
            }
        }
    }
}
