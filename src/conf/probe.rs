//! `s3_probe`: how the peers of an upstream are probed.

use std::rc::Rc;

use probe::Parameters;

use crate::conf::{ServerConf, text};
use crate::ffi::conf::{Conf, Directive, Fault};

/// `s3_probe [interval=…] [timeout=…] [fall=…] [rise=…] [uri=…] | off`
pub(crate) struct S3Probe;

impl Directive for S3Probe {
    type Conf = ServerConf;

    fn set(cf: &Conf, words: &[&[u8]], conf: &mut ServerConf) -> Result<(), Fault> {
        if std::mem::replace(&mut conf.has_probe, true) {
            return Err("\"s3_probe\" directive is duplicate".to_owned());
        }
        if let [_, b"off"] = words {
            return Ok(());
        }
        let mut parameters = Parameters::default();
        for word in words.iter().skip(1) {
            let word = text(word, "parameter of \"s3_probe\"")?;
            let set = parameters.set(word, |time| cf.milliseconds(time.as_bytes()));
            set.map_err(|wrong| wrong.to_string())?;
        }
        conf.probe = Some(Rc::new(parameters));
        Ok(())
    }
}
