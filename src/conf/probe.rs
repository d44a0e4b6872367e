//! `s3_probe`: how the peers of an upstream are probed.

use std::rc::Rc;

use nginx::conf::{ServerDirective, milliseconds, text};
use nginx::upstream::Upstream;
use nginx::{Conf, ConfError};
use probe::ProbeParameters;

use crate::S3Signature;

/// `s3_probe [interval=…] [timeout=…] [fall=…] [rise=…] [uri=…] [all_down=…] | off`
pub(crate) struct S3Probe;

impl ServerDirective for S3Probe {
    fn set(cf: &mut Conf<'_>, words: &[&[u8]]) -> Result<(), ConfError> {
        let upstream = Upstream::of_block(cf).ok_or("\"s3_probe\" is for upstreams")?.id();
        let parameters = match words {
            [_, b"off"] => None,
            [_, words @ ..] => Some(Rc::new(parameters(words)?)),
            [] => None,
        };
        let probed = &mut cf.main_conf::<S3Signature>()?.probed;
        match probed.insert(upstream, parameters) {
            Some(_) => Err("\"s3_probe\" directive is duplicate".into()),
            None => Ok(()),
        }
    }
}

fn parameters(words: &[&[u8]]) -> Result<ProbeParameters, ConfError> {
    // nginx's own words; it has no kind of directive that takes none to six.
    if words.len() > 6 {
        return Err("invalid number of arguments in \"s3_probe\" directive".into());
    }
    let mut parameters = ProbeParameters::default();
    for word in words {
        let word = text(word, "parameter of \"s3_probe\"")?;
        let set = parameters.set(word, |time| milliseconds(time.as_bytes()));
        set.map_err(|wrong| wrong.to_string())?;
    }
    Ok(parameters)
}
