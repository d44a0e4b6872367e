//! Sockets: binds an origin's address and serves HTTP/1.1 on it, with TLS or without.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use s3s::service::S3Service;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::StartFailure;
use crate::args::{OriginConfig, TlsFiles};
use crate::fault::{self, Allowance, Fault, Socket};
use crate::request_log::RequestLog;

/// How long to wait after `accept` failed, most likely for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// An origin that owns its port and has not begun to serve.
pub(crate) struct OriginServer {
    address: SocketAddr,
    connection: ServedConnection,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// What every connection of one origin shares.
#[derive(Clone)]
struct ServedConnection {
    log: Arc<RequestLog>,
    name: Arc<str>,
    service: S3Service,
    /// Where a fault may be asked for.
    faults: Option<Arc<Path>>,
}

impl OriginServer {
    /// Takes the port, so that from here on no connection is refused.
    pub(crate) async fn bind(
        config: &OriginConfig,
        service: S3Service,
        tls: Option<TlsAcceptor>,
        log: Arc<RequestLog>,
        faults: Option<Arc<Path>>,
    ) -> Result<Self, StartFailure> {
        let failure = |e: io::Error| format!("cannot listen on {}: {e}", config.listen);
        let listener = TcpListener::bind(config.listen).await.map_err(failure)?;
        let address = listener.local_addr().map_err(failure)?;
        let connection =
            ServedConnection { log, name: config.name.as_str().into(), service, faults };
        Ok(Self { address, connection, listener, tls })
    }

    /// The name from the command line.
    pub(crate) fn name(&self) -> &str {
        &self.connection.name
    }

    /// The address with the port that was really taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the task is aborted; each connection is a task of its own that `connections` can end.
    pub(crate) async fn serve(self, connections: Arc<GracefulShutdown>) {
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let connection = self.connection.clone();
                    tokio::spawn(connection.run(socket, self.tls.clone(), connections.watcher()));
                }
                Err(error) => {
                    eprintln!("test-origin: accept on {}: {error}", self.address);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl ServedConnection {
    /// Serves one connection; that a peer went away or spoke nonsense concerns nobody else.
    async fn run(self, socket: TcpStream, tls: Option<TlsAcceptor>, watcher: Watcher) {
        // Answers go out at once: a small one would otherwise wait for the peer's delayed acknowledgement.
        let _ = socket.set_nodelay(true);
        let allowance = Allowance::unlimited();
        let socket = Socket::new(socket, allowance.clone());
        match tls {
            None => self.serve(TokioIo::new(socket), allowance, watcher).await,
            Some(acceptor) => {
                if let Ok(socket) = acceptor.accept(socket).await {
                    self.serve(TokioIo::new(socket), allowance, watcher).await;
                }
            }
        }
    }

    async fn serve<T>(self, socket: T, allowance: Allowance, watcher: Watcher)
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    {
        let answer = service_fn(move |request| self.clone().answer(request, allowance.clone()));
        let _ = watcher.watch(http1::Builder::new().serve_connection(socket, answer)).await;
    }

    async fn answer(
        self,
        request: hyper::Request<Incoming>,
        allowance: Allowance,
    ) -> Result<s3s::HttpResponse, s3s::HttpError> {
        let (head, body) = request.into_parts();
        let entry = self.log.entry(&self.name, &head);
        let request = hyper::Request::from_parts(head, s3s::Body::from(body));
        let outcome = match self.faults.as_deref().and_then(Fault::read) {
            Some(Fault::Answer { status, code }) => Ok(refuse(request, status, &code).await),
            fault => {
                let outcome = self.service.call(request).await;
                match fault {
                    Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
                    Some(Fault::Reset(bytes)) => allowance.limit(bytes),
                    _ => {}
                }
                outcome
            }
        };
        self.log.write(entry, outcome.as_ref().ok().map(|response| response.status()));
        outcome
    }
}

/// Reads the request, as an origin does before it judges, and answers with that error.
async fn refuse(request: s3s::HttpRequest, status: u16, code: &str) -> s3s::HttpResponse {
    let is_head = request.method() == hyper::Method::HEAD;
    let mut body = request.into_body();
    while let Some(Ok(_)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {}
    let document = if is_head { String::new() } else { fault::document(code) };
    let mut response = Response::new(s3s::Body::from(document));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/xml"));
    response
}

/// Loads certificate and key for all https listeners.
pub(crate) fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, StartFailure> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| format!("cannot read {}: {e}", files.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| format!("cannot read {}: {e}", files.key.display()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|e| format!("cannot use {}: {e}", files.certificate.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
