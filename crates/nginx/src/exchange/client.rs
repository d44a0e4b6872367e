//! How servers are reached: as a location reaches them.

use std::marker::PhantomData;
use std::ptr::null_mut;

use super::tls::{ClientSettings, Tls};
use crate::conf::{Conf, ConfError};
use crate::cycle::Cycle;
use crate::module::HttpModule;
use crate::upstream::conf::proxy_conf;
use crate::upstream::{Upstream, UpstreamId};

/// How a location reaches those that it proxies to: its place in the cycle that it belongs to.
pub struct ExchangeClient<M> {
    index: usize,
    /// The upstream that its `proxy_pass` names; none where that has variables, or where there is no `proxy_pass`.
    pub upstream: Option<UpstreamId>,
    /// Whether it speaks TLS. With variables it can do so, whatever they say.
    pub is_tls: bool,
    /// Whether what it does there depends on the request, so that nobody else can do the same.
    pub needs_request: bool,
    module: PhantomData<fn() -> M>,
}

impl<M: HttpModule> ExchangeClient<M> {
    /// Of the location that is being merged. nginx's proxy module is merged before those that are loaded.
    ///
    /// # Errors
    ///
    /// The parser is outside of http{}.
    pub fn of_location(cf: &mut Conf<'_>) -> Result<Self, ConfError> {
        let conf = proxy_conf(cf);
        // SAFETY: null, or the proxy module's configuration of the cycle that is being read; nothing writes to it meanwhile.
        let conf = unsafe { conf.as_ref() };
        let tls = conf.and_then(Tls::of_location);
        // SAFETY: null, or what was made for this configuration.
        let local = unsafe { conf.and_then(|conf| conf.local.as_ref()) };
        let local = local.filter(|local| local.value.is_null());
        let settings = ClientSettings { tls, local: local.map_or(null_mut(), |local| local.addr) };
        let is_tls = settings.tls.is_some();
        let needs_request = settings.tls.as_ref().is_some_and(|tls| tls.needs_request);
        let upstream = Upstream::of_location(cf).map(Upstream::id);
        let clients = cf.main_slot::<M>()?.hooks.clients.get_mut();
        clients.push(settings);
        let index = clients.len() - 1;
        Ok(ExchangeClient { index, upstream, is_tls, needs_request, module: PhantomData })
    }

    pub(super) fn settings(&self, cycle: &Cycle<'_>) -> Option<ClientSettings> {
        cycle.main_slot::<M>()?.hooks.clients.borrow().get(self.index).cloned()
    }
}
