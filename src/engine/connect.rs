//! The way to the target: addresses and TLS, prepared once for a run.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

use super::budget;
use super::clock::Clock;
use super::exchange::Fault;
use super::link::{Link, Spoken};
use super::stamped_io::{StampedIo, Stamps};
use crate::error::{Failure, Result};
use crate::record::FailureKind;
use crate::target::{HttpVersion, Target};
use crate::tls::client_config;
use crate::units::clean;

/// Everything a connection needs that can be made before the run: addresses and the TLS configuration.
#[derive(Clone)]
pub struct Route {
    addresses: Arc<[SocketAddr]>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    http: HttpVersion,
    limit: Option<Duration>,
    /// Addresses to connect from, in turn; `None` leaves the choice to the system.
    sources: Arc<[Option<IpAddr>]>,
    next_source: Arc<AtomicUsize>,
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
            Some((TlsConnector::from(Arc::new(client_config(&target.trust, target.http)?)), name))
        } else {
            None
        };
        Ok(Route {
            addresses,
            tls,
            http: target.http,
            limit: target.deadlines.connect,
            sources: Arc::new([None]),
            next_source: Arc::default(),
        })
    }

    /// The way for so many streams at a time: makes sure that descriptors and ports suffice.
    ///
    /// # Errors
    /// When they do not.
    pub fn wide(&self, streams: u64) -> Result<Self> {
        budget::descriptors(streams)?;
        let sources = budget::sources(&self.addresses[0], streams)?;
        Ok(Route { sources: sources.into(), ..self.clone() })
    }

    /// A TCP connection to the first address that answers.
    async fn dial(&self) -> std::io::Result<TcpStream> {
        let turn = self.next_source.fetch_add(1, Ordering::Relaxed);
        let Some(source) = self.sources[turn % self.sources.len()] else {
            return TcpStream::connect(&*self.addresses).await;
        };
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(self.addresses[0]).await
    }

    /// Sets up a connection: TCP, TLS and the HTTP preface, within the connect deadline.
    pub(super) async fn connect(&self, clock: &Rc<Clock>) -> std::result::Result<Link, Fault> {
        let begun = clock.now();
        let connecting = self.connect_unlimited(clock);
        let mut link = match self.limit {
            None => connecting.await?,
            Some(limit) => tokio::time::timeout(limit, connecting).await.map_err(|_| {
                Fault::new(FailureKind::Timeout, format!("no connection within {} s", limit.as_secs_f64()))
            })??,
        };
        link.connect_ns = Some(clock.now().saturating_sub(begun));
        Ok(link)
    }

    async fn connect_unlimited(&self, clock: &Rc<Clock>) -> std::result::Result<Link, Fault> {
        let refused = |error: std::io::Error| Fault::new(FailureKind::Connect, format!("cannot connect: {error}"));
        let stream = self.dial().await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let stamps = Stamps::new(stream, Rc::clone(clock));
        let io = StampedIo::new(Rc::clone(&stamps));
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
