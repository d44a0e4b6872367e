//! A socket, with or without TLS: both ends of the benchmark read and write it alike.

use std::error::Error;
use std::io::{self, IoSlice, Read, Write};
use std::path::Path;
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, RootCertStore, ServerConfig,
    ServerConnection,
};

/// A socket that does not block. With TLS, a read that gave less than was asked for does not mean that the socket is empty.
pub(crate) struct Transport {
    pub(crate) stream: TcpStream,
    /// Boxed, since most runs have none.
    tls: Option<Box<Connection>>,
    /// Whether the handshake was asked for already.
    is_told: bool,
}

impl Transport {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self { stream, tls: None, is_told: false }
    }

    /// The client's end, to a server at an address whose certificate has it.
    pub(crate) fn client(stream: TcpStream, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
        let tls = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self { stream, tls: Some(Box::new(tls.into())), is_told: false })
    }

    /// The server's end.
    pub(crate) fn server(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self { stream, tls: Some(Box::new(tls.into())), is_told: false })
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// How the handshake went, once, as soon as that is known.
    pub(crate) fn handshake(&mut self) -> Option<HandshakeKind> {
        let kind = match &self.tls {
            Some(tls) if !self.is_told && !tls.is_handshaking() => tls.handshake_kind()?,
            _ => return None,
        };
        self.is_told = true;
        Some(kind)
    }

    /// Runs `take` on what TLS buffers, once what was written before has left as far as the socket takes it.
    fn write_with(
        &mut self,
        take: impl FnOnce(&mut dyn Write) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return take(&mut self.stream) };
        send(tls, &mut self.stream)?;
        let count = take(&mut tls.writer())?;
        send(tls, &mut self.stream)?;
        if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }
}

/// Sends what TLS has for the peer, as far as the socket takes it.
fn send(tls: &mut Connection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            let processed = tls.process_new_packets();
            // The handshake's next message, or the alert that says why there is none.
            send(tls, &mut self.stream)?;
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_with(|writer| writer.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|writer| writer.write_vectored(slices))
    }

    /// What the socket does not take now is left for the next call.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => send(tls, &mut self.stream),
            None => Ok(()),
        }
    }
}

/// What clients trust; without `resume` each of their handshakes is a full one.
pub(crate) fn client_config(ca: &Path, resume: bool) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca)? {
        roots.add(certificate?)?;
    }
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    if !resume {
        config.resumption = Resumption::disabled();
    }
    Ok(Arc::new(config))
}

/// A server's certificate and key, with tickets for those who come again.
pub(crate) fn server_config(
    certificate: &Path,
    key: &Path,
) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
