//! The directives of a location: who may come in, and whether requests are signed anew.

use std::rc::Rc;

use sigv4::aws_chunked::{DEFAULT_MAX_CHUNK, Forward};

use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::conf::{MainConf, ServerConf, flag, text, upstreams};
use crate::ffi::conf::{Conf, Directive, Fault, Position};
use crate::ffi::log_writer::ErrorLog;
use crate::ffi::upstream_conf::{Place, Upstream};
use crate::ffi::variable::ComplexValue;
use crate::health::Probe;

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
    health: Option<Vec<Probe>>,
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
    Variable(Rc<ComplexValue>),
}

/// `s3_next_upstream`: after which S3 errors of an origin the next one is asked.
#[derive(Clone, Copy)]
pub(crate) struct NextUpstream {
    /// Those that say that our key is refused; as after a connection that broke (`proxy_next_upstream error`).
    pub(crate) refused_key: bool,
    /// `SlowDown`; as after any 503 (`proxy_next_upstream http_503`).
    pub(crate) slow_down: bool,
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
    pub(crate) fn health(&self) -> Option<&[Probe]> {
        self.health.as_deref()
    }

    /// Whether payload hashes and checksums are calculated here.
    pub(crate) fn verifies_payload(&self) -> bool {
        self.verify_payload.unwrap_or(false)
    }

    /// Largest chunk that a signature may cover, in bytes.
    pub(crate) fn max_chunk_size(&self) -> u64 {
        self.max_chunk_size.unwrap_or(DEFAULT_MAX_CHUNK)
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

impl Directive for S3Verify {
    type Conf = LocationConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        let verify = match words {
            [_, b"off"] => Verify::Off,
            [_, name] => Verify::Named(text(name, "name of s3_clients")?.to_owned(), cf.position()),
            _ => {
                return Err(
                    "\"s3_verify\" takes the name of an s3_clients block, or off".to_owned()
                );
            }
        };
        once(words, conf.verify.replace(verify).is_some())
    }
}

/// `s3_resign on | off | NAME | $variable`
pub(crate) struct S3Resign;

impl Directive for S3Resign {
    type Conf = LocationConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        let resign = match words {
            [_, b"off"] => Resign::Off,
            [_, b"on"] => Resign::ByPeer,
            [_, value] if value.contains(&b'$') => {
                Resign::Variable(Rc::new(ComplexValue::compile(cf, value)?))
            }
            [_, name] => Resign::Named(text(name, "name of s3_origin")?.to_owned()),
            _ => return Err("\"s3_resign\" takes on, off, or the name of an s3_origin".to_owned()),
        };
        conf.resign_at = cf.position();
        once(words, conf.resign.replace(resign).is_some())
    }
}

/// `s3_next_upstream refused_key | slow_down | off …`
pub(crate) struct S3NextUpstream;

impl Directive for S3NextUpstream {
    type Conf = LocationConf;

    fn set(_cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        let mut next = NextUpstream { refused_key: false, slow_down: false };
        for word in words.iter().skip(1) {
            let slot = match *word {
                b"refused_key" => &mut next.refused_key,
                b"slow_down" => &mut next.slow_down,
                b"off" if words.len() == 2 => continue,
                word => return Err(format!("invalid value \"{}\"", word.escape_ascii())),
            };
            if std::mem::replace(slot, true) {
                return Err(format!("duplicate value \"{}\"", word.escape_ascii()));
            }
        }
        once(words, conf.next_upstream.replace(next).is_some())
    }
}

/// `s3_cors_preflight on | off`
pub(crate) struct S3CorsPreflight;

impl Directive for S3CorsPreflight {
    type Conf = LocationConf;

    fn set(_cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        once(words, conf.cors_preflight.replace(flag(words)?).is_some())
    }
}

/// `s3_verify_payload on | off`
pub(crate) struct S3VerifyPayload;

impl Directive for S3VerifyPayload {
    type Conf = LocationConf;

    fn set(_cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        once(words, conf.verify_payload.replace(flag(words)?).is_some())
    }
}

/// `s3_max_chunk_size SIZE`
pub(crate) struct S3MaxChunkSize;

impl Directive for S3MaxChunkSize {
    type Conf = LocationConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        let [_, word] = words else { return Err("\"s3_max_chunk_size\" takes a size".to_owned()) };
        let size = cf.size(word).filter(|size| CHUNK_SIZES.contains(size));
        let wrong = || {
            format!("\"s3_max_chunk_size\" must be from 8k to 1g, not \"{}\"", word.escape_ascii())
        };
        once(words, conf.max_chunk_size.replace(size.ok_or_else(wrong)?).is_some())
    }
}

/// `s3_health NAME=URI …`
pub(crate) struct S3Health;

impl Directive for S3Health {
    type Conf = LocationConf;

    fn set(_cf: &Conf, words: &[&[u8]], conf: &mut LocationConf) -> Result<(), Fault> {
        let mut probes: Vec<Probe> = Vec::new();
        for word in words.iter().skip(1) {
            let text = text(word, "parameter of \"s3_health\"")?;
            let plain = |name: &str| {
                name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
            };
            let probe = text
                .split_once('=')
                .filter(|(name, uri)| !name.is_empty() && plain(name) && uri.starts_with('/'));
            let Some((name, uri)) = probe else {
                return Err(format!(
                    "invalid parameter \"{text}\" of \"s3_health\": a name, \"=\" and a URI"
                ));
            };
            if probes.iter().any(|probe| probe.name == name) {
                return Err(format!("duplicate name \"{name}\" in \"s3_health\""));
            }
            probes.push(Probe { name: name.to_owned(), uri: uri.into() });
        }
        once(words, conf.health.replace(probes).is_some())
    }
}

/// Sizes that `s3_max_chunk_size` may have: clients must not send smaller chunks than the least.
const CHUNK_SIZES: std::ops::RangeInclusive<u64> = (8 << 10)..=(1 << 30);

/// nginx's word for a directive that stands twice in one place.
fn once(words: &[&[u8]], stands_already: bool) -> Result<(), Fault> {
    let name = words.first().copied().unwrap_or_default().escape_ascii();
    if stands_already { Err(format!("\"{name}\" directive is duplicate")) } else { Ok(()) }
}

/// Inherits from the level above, looks up names, and checks what can be checked. Runs when all of http{} was read, so
/// blocks may stand behind their uses.
pub(crate) fn merge(
    cf: &Conf,
    previous: &LocationConf,
    conf: &mut LocationConf,
) -> Result<(), Fault> {
    let main = cf.main_conf::<MainConf>(crate::module()).ok_or("no main configuration")?;
    main.error_logs.extend(ErrorLog::of_location(cf));
    conf.verify = conf.verify.take().or_else(|| previous.verify.clone());
    if conf.resign.is_none() {
        conf.resign = previous.resign.clone();
        conf.resign_at = previous.resign_at.clone();
    }
    conf.next_upstream = conf.next_upstream.or(previous.next_upstream);
    conf.cors_preflight = conf.cors_preflight.or(previous.cors_preflight);
    conf.verify_payload = conf.verify_payload.or(previous.verify_payload);
    conf.max_chunk_size = conf.max_chunk_size.or(previous.max_chunk_size);

    if let Some(Verify::Named(name, position)) = &conf.verify {
        let clients = main.clients.iter().find(|clients| clients.name == *name);
        let Some(clients) = clients else {
            cf.error_at(position, &format!("unknown s3_clients \"{name}\""));
            return Err(Fault::new());
        };
        conf.verify = Some(Verify::Clients(Rc::clone(clients)));
    }
    if conf.resign().is_some() {
        main.resigning.extend(Place::of(cf));
    }
    let resigned = resolve(cf, main, conf);
    resigned.map_err(|fault| {
        cf.error_at(&conf.resign_at, &fault);
        Fault::new()
    })?;
    if conf.is_active() {
        let server = cf.server_conf::<ServerConf>(crate::module());
        server.ok_or("no server configuration")?.is_active = true;
    }
    Ok(())
}

/// Looks up the origin of `s3_resign`, and where the location has a `proxy_pass`, checks that its requests can be signed.
fn resolve(cf: &Conf, main: &MainConf, conf: &mut LocationConf) -> Result<(), Fault> {
    if let Some(Resign::Named(name)) = &conf.resign {
        let origin =
            main.origin(name.as_bytes()).ok_or_else(|| format!("unknown s3_origin \"{name}\""))?;
        conf.resign = Some(Resign::Origin(Rc::clone(origin)));
    }
    conf.unwraps = match conf.resign() {
        None => false,
        Some(Resign::Origin(origin)) => origin.unwraps,
        // Which of them it will be is not known before the request.
        Some(_) => main.origins.iter().any(|origin| origin.unwraps),
    };
    let (Some(resign), Some(upstream)) = (conf.resign(), Upstream::of_location(cf)) else {
        return Ok(());
    };
    if conf.verify.is_none() {
        return Err(
            "\"s3_resign\" without \"s3_verify\": name the clients, or say \"s3_verify off\""
                .to_owned(),
        );
    }
    match resign {
        Resign::ByPeer => {
            let origins = upstreams::origins_of_peers(main, &upstream)?;
            conf.unwraps = origins.iter().any(|origin| origin.unwraps);
        }
        Resign::Named(_) | Resign::Off | Resign::Origin(_) | Resign::Variable(_) => {}
    }
    Ok(())
}
