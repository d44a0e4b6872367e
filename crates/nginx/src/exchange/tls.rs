//! TLS as a client, with the settings of a `proxy_pass` (`proxy_ssl_*`).

use std::ffi::{CStr, CString, c_long, c_void};
use std::fmt;
use std::ptr::NonNull;

use ngx::ffi::{
    NGX_AGAIN, NGX_OK, NGX_SSL_BUFFER, NGX_SSL_CLIENT, SSL_ctrl, SSL_get_verify_result,
    X509_verify_cert_error_string, ngx_addr_t, ngx_connection_t, ngx_http_upstream_conf_t,
    ngx_int_t, ngx_ssl_check_host, ngx_ssl_create_connection, ngx_ssl_handshake, ngx_ssl_shutdown,
    ngx_ssl_t,
};

use crate::string::{bytes, string};

/// `SSL_CTRL_SET_TLSEXT_HOSTNAME` with `TLSEXT_NAMETYPE_host_name` (openssl/tls1.h), a macro in C.
const SET_HOST_NAME: i32 = 55;
/// `X509_V_OK`.
const VERIFIED: c_long = 0;

/// How a location reaches those that it proxies to.
#[derive(Clone)]
pub(crate) struct ClientSettings {
    pub(super) tls: Option<Tls>,
    /// What `proxy_bind` says, where that does not depend on the request; null without.
    pub(super) local: *mut ngx_addr_t,
}

/// How a location speaks TLS to those that it proxies to; in the memory of the cycle whose configuration has it.
#[derive(Clone)]
pub(super) struct Tls {
    /// Certificates, protocols, ciphers.
    ssl: NonNull<ngx_ssl_t>,
    /// `proxy_ssl_name`, where that is a plain text.
    fixed_name: Option<String>,
    /// Whether the name is sent (SNI).
    sends_name: bool,
    /// Whether the certificate must be valid for the name.
    verifies: bool,
    /// Whether the client's certificate depends on the request, so that nobody else has one.
    pub(super) needs_request: bool,
}

/// Why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The certificate is for another name.
    CertificateName,
    /// The certificate is not trusted, or not valid now; the number is OpenSSL's (`X509_V_ERR_*`).
    Certificate(c_long),
    /// The server broke the handshake off, or does not speak TLS.
    Handshake,
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsFailure::Certificate(code) => {
                // SAFETY: OpenSSL answers every number with a text of its own.
                let text = unsafe { CStr::from_ptr(X509_verify_cert_error_string(*code)) };
                write!(f, "{}", text.to_string_lossy())
            }
            TlsFailure::CertificateName => f.write_str("certificate for another name"),
            TlsFailure::Handshake => f.write_str("no TLS handshake"),
        }
    }
}

/// How far a handshake is.
pub(super) enum Step {
    Again,
    Done,
    Failed(TlsFailure),
}

type Handler = unsafe extern "C" fn(*mut ngx_connection_t);

impl Tls {
    /// Of a location of the cycle that is being read; none where it proxies without TLS.
    pub(super) fn of_location(conf: &ngx_http_upstream_conf_t) -> Option<Self> {
        let ssl = NonNull::new(conf.ssl)?;
        // The structure is there before it is known whether it will be used (ngx_http_proxy_merge_ssl).
        // SAFETY: a structure of the cycle's pool.
        if unsafe { ssl.as_ref() }.ctx.is_null() {
            return None;
        }
        // SAFETY: null or a value that was compiled for this configuration.
        let name = unsafe { conf.ssl_name.as_ref() };
        let fixed_name = name.filter(|name| name.lengths.is_null());
        // SAFETY: in the cycle's pool.
        let fixed_name = fixed_name.map(|name| unsafe { bytes(&name.value) });
        // SAFETY: as for the name.
        let certificates =
            unsafe { [conf.ssl_certificate.as_ref(), conf.ssl_certificate_key.as_ref()] };
        Some(Tls {
            ssl,
            fixed_name: fixed_name.map(|name| String::from_utf8_lossy(name).into_owned()),
            sends_name: conf.ssl_server_name == 1,
            verifies: conf.ssl_verify == 1,
            needs_request: certificates.into_iter().flatten().any(|value| !value.lengths.is_null()),
        })
    }

    /// The session with the server `name`, unless the configuration says what the name is.
    pub(super) fn with_server(self, name: &str) -> Session {
        let name = self.fixed_name.clone().unwrap_or_else(|| name.to_owned());
        // As nginx does it (ngx_http_upstream_ssl_name): without the port.
        let name = match name.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host.to_owned(),
            _ => name,
        };
        Session { tls: self, name }
    }
}

/// A session with one server.
#[derive(Clone)]
pub(super) struct Session {
    tls: Tls,
    name: String,
}

impl Session {
    /// Begins the handshake, or looks how it went; `handler` is called when it has ended after [`Step::Again`].
    ///
    /// # Safety
    ///
    /// `c` must be a live connection with a pool, of a process that serves the cycle whose settings these are.
    pub(super) unsafe fn handshake(&self, c: *mut ngx_connection_t, handler: Handler) -> Step {
        // SAFETY: the caller's promise; `ssl` is null until a session was made.
        let begins = unsafe { (*c).ssl.is_null() };
        if begins {
            let flags = (NGX_SSL_BUFFER | NGX_SSL_CLIENT) as usize;
            // SAFETY: as ngx_http_upstream_ssl_init_connection does it.
            let code = unsafe { ngx_ssl_create_connection(self.tls.ssl.as_ptr(), c, flags) };
            // SAFETY: as above.
            if code != NGX_OK as ngx_int_t || !unsafe { self.send_name(c) } {
                return Step::Failed(TlsFailure::Handshake);
            }
            // SAFETY: as above.
            let code = unsafe { ngx_ssl_handshake(c) };
            if code == NGX_AGAIN as ngx_int_t {
                // SAFETY: the session was made.
                unsafe { (*(*c).ssl).handler = Some(handler) };
                return Step::Again;
            }
        }
        // SAFETY: the session was made.
        if unsafe { (*(*c).ssl).handshaked() } == 0 {
            return Step::Failed(TlsFailure::Handshake);
        }
        // SAFETY: as above.
        unsafe { self.verify(c) }
    }

    /// Whether the name could be set, where it is to be sent. An address is none (RFC 6066, 3).
    ///
    /// # Safety
    ///
    /// `c` must have a session.
    unsafe fn send_name(&self, c: *mut ngx_connection_t) -> bool {
        let is_address =
            self.name.parse::<std::net::IpAddr>().is_ok() || self.name.starts_with('[');
        if !self.tls.sends_name || is_address || self.name.is_empty() {
            return true;
        }
        let Ok(name) = CString::new(self.name.as_bytes()) else { return false };
        let pointer = name.as_ptr().cast_mut().cast::<c_void>();
        // SAFETY: the caller's promise; OpenSSL copies the name.
        unsafe { SSL_ctrl((*(*c).ssl).connection, SET_HOST_NAME, 0, pointer) == 1 }
    }

    /// Both checks are the caller's to make: nginx's callback accepts every certificate (ngx_ssl_verify_callback).
    ///
    /// # Safety
    ///
    /// `c` must have an established session.
    unsafe fn verify(&self, c: *mut ngx_connection_t) -> Step {
        if !self.tls.verifies {
            return Step::Done;
        }
        // SAFETY: the caller's promise.
        let result = unsafe { SSL_get_verify_result((*(*c).ssl).connection) };
        if result != VERIFIED {
            return Step::Failed(TlsFailure::Certificate(result));
        }
        let mut name = string(self.name.as_bytes());
        // SAFETY: as above; nginx only reads the name.
        let code = unsafe { ngx_ssl_check_host(c, &raw mut name) };
        if code == NGX_OK as ngx_int_t {
            Step::Done
        } else {
            Step::Failed(TlsFailure::CertificateName)
        }
    }
}

/// Ends the session of a connection that is about to be closed, without a word to the server.
///
/// # Safety
///
/// `c` must be a live connection with a session.
pub(super) unsafe fn end(c: *mut ngx_connection_t) {
    // SAFETY: the caller's promise. Of a connection that timed out ngx_ssl_shutdown takes no leave, so it ends at once.
    unsafe {
        (*c).set_timedout(1);
        ngx_ssl_shutdown(c);
    }
}
