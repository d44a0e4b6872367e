//! Whether an origin takes the key of a request that it has answered with 403, or 400, and no word.
//!
//! Such an answer (to a HEAD, always) may be meant for the client, who then gets it, or for our key, and then another origin is to be asked.
//! So it is held, and the origin is asked what it answers with a document: after the answer had come, and with the same key, since
//! nothing else proves anything. Each worker asks for itself, one question at a time of a peer for all that waits there.

use std::cell::RefCell;
use std::rc::Rc;

use nginx::exchange::ExchangeOutcome;
use nginx::upstream::{PeerCopy, PeerId, Peers, UpstreamAnswer, UpstreamId, attempt};
use nginx::{Cycle, worker};
use s3::origin_health::Ailment;

use crate::S3Signature;
use crate::conf::origin_key::OriginKey;
use crate::ctx::answer::KeyCheck;
use crate::ctx::{self, Ctx};
use crate::probes::question::{SignedQuestion, answer};
use crate::probes::state::{self, plan_of};

/// The checks of one worker.
#[derive(Default)]
struct KeyChecks {
    /// How many questions were sent so far.
    sent: u64,
    /// Those that have no answer yet.
    open: Vec<CheckedPeer>,
    /// What is to be asked.
    due: Vec<CheckedPeer>,
}

/// What a question is about.
#[derive(Clone)]
struct CheckedPeer {
    upstream: UpstreamId,
    peer: PeerId,
    key: Rc<OriginKey>,
}

impl CheckedPeer {
    /// The peer that a request is at, with the key that it was signed with.
    fn of(ctx: &Ctx, upstream: UpstreamId, peer: PeerId) -> Option<Self> {
        let key = ctx.upstream.key.borrow().clone()?;
        Some(CheckedPeer { upstream, peer, key })
    }
}

impl PartialEq for CheckedPeer {
    fn eq(&self, other: &Self) -> bool {
        let is_same_key = Rc::ptr_eq(&self.key, &other.key);
        (self.upstream, self.peer) == (other.upstream, other.peer) && is_same_key
    }
}

thread_local! {
    // A worker process has one thread that handles events.
    static CHECKS: RefCell<KeyChecks> = RefCell::default();
}

/// Has the key of the request checked that got this answer. For how long the answer is to be held at most, in milliseconds; none
/// where the peer is not probed. [`ask`] is to be called when it is held.
pub(crate) fn begin(ctx: &Ctx, answer: &UpstreamAnswer<'_>) -> Option<u64> {
    let (upstream, peer) = answer.peer()?;
    let checked = CheckedPeer::of(ctx, upstream, peer)?;
    let timeout = worker::with_cycle(|cycle| {
        let (plan, _) = plan_of(cycle)?;
        Some(plan.upstream(upstream)?.parameters.timeout)
    })??;
    CHECKS.with_borrow_mut(|checks| {
        ctx.upstream.key_check.set(KeyCheck::Waits(checks.sent));
        if !checks.due.contains(&checked) {
            checks.due.push(checked);
        }
    });
    // One question may be open already, and a worker be busy.
    Some(2 * timeout + 1000)
}

/// Sends the questions that are due, but for those that are open already.
pub(crate) fn ask() {
    let ready = CHECKS.with_borrow_mut(|checks| {
        let is_open = |checked: &CheckedPeer| checks.open.contains(checked);
        let (waits, ready): (Vec<_>, Vec<_>) = checks.due.drain(..).partition(is_open);
        checks.due = waits;
        checks.open.extend(ready.iter().cloned());
        checks.sent += u64::from(!ready.is_empty());
        ready.into_iter().map(|checked| (checked, checks.sent)).collect::<Vec<_>>()
    });
    worker::with_cycle(|cycle| {
        for (checked, number) in ready {
            match question(cycle, &checked) {
                Some(question) => {
                    question.send(cycle, move |outcome| answered(&checked, number, outcome));
                }
                None => answered(&checked, number, &ExchangeOutcome::NotTried),
            }
        }
    });
}

fn question(cycle: &Cycle<'_>, checked: &CheckedPeer) -> Option<SignedQuestion> {
    let (plan, _) = plan_of(cycle)?;
    let probed = plan.upstream(checked.upstream)?;
    let mut copies: Vec<PeerCopy> = Vec::new();
    Peers::of::<S3Signature>(cycle, probed.id)?.copy(&mut copies);
    let peer = copies.iter().find(|copy| copy.id == checked.peer)?;
    let target = probed.target(peer.server()).filter(|target| target.is_reachable())?;
    let timeout = probed.parameters.timeout;
    state::with(|state| {
        SignedQuestion::new(target, &checked.key, peer.address(), timeout, &mut state.buffers)
    })
}

/// Lets go of what was held before the question of that number was sent.
fn answered(checked: &CheckedPeer, number: u64, outcome: &ExchangeOutcome) {
    let key = checked.key.credential.access_key();
    let ailment = answer(outcome).and_then(|answer| answer.ailment(key));
    let is_refused = matches!(ailment, Some(Ailment::RefusesKey(..)));
    CHECKS.with_borrow_mut(|checks| checks.open.retain(|open| open != checked));
    attempt::for_each(|attempt| {
        let Some(ctx) = attempt.request().and_then(ctx::existing) else { return };
        let waits = matches!(ctx.upstream.key_check.get(), KeyCheck::Waits(sent) if sent < number);
        if waits
            && CheckedPeer::of(ctx, attempt.upstream(), attempt.peer()).as_ref() == Some(checked)
        {
            ctx.upstream.key_check.set(KeyCheck::Done { is_refused });
            attempt.resume::<S3Signature>();
        }
    });
    ask();
}
