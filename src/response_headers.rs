//! Headers of an origin's response that speak of the origin's own place.

use nginx::Request;

use crate::conf::location::{LocationConf, Verify};

/// Puts the region that clients sign for in the place of the origin's: SDKs take `x-amz-bucket-region` for the one to sign for
/// from then on, and `s3_clients` would refuse that. Where it names no regions, any will do.
pub(crate) fn translate<'r>(r: Request<'r>, conf: &'r LocationConf) {
    let Some(Verify::Clients(clients)) = conf.verify() else { return };
    if let Some(region) = clients.policy.regions.first() {
        r.set_response_header(b"x-amz-bucket-region", region);
    }
}
