//! What a module keeps about a request, and what the hooks of this crate keep beside it: in the request's pool.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use ngx::ffi::{ngx_http_request_t, ngx_module_t};

use crate::boundary::boundary;
use crate::module::{HttpModule, ctx_index};
use crate::request::{Request, RequestTimer};
use crate::request_body_filter::Buffers;
use crate::response_body::ResponseBuffers;
use crate::stored_body::StoredBody;
use crate::upstream::{FinalizeRequest, ResponseHead, RewrittenBody};

/// What is at the module's place in `r->ctx`.
#[repr(C)]
struct ContextSlot<M: HttpModule> {
    /// Whose it is; the first member in every such structure.
    module: *const ngx_module_t,
    /// The request's address: its subrequests' contexts are in the same pool.
    request: *const ngx_http_request_t,
    context: M::Context,
    hooks: RequestHooks,
}

/// What the hooks of this crate keep about a request. Modules cannot get at it, so that what points into the request's pool
/// never leaves the request.
#[derive(Default)]
pub(crate) struct RequestHooks {
    /// The buffers of the request body that is being filtered; none before there is one.
    pub(crate) body: RefCell<Option<Box<Buffers>>>,
    /// A body that was read before, while it is gone through where it lies.
    pub(crate) stored: RefCell<Option<StoredBody>>,
    /// What rewrites the body on its way to the upstream.
    pub(crate) output: RefCell<Option<Box<RewrittenBody>>>,
    /// The buffers of the response's body, where it is changed.
    pub(crate) response: RefCell<Option<Box<ResponseBuffers>>>,
    /// The `finalize_request` that ours stands in front of.
    pub(crate) finalize_request: Cell<Option<FinalizeRequest>>,
    /// The hooks around the head of the upstream's answer.
    pub(crate) response_head: ResponseHead,
    /// A time limit of the module's.
    pub(crate) timer: RefCell<Option<RequestTimer>>,
}

impl<'r> Request<'r> {
    /// The module's context, made when first asked for; none when memory is out. nginx clears it on internal redirects: the
    /// next one is told of it ([`HttpModule::redirected`]).
    pub fn context<M: HttpModule>(self) -> Option<&'r M::Context> {
        match self.existing_context::<M>() {
            Some(context) => Some(context),
            None => self.make_context::<M>(),
        }
    }

    #[inline(never)]
    fn make_context<M: HttpModule>(self) -> Option<&'r M::Context> {
        let earlier = self.earlier_contexts::<M>().next();
        let slot = || ContextSlot::<M> {
            module: M::module(),
            request: self.as_ptr(),
            context: M::Context::default(),
            hooks: RequestHooks::default(),
        };
        let slot = self.pool()?.place_with(slot, drop_slot::<M>);
        // SAFETY: null, or placed above, and from here on only lent shared.
        let context = &unsafe { slot.as_ref() }?.context;
        // SAFETY: `ctx` has an entry for each http module.
        unsafe { *self.read(|r| r.ctx).add(ctx_index::<M>()) = slot.cast() };
        if let Some(earlier) = earlier {
            M::redirected(earlier, context);
        }
        Some(context)
    }

    /// The module's context, if it has one yet.
    pub fn existing_context<M: HttpModule>(self) -> Option<&'r M::Context> {
        Some(&self.slot::<M>()?.context)
    }

    /// The contexts that the request had before internal redirects, the latest first.
    pub fn earlier_contexts<M: HttpModule>(
        self,
    ) -> impl Iterator<Item = &'r M::Context> + use<'r, M> {
        let current = self.slot::<M>().map(std::ptr::from_ref);
        // Only a redirected request can have had one.
        let pool = self.pool().filter(|_| self.is_internal());
        let cleanups = pool.into_iter().flat_map(|pool| pool.cleanups(drop_slot::<M>));
        cleanups.filter_map(move |data| {
            // Several modules' cleanups may be one function to the linker.
            // SAFETY: with that handler `context` has put a slot there; each begins with its module.
            if unsafe { *data.cast::<*const ngx_module_t>() } != M::module() {
                return None;
            }
            // SAFETY: a slot of this module, which is only ever lent shared.
            let slot = unsafe { &*data.cast::<ContextSlot<M>>() };
            let is_earlier = std::ptr::eq(slot.request, self.as_ptr())
                && current.is_none_or(|current| !std::ptr::eq(current, slot));
            is_earlier.then_some(&slot.context)
        })
    }

    /// What hooks keep about the request; none when memory is out.
    pub(crate) fn hooks<M: HttpModule>(self) -> Option<&'r RequestHooks> {
        self.context::<M>()?;
        self.existing_hooks::<M>()
    }

    /// The same, if there is something yet.
    pub(crate) fn existing_hooks<M: HttpModule>(self) -> Option<&'r RequestHooks> {
        Some(&self.slot::<M>()?.hooks)
    }

    fn slot<M: HttpModule>(self) -> Option<&'r ContextSlot<M>> {
        // SAFETY: `ctx` has an entry for each http module; ours is null or what `context` placed there, and is only ever lent
        // shared.
        unsafe { (*self.read(|r| r.ctx).add(ctx_index::<M>())).cast::<ContextSlot<M>>().as_ref() }
    }
}

/// The cleanup of a slot, and what tells slots from all else that is in a pool.
unsafe extern "C" fn drop_slot<M: HttpModule>(data: *mut c_void) {
    boundary((), || {
        let slot = data.cast::<ContextSlot<M>>();
        // This makes it no function that also drops something else: the linker may fold equal ones.
        // SAFETY: `data` is the slot that `context` placed; nginx runs each cleanup once.
        if std::ptr::eq(unsafe { (*slot).module }, M::module()) {
            // SAFETY: as above.
            unsafe { slot.drop_in_place() };
        }
    });
}
