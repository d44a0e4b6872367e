//! Sockets: binds an origin's address and serves HTTP/1.1 on it, with TLS or without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
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
}

impl OriginServer {
    /// Takes the port, so that from here on no connection is refused.
    pub(crate) async fn bind(
        config: &OriginConfig,
        service: S3Service,
        tls: Option<TlsAcceptor>,
        log: Arc<RequestLog>,
    ) -> Result<Self, StartFailure> {
        let failure = |e: io::Error| format!("cannot listen on {}: {e}", config.listen);
        let listener = TcpListener::bind(config.listen).await.map_err(failure)?;
        let address = listener.local_addr().map_err(failure)?;
        let connection = ServedConnection { log, name: config.name.as_str().into(), service };
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
        match tls {
            None => self.serve(TokioIo::new(socket), watcher).await,
            Some(acceptor) => {
                if let Ok(socket) = acceptor.accept(socket).await {
                    self.serve(TokioIo::new(socket), watcher).await;
                }
            }
        }
    }

    async fn serve<T>(self, socket: T, watcher: Watcher)
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    {
        let answer = service_fn(move |request| self.clone().answer(request));
        let _ = watcher.watch(http1::Builder::new().serve_connection(socket, answer)).await;
    }

    async fn answer(
        self,
        request: hyper::Request<Incoming>,
    ) -> Result<s3s::HttpResponse, s3s::HttpError> {
        let (head, body) = request.into_parts();
        let entry = self.log.entry(&self.name, &head);
        let request = hyper::Request::from_parts(head, s3s::Body::from(body));
        let outcome = self.service.call(request).await;
        self.log.write(entry, outcome.as_ref().ok().map(|response| response.status()));
        outcome
    }
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
