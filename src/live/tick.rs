//! The worker's look at all files with keys, and what it says about them.

use std::fmt;

use nginx::{Cycle, Level, worker, worker_user};

use crate::S3Signature;
use crate::conf::MainConf;
use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::conf::origin_key::KeyEnd;
use crate::live::{Live, LiveLook, LiveSource, listing};
use crate::time::rfc3339;

/// Between two looks, in milliseconds, where nothing is watched but the ends of keys.
const IDLE: u64 = 1000;
/// The least time in milliseconds until the second look at a file that has changed: longer than the clocks of file systems stand
/// still.
const SETTLING: u64 = 20;

/// What a worker does at each tick: it looks at the files, and at the ends of keys.
pub(crate) struct LiveKeys;

impl LiveKeys {
    /// For `init_process`.
    pub(crate) fn start(cycle: &Cycle<'_>, main: &MainConf) {
        if main.has_live_keys() || worker::is_single() {
            let is_moving = look_at_all(cycle, main, true);
            worker::every::<LiveKeys>(until_next_look(main, is_moving), IDLE);
        }
    }
}

impl worker::Tick for LiveKeys {
    fn tick(cycle: &Cycle<'_>) -> u64 {
        let Some(main) = cycle.main_conf::<S3Signature>() else { return IDLE };
        let is_moving = look_at_all(cycle, main, false);
        until_next_look(main, is_moving)
    }
}

/// In milliseconds.
fn until_next_look(main: &MainConf, is_moving: bool) -> u64 {
    let interval = main.watch_interval().unwrap_or(IDLE);
    if is_moving { (interval / 4).max(SETTLING) } else { interval }
}

/// Whether something is changing. `begins` is the worker's first look.
fn look_at_all(cycle: &Cycle<'_>, main: &MainConf, begins: bool) -> bool {
    let mut is_moving = false;
    if main.watch_interval().is_some() {
        for clients in &main.clients {
            is_moving |= look(cycle, &clients.keyring, Owner::Clients(clients), begins);
        }
        for origin in &main.origins {
            is_moving |= look(cycle, &origin.key, Owner::Origin(origin), begins);
        }
    }
    let now = worker::unix_time();
    for origin in &main.origins {
        if let Some((end, text)) = origin.key.current().approaches_end(now) {
            warn_of_end(cycle, origin, end, &text);
        }
    }
    is_moving
}

fn look<S: LiveSource>(cycle: &Cycle<'_>, live: &Live<S>, owner: Owner<'_>, begins: bool) -> bool {
    let look = if begins { live.begin() } else { live.look() };
    match look {
        LiveLook::Calm | LiveLook::Moving => {}
        LiveLook::Failed if speaks() => {
            let (since, fault) = (rfc3339(live.read_at()), live.fault());
            let fault = fault.as_deref().unwrap_or_default();
            cycle.log(
                Level::Error,
                format_args!("s3: {owner} keeps the keys that were read at {since}: {fault}"),
            );
        }
        LiveLook::Read if speaks() => {
            cycle.log(Level::Notice, format_args!("s3: {owner} was read again: {owner:#}"));
        }
        LiveLook::Failed | LiveLook::Read => {}
    }
    look == LiveLook::Moving
}

/// All workers see the same; one says it. After a reload that is one of the new ones.
fn speaks() -> bool {
    worker::is_first() && !worker::is_exiting()
}

fn warn_of_end(cycle: &Cycle<'_>, origin: &Origin, end: KeyEnd, text: &str) {
    let name = &origin.name;
    match end {
        _ if !speaks() => {}
        KeyEnd::Near => cycle.log(
            Level::Warn,
            format_args!("s3: the key of s3_origin \"{name}\" ends soon, at {text}, and no later one is there"),
        ),
        KeyEnd::Past => cycle.log(
            Level::Error,
            format_args!("s3: the key of s3_origin \"{name}\" ended at {text}: it counts as down until there is another"),
        ),
    }
}

/// Whose keys they are. In the log, `{}` is the directive, `{:#}` what it has now.
#[derive(Clone, Copy)]
enum Owner<'a> {
    Clients(&'a Clients),
    Origin(&'a Origin),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Clients(clients) if f.alternate() => match clients.keyring.current().len() {
                1 => f.write_str("1 client"),
                count => write!(f, "{count} clients"),
            },
            Owner::Clients(clients) => write!(f, "s3_clients \"{}\"", clients.name),
            Owner::Origin(origin) if f.alternate() => origin.key.current().fmt(f),
            Owner::Origin(origin) => write!(f, "s3_origin \"{}\"", origin.name),
        }
    }
}

/// Says which files the workers cannot read, so that a change takes a reload. For `init_module`.
pub(crate) fn warn_of_unreadable(cycle: &Cycle<'_>, main: &MainConf) {
    if main.watch_interval().is_none() {
        return;
    }
    let paths = listing::files(main).into_iter().map(|file| file.path).collect();
    for path in worker_user::unreadable(cycle, paths) {
        let path = path.display();
        cycle.log(
            Level::Warn,
            format_args!(
                "s3: \"{path}\" cannot be read by the user of the workers: it is read again by a reload only (see \"s3_watch\")"
            ),
        );
    }
}
