//! What a location inherits, and what can be checked of it once all is read.

use std::rc::Rc;

use nginx::exchange::ExchangeClient;
use nginx::upstream::{Upstream, guard};
use nginx::{Conf, ConfError, log_writer};

use crate::S3Signature;
use crate::conf::location::{LocationConf, Resign, Verify};
use crate::conf::{MainConf, Resigning, upstreams};

/// Inherits from the level above, looks up names, and checks what can be checked. Runs when all of http{} was read, so
/// blocks may stand behind their uses.
pub(crate) fn merge(
    cf: &mut Conf<'_>,
    previous: &LocationConf,
    conf: &mut LocationConf,
) -> Result<(), ConfError> {
    log_writer::note_log::<S3Signature>(cf)?;
    conf.verify = conf.verify.take().or_else(|| previous.verify.clone());
    if conf.resign.is_none() {
        conf.resign = previous.resign.clone();
        conf.resign_at = previous.resign_at.clone();
    }
    conf.next_upstream = conf.next_upstream.or(previous.next_upstream);
    conf.cors_preflight = conf.cors_preflight.or(previous.cors_preflight);
    conf.verify_payload = conf.verify_payload.or(previous.verify_payload);
    conf.max_chunk_size = conf.max_chunk_size.or(previous.max_chunk_size);
    conf.unknown_length = conf.unknown_length.or(previous.unknown_length);
    conf.explain_mismatch = conf.explain_mismatch.or(previous.explain_mismatch);

    if let Some(Verify::Named(name, position)) = &conf.verify {
        let known = &cf.main_conf::<S3Signature>()?.clients;
        let clients = known.iter().find(|clients| clients.name == *name).cloned();
        let Some(clients) = clients else {
            return Err(cf.error_at(position, &format!("unknown s3_clients \"{name}\"")));
        };
        conf.verify = Some(Verify::Clients(clients));
    }
    if conf.resign().is_some() {
        guard::note_place::<S3Signature>(cf)?;
    }
    let upstream = Upstream::of_location(cf);
    if upstream.is_some() && conf.resign().is_some() && Upstream::of_location_speaks_http2(cf) {
        let mistake =
            "\"s3_resign\" signs HTTP/1.x requests, not those of \"proxy_http_version 2\"";
        return Err(cf.error_at(&conf.resign_at, mistake));
    }
    let resolved = resolve(cf.main_conf::<S3Signature>()?, upstream, conf);
    resolved.map_err(|mistake| cf.error_at(&conf.resign_at, &mistake))?;
    if let Some(resign) = conf.resign() {
        let origin = match resign {
            Resign::Origin(origin) => Some(Rc::clone(origin)),
            _ => None,
        };
        let client = ExchangeClient::of_location(cf)?;
        cf.main_conf::<S3Signature>()?.resigning.push(Resigning { client, origin });
    }
    if conf.is_active() {
        cf.server_conf::<S3Signature>()?.is_active = true;
    }
    Ok(())
}

/// Looks up the origin of `s3_resign`, and where the location has a `proxy_pass`, checks that its requests can be signed.
fn resolve(
    main: &MainConf,
    upstream: Option<Upstream<'_>>,
    conf: &mut LocationConf,
) -> Result<(), String> {
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
    let (Some(resign), Some(upstream)) = (conf.resign(), upstream) else {
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
            let origins = upstreams::origins_of_peers(main, upstream)?;
            conf.unwraps = origins.iter().any(|origin| origin.unwraps);
        }
        Resign::Named(_) | Resign::Off | Resign::Origin(_) | Resign::Variable(_) => {}
    }
    Ok(())
}
