//! One signed request to one peer, on a connection of its own.

use std::rc::Rc;

use nginx::exchange::{self, Exchange, ExchangeOutcome};
use nginx::{Cycle, worker};
use probe::ProbeAnswer;
use sigv4::{TargetBuffers, Timestamp};

use crate::S3Signature;
use crate::conf::origin_key::OriginKey;
use crate::conf::plan::ProbeTarget;

/// What a peer is asked, ready to be sent.
pub(super) struct SignedQuestion {
    target: Rc<ProbeTarget>,
    address: Vec<u8>,
    request: Vec<u8>,
    timeout: u64,
}

impl SignedQuestion {
    /// For the peer at `address`, signed with `key`. The answer may take `timeout` milliseconds. None where nothing can be signed now.
    pub(super) fn new(
        target: &Rc<ProbeTarget>,
        key: &OriginKey,
        address: &[u8],
        timeout: u64,
        buffers: &mut TargetBuffers,
    ) -> Option<Self> {
        let now = Timestamp::from_unix(worker::unix_time())?;
        let mut request = Vec::new();
        target.question.sign(&key.credential, now, buffers, &mut request).ok()?;
        Some(SignedQuestion {
            target: Rc::clone(target),
            address: address.to_vec(),
            request,
            timeout,
        })
    }

    /// Sends it. The answer may come before this returns.
    pub(super) fn send(self, cycle: &Cycle<'_>, answered: impl FnOnce(&ExchangeOutcome) + 'static) {
        let Self { target, address, request, timeout } = self;
        let main = cycle.main_conf::<S3Signature>();
        let Some(place) = main.and_then(|main| target.place(main)) else {
            return answered(&ExchangeOutcome::NotTried);
        };
        let exchange = Exchange {
            client: &place.client,
            address: &address,
            is_tls: target.origin.endpoint.is_tls(),
            name: target.origin.endpoint.host(),
            request,
            timeout,
            is_complete: probe::is_complete,
        };
        exchange::start(cycle, exchange, Box::new(move |outcome| answered(&outcome)));
    }
}

/// What came of a question; none where that was no answer of HTTP.
pub(super) fn answer(outcome: &ExchangeOutcome) -> Option<ProbeAnswer> {
    let ExchangeOutcome::Answered(bytes) = outcome else { return None };
    ProbeAnswer::read(bytes)
}
