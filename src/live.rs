//! What is made of files with keys, and made anew when they change.
//!
//! Each worker looks at the files by itself, and has a state of its own, which is replaced as a whole: who uses it takes hold of
//! the present one, and keeps that for as long as need be. Nothing is locked, and nobody waits but for the reading of small files.

pub(crate) mod listing;
mod tick;

use std::cell::{Cell, Ref, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use nginx::worker;
use watch::{FileReading, FileWatch, Look};

pub(crate) use self::tick::{LiveKeys, warn_of_unreadable};

/// How to make a state.
pub(crate) trait LiveSource {
    type State;

    /// Reads all of it.
    ///
    /// # Errors
    ///
    /// Why there is no state to be had, never with a secret.
    fn read(&self, reading: &mut FileReading) -> Result<Self::State, String>;
}

/// A state and where it comes from.
pub(crate) struct Live<S: LiveSource> {
    source: S,
    state: RefCell<Rc<S::State>>,
    watch: RefCell<FileWatch>,
    fingerprint: Cell<u64>,
    read_at: Cell<i64>,
    fault: RefCell<Option<String>>,
}

/// What came of a look at the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveLook {
    /// Nothing new.
    Calm,
    /// They cannot be used, for a reason that is new; the state is what it was.
    Failed,
    /// They are changing: another look soon.
    Moving,
    /// There is a new state, or the present one is confirmed after a failure.
    Read,
}

impl<S: LiveSource> Live<S> {
    /// What was read with the configuration.
    pub(crate) fn new(source: S, state: S::State, reading: &FileReading) -> Self {
        // What came from a pipe is not there a second time.
        let watch = reading.is_repeatable().then(|| FileWatch::new(reading));
        Live {
            source,
            state: RefCell::new(Rc::new(state)),
            watch: RefCell::new(watch.unwrap_or_default()),
            fingerprint: Cell::new(reading.fingerprint()),
            read_at: Cell::new(worker::unix_time()),
            fault: RefCell::default(),
        }
    }

    /// The present state.
    pub(crate) fn current(&self) -> Rc<S::State> {
        Rc::clone(&self.state.borrow())
    }

    /// When it was read, in seconds since 1970.
    pub(crate) fn read_at(&self) -> i64 {
        self.read_at.get()
    }

    /// Why the files that are there now are not used; none if they are.
    pub(crate) fn fault(&self) -> Ref<'_, Option<String>> {
        self.fault.borrow()
    }

    /// The files that are watched.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.watch.borrow().paths().map(Into::into).collect()
    }

    /// Whether there is anything to look at.
    pub(crate) fn is_watched(&self) -> bool {
        !self.watch.borrow().is_empty()
    }

    /// Looks at the files, and reads them where they have changed and are at rest.
    pub(crate) fn look(&self) -> LiveLook {
        let look = self.watch.borrow_mut().look();
        match look {
            Look::Calm => LiveLook::Calm,
            Look::Moving => LiveLook::Moving,
            Look::Settled | Look::Restless => self.read(look == Look::Settled),
        }
    }

    /// The look of a worker that begins. What it has is what the master read, perhaps long ago, so it does not wait for a second
    /// look; that follows all the same, for somebody may be writing just now.
    pub(crate) fn begin(&self) -> LiveLook {
        match self.look() {
            LiveLook::Moving => self.read(false),
            look => look,
        }
    }

    fn read(&self, is_settled: bool) -> LiveLook {
        let mut reading = FileReading::again();
        let result = self.source.read(&mut reading);
        self.watch.borrow_mut().follow(&reading);
        let state = match result {
            Ok(state) => state,
            // It may be half written: too early to speak of a fault.
            Err(_) if !is_settled => return LiveLook::Moving,
            Err(fault) => {
                let is_known = self.fault.borrow().as_ref() == Some(&fault);
                self.fault.replace(Some(fault));
                return if is_known { LiveLook::Calm } else { LiveLook::Failed };
            }
        };
        let was_at_fault = self.fault.take().is_some();
        let is_same = self.fingerprint.replace(reading.fingerprint()) == reading.fingerprint();
        self.read_at.set(worker::unix_time());
        if !is_same {
            // With it go the signing keys that were derived from its secrets, once nobody holds it any more.
            self.state.replace(Rc::new(state));
        }
        if is_same && !was_at_fault { LiveLook::Calm } else { LiveLook::Read }
    }
}
