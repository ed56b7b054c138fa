//! The way to the target: addresses and TLS, prepared once for a run.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::exchange::Fault;
use super::link::{Link, Spoken};
use super::stamped_io::{StampedIo, Stamps};
use crate::error::{Failure, Result};
use crate::record::{Epoch, FailureKind};
use crate::target::{HttpVersion, Target, Trust};
use crate::units::clean;

/// Everything a connection needs that can be made before the run: addresses and the TLS configuration.
#[derive(Clone)]
pub struct Route {
    addresses: Arc<[SocketAddr]>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http: HttpVersion,
    limit: Option<Duration>,
}

impl Route {
    /// Resolves the target's name and reads its certificates. The name is resolved once, so that no lookup falls into
    /// the timed part.
    ///
    /// # Errors
    /// When the name cannot be resolved, or certificates cannot be read.
    pub async fn to(target: &Target) -> Result<Self> {
        let endpoint = target.endpoint();
        let unknown = |why: String| {
            Failure::target(format!("{endpoint}: {why}"))
                .hint("check the host in --url, and that this machine can resolve it")
        };
        let addresses: Arc<[SocketAddr]> = tokio::net::lookup_host((target.host(), target.port()))
            .await
            .map_err(|error| unknown(format!("the name cannot be resolved: {}", clean(&error.to_string(), 200))))?
            .collect();
        if addresses.is_empty() {
            return Err(unknown("the name has no address".to_owned()));
        }
        let tls = if target.is_tls() {
            let name = ServerName::try_from(target.host().to_owned())
                .map_err(|_| unknown("not a name that a certificate can bear".to_owned()))?;
            Some((TlsConnector::from(Arc::new(client_config(target)?)), name))
        } else {
            None
        };
        Ok(Route { addresses, tls, http: target.http, limit: target.deadlines.connect })
    }

    /// Sets up a connection: TCP, TLS and the HTTP preface, within the connect deadline.
    pub(super) async fn connect(&self, epoch: Epoch) -> std::result::Result<Link, Fault> {
        let begun = epoch.elapsed_ns();
        let connecting = self.connect_unlimited(epoch);
        let mut link = match self.limit {
            None => connecting.await?,
            Some(limit) => tokio::time::timeout(limit, connecting).await.map_err(|_| {
                Fault::new(FailureKind::Timeout, format!("no connection within {} s", limit.as_secs_f64()))
            })??,
        };
        link.connect_ns = Some(epoch.elapsed_ns().saturating_sub(begun));
        Ok(link)
    }

    async fn connect_unlimited(&self, epoch: Epoch) -> std::result::Result<Link, Fault> {
        let refused = |error: std::io::Error| Fault::new(FailureKind::Connect, format!("cannot connect: {error}"));
        let stream = TcpStream::connect(&*self.addresses).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let stamps = Stamps::new(epoch);
        let io = StampedIo::new(stream, std::rc::Rc::clone(&stamps));
        match &self.tls {
            None => {
                let spoken = if self.http == HttpVersion::Http2 { Spoken::Http2 } else { Spoken::Http1 };
                Link::over(io, spoken, stamps).await
            }
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), io)
                    .await
                    .map_err(|error| Fault::new(FailureKind::Tls, format!("TLS handshake failed: {error}")))?;
                let agreed = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let spoken = if agreed || self.http == HttpVersion::Http2 { Spoken::Http2 } else { Spoken::Http1 };
                Link::over(stream, spoken, stamps).await
            }
        }
    }
}

fn client_config(target: &Target) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::bug("the TLS library lacks a protocol version").because(error))?;
    let mut config = match &target.trust {
        Trust::Anyone => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified(provider))).with_no_client_auth()
        }
        Trust::Roots(path) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(given_roots(path, provider)?))
            .with_no_client_auth(),
        Trust::Platform => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                Failure::files("the platform's root certificates cannot be read")
                    .because(error)
                    .hint("install the system's CA certificates, or name a PEM file with --ca-cert")
            })?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
    };
    config.alpn_protocols = match target.http {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(config)
}

/// Trust in the certificates of a PEM file.
fn given_roots(path: &Path, provider: Arc<CryptoProvider>) -> Result<Given> {
    let failed = |why: &str| {
        Failure::files(format!("--ca-cert {}: {why}", path.display())).hint("give a PEM file with CERTIFICATE blocks")
    };
    let mut store = RootCertStore::empty();
    let mut given = Vec::new();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed("cannot be read").because(error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed("not PEM").because(error))?;
        store.add(certificate.clone()).map_err(|error| failed("not a certificate").because(error))?;
        given.push(certificate);
    }
    if store.is_empty() {
        return Err(failed("holds no certificate"));
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| failed("cannot be used as roots").because(error))?;
    Ok(Given { chains, given })
}

/// Accepts what chains up to the given certificates, and a server that shows one of them as its own: a self-signed
/// certificate as `openssl req -x509` makes it is marked as an authority, which no chain may end in.
#[derive(Debug)]
struct Given {
    chains: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Given {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match self.chains.verify_server_cert(shown, between, name, stapled, now) {
            // Only where its use is what is objected to; its dates have been checked by then, its name is checked here.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))) if self.given.contains(shown) => {
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

/// Accepts every certificate. Signatures of the handshake are still checked, so the peer holds the key it shows.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
