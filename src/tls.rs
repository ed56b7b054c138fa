//! Whom to trust over TLS.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Failure, Result};
use crate::target::{HttpVersion, Target, Trust};

type Verdict<T> = std::result::Result<T, rustls::Error>;

/// The TLS configuration of a client: whom to trust and which HTTP versions to offer.
///
/// # Errors
/// When certificates cannot be read.
pub fn client_config(trust: &Trust, http: HttpVersion) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::bug("the TLS library lacks a protocol version").because(error))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anyone => Arc::new(Verifier { roots: None, provider }),
        Trust::Roots(path) => Arc::new(Verifier { roots: Some(Roots::open(path, &provider)?), provider }),
        Trust::Platform => Arc::new(rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
            Failure::files("the platform's root certificates cannot be read")
                .because(error)
                .hint("install the system's CA certificates, or name a PEM file with --ca-cert")
        })?),
    };
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = match http {
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
    };
    Ok(config)
}

/// Checks that the certificates which a target is to be held against can be read.
///
/// # Errors
/// When they cannot.
pub fn trusts(target: &Target) -> Result<()> {
    if target.is_tls() { client_config(&target.trust, target.http).map(drop) } else { Ok(()) }
}

/// The certificates of a PEM file.
#[derive(Debug)]
struct Roots {
    chains: Arc<WebPkiServerVerifier>,
    given: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn open(path: &Path, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let failed = |why: &str| {
            Failure::files(format!("--ca-cert {}: {why}", path.display()))
                .hint("give a PEM file with CERTIFICATE blocks")
        };
        let mut store = RootCertStore::empty();
        let mut given = Vec::new();
        let certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| failed("cannot be read").because(error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| failed("not PEM").because(error))?;
            store.add(certificate.clone()).map_err(|error| failed("not a certificate").because(error))?;
            given.push(certificate);
        }
        if store.is_empty() {
            return Err(failed("holds no certificate"));
        }
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .build()
            .map_err(|error| failed("cannot be used as roots").because(error))?;
        Ok(Roots { chains, given })
    }
}

/// Accepts what chains up to the given roots, and a server that shows one of them as its own: a self-signed certificate
/// as `openssl req -x509` makes it is marked as an authority, which no chain may end in. Without roots it accepts every
/// certificate; signatures of the handshake are checked all the same, so the peer holds the key it shows.
#[derive(Debug)]
struct Verifier {
    roots: Option<Roots>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Verdict<ServerCertVerified> {
        let Some(Roots { chains, given }) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        match chains.verify_server_cert(shown, between, name, stapled, now) {
            // Only where its use is what is objected to; its dates have been checked by then, its name is checked here.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(_))) if given.contains(shown) => {
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
    ) -> Verdict<HandshakeSignatureValid> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Verdict<HandshakeSignatureValid> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
