//! The directives of a location: who may come in, and whether requests are signed anew.

pub(crate) mod body;
pub(crate) mod merge;
pub(crate) mod mismatch;

use std::rc::Rc;

use nginx::conf::{LocationDirective, Position, flag, text};
use nginx::variable::ComplexValue;
use nginx::{Conf, ConfError};
use sigv4::aws_chunked::{DEFAULT_MAX_CHUNK, Forward};
use status::StatusFormat;

use crate::S3Signature;
use crate::conf::clients::Clients;
use crate::conf::origin::Origin;

/// What is configured in a location, or inherited by it.
#[derive(Default)]
pub(crate) struct LocationConf {
    verify: Option<Verify>,
    resign: Option<Resign>,
    /// Where `resign` stands.
    resign_at: Position,
    next_upstream: Option<NextUpstream>,
    cors_preflight: Option<bool>,
    verify_payload: Option<bool>,
    max_chunk_size: Option<u64>,
    unknown_length: Option<UnknownLength>,
    explain_mismatch: Option<u32>,
    pub(super) health: Option<HealthCheck>,
    pub(super) status: Option<StatusView>,
    /// Whether an origin of the location wants bodies without aws-chunked framing.
    unwraps: bool,
}

/// `s3_verify`.
#[derive(Clone)]
pub(crate) enum Verify {
    /// Anybody may come in.
    Off,
    /// Named, and not yet looked up.
    Named(String, Position),
    /// Holders of one of these keys may come in.
    Clients(Rc<Clients>),
}

/// `s3_resign`.
#[derive(Clone)]
pub(crate) enum Resign {
    Off,
    /// For the origin whose endpoint is the peer that was picked.
    ByPeer,
    /// Named, and not yet looked up.
    Named(String),
    /// For this origin, whatever the peer.
    Origin(Rc<Origin>),
    /// For the origin that the value names.
    Variable(ComplexValue<S3Signature>),
}

/// `s3_status`.
#[derive(Clone, Copy, Default)]
pub(crate) struct StatusView {
    /// The only form that is given; none where whoever asks may choose.
    pub(crate) format: Option<StatusFormat>,
}

/// A health location.
pub(crate) struct HealthCheck {
    pub(crate) origins: Vec<HealthOrigin>,
    /// How long the locations have to answer, in milliseconds.
    pub(crate) timeout: u64,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck { origins: Vec::new(), timeout: 1000 }
    }
}

/// An origin of a health location: what it is called, and the location that asks it; none where probes alone can tell.
pub(crate) struct HealthOrigin {
    pub(crate) name: String,
    pub(crate) uri: Option<Vec<u8>>,
}

/// `s3_next_upstream`: after which S3 errors of an origin the next one is asked.
#[derive(Clone, Copy)]
pub(crate) struct NextUpstream {
    /// Those that say that our key is refused; as after a connection that broke (`proxy_next_upstream error`).
    pub(crate) refused_key: bool,
    /// `SlowDown`; as after any 503 (`proxy_next_upstream http_503`).
    pub(crate) slow_down: bool,
}

/// `s3_unknown_length`: what becomes of a body whose length its head does not state, where the origin has to get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownLength {
    /// nginx stores it to its end, which says how long it is.
    Buffer,
    /// It is refused as S3 refuses it, before any of it is read.
    Refuse,
}

impl NextUpstream {
    const DEFAULT: NextUpstream = NextUpstream { refused_key: true, slow_down: false };
}

impl LocationConf {
    /// Who may come in; none where `s3_verify` does not stand.
    pub(crate) fn verify(&self) -> Option<&Verify> {
        self.verify.as_ref()
    }

    /// How requests are signed anew; none where they are not.
    pub(crate) fn resign(&self) -> Option<&Resign> {
        self.resign.as_ref().filter(|resign| !matches!(resign, Resign::Off))
    }

    /// After which errors another origin is asked.
    pub(crate) fn next_upstream(&self) -> NextUpstream {
        self.next_upstream.unwrap_or(NextUpstream::DEFAULT)
    }

    /// Whether OPTIONS requests without a signature may pass.
    pub(crate) fn passes_preflight(&self) -> bool {
        self.cors_preflight.unwrap_or(false)
    }

    /// What `s3_health` asks; none where it does not stand.
    pub(crate) fn health(&self) -> Option<&HealthCheck> {
        self.health.as_ref()
    }

    /// How `s3_status` answers; none where it does not stand.
    pub(crate) fn status(&self) -> Option<StatusView> {
        self.status
    }

    /// Whether payload hashes and checksums are calculated here.
    pub(crate) fn verifies_payload(&self) -> bool {
        self.verify_payload.unwrap_or(false)
    }

    /// Largest chunk that a signature may cover, in bytes.
    pub(crate) fn max_chunk_size(&self) -> u64 {
        self.max_chunk_size.unwrap_or(DEFAULT_MAX_CHUNK)
    }

    /// What becomes of a body of unknown length that is no aws-chunked one. Only an S3 origin has to get a length.
    pub(crate) fn unknown_length(&self) -> UnknownLength {
        match self.resign() {
            None => UnknownLength::Buffer,
            Some(_) => self.unknown_length.unwrap_or(UnknownLength::Refuse),
        }
    }

    /// The largest object or part that its clients may send, in bytes; none where there is no limit.
    pub(crate) fn max_object_size(&self) -> Option<u64> {
        match &self.verify {
            Some(Verify::Clients(clients)) => clients.policy.max_object,
            _ => None,
        }
    }

    /// Of how many refused signatures a second each worker looks for the cause.
    pub(crate) fn explained_mismatches(&self) -> u32 {
        self.explain_mismatch.unwrap_or(1)
    }

    /// What of an aws-chunked body goes to the origin. One answer for all peers of the location: the body may be on its way
    /// before the balancer has picked one, and wait for another.
    pub(crate) fn forward(&self) -> Forward {
        match self.resign() {
            // Nobody would put signatures where the hashes are.
            None => Forward::AsSent,
            Some(_) if self.unwraps => Forward::Unwrap,
            Some(_) => Forward::Frames,
        }
    }

    /// Whether the module has anything to do with requests of the location.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.verify, Some(Verify::Clients(_))) || self.resign().is_some()
    }
}

/// `s3_verify NAME | off`
pub(crate) struct S3Verify;

impl LocationDirective for S3Verify {
    type Module = S3Signature;

    fn set(cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let verify = match words {
            [_, b"off"] => Verify::Off,
            [_, name] => Verify::Named(text(name, "name of s3_clients")?.to_owned(), cf.position()),
            _ => {
                return Err("\"s3_verify\" takes the name of an s3_clients block, or off".into());
            }
        };
        once(words, conf.verify.replace(verify).is_some())
    }
}

/// `s3_resign on | off | NAME | $variable`
pub(crate) struct S3Resign;

impl LocationDirective for S3Resign {
    type Module = S3Signature;

    fn set(cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let resign = match words {
            [_, b"off"] => Resign::Off,
            [_, b"on"] => Resign::ByPeer,
            [_, value] if value.contains(&b'$') => {
                Resign::Variable(ComplexValue::compile(cf, value)?)
            }
            [_, name] => Resign::Named(text(name, "name of s3_origin")?.to_owned()),
            _ => return Err("\"s3_resign\" takes on, off, or the name of an s3_origin".into()),
        };
        conf.resign_at = cf.position();
        once(words, conf.resign.replace(resign).is_some())
    }
}

/// `s3_next_upstream refused_key | slow_down | off …`
pub(crate) struct S3NextUpstream;

impl LocationDirective for S3NextUpstream {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        let mut next = NextUpstream { refused_key: false, slow_down: false };
        for word in words.iter().skip(1) {
            let slot = match *word {
                b"refused_key" => &mut next.refused_key,
                b"slow_down" => &mut next.slow_down,
                b"off" if words.len() == 2 => continue,
                word => return Err(format!("invalid value \"{}\"", word.escape_ascii()).into()),
            };
            if std::mem::replace(slot, true) {
                return Err(format!("duplicate value \"{}\"", word.escape_ascii()).into());
            }
        }
        once(words, conf.next_upstream.replace(next).is_some())
    }
}

/// `s3_cors_preflight on | off`
pub(crate) struct S3CorsPreflight;

impl LocationDirective for S3CorsPreflight {
    type Module = S3Signature;

    fn set(_cf: &mut Conf<'_>, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), ConfError> {
        once(words, conf.cors_preflight.replace(flag(words)?).is_some())
    }
}

/// nginx's word for a directive that stands twice in one place.
pub(super) fn once(words: &[&[u8]], stands_already: bool) -> Result<(), ConfError> {
    let name = words.first().copied().unwrap_or_default().escape_ascii();
    if !stands_already {
        return Ok(());
    }
    Err(format!("\"{name}\" directive is duplicate").into())
}
