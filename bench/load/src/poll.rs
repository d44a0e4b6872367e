//! Waiting for events, awake.

use std::io;
use std::time::{Duration, Instant};

use mio::{Events, Poll};

/// How long nothing has to happen until it is time to sleep.
const AWAKE: Duration = Duration::from_millis(100);

/// Waits for events without going to sleep as long as some come. Waking a core that sleeps is work for the one who wakes it,
/// and a slower proxy has to do it more often, since its peers run out of work: that would count as its own cost.
pub(crate) fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    let start = Instant::now();
    while start.elapsed() < AWAKE {
        poll.poll(events, Some(Duration::ZERO))?;
        if !events.is_empty() {
            return Ok(());
        }
        // Load generator and origin share the core.
        std::thread::yield_now();
    }
    poll.poll(events, None)
}
