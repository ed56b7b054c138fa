//! GET over connections of its own, with redirects that never carry a key elsewhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::config::Access;
use super::retry::{Trouble, after};
use crate::error::Result;
use crate::plan::Hub;
use crate::target::{HttpVersion, Trust};
use crate::tls::client_config;
use crate::units::clean;

/// Longest time for name, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest time until the head of an answer, and between two pieces of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// Redirects that are followed.
const HOPS: usize = 10;
/// Longest answer that is read into memory.
const LONGEST: usize = 64 << 20;
/// Longest part of a refusal that is shown.
const SHOWN: usize = 200;

type Asked<T> = std::result::Result<T, Trouble>;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Asks one hub.
pub(super) struct Client {
    tls: OnceLock<TlsConnector>,
    /// Who may see the key, and the headers that carry it.
    key: Option<(Origin, Vec<(HeaderName, HeaderValue)>)>,
    /// Why the key is not sent, where one is set.
    pub(super) withheld: Option<String>,
}

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

impl Origin {
    fn of(uri: &Uri) -> Option<Self> {
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Some(Origin { tls, host, port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }) })
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    }
}

/// An answer whose body is still to come. Dropping it closes the connection.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Incoming,
    _connection: Connection,
}

/// The task that drives a connection, which ends with it.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Client {
    pub(super) fn new(hub: Hub, access: &Access) -> Self {
        let origin = access.endpoint.parse().ok().as_ref().and_then(Origin::of);
        let mut client = Client { tls: OnceLock::new(), key: None, withheld: None };
        let (Some(token), Some(origin)) = (&access.token, origin) else { return client };
        let mut headers = vec![(AUTHORIZATION, format!("Bearer {}", token.expose()))];
        if hub == Hub::ModelScope {
            // Its file API knows the session of its website.
            headers.push((COOKIE, format!("m_session_id={}", token.expose())));
        }
        let sensitive = |(name, value): (HeaderName, String)| {
            let mut value: HeaderValue = value.parse().ok()?;
            value.set_sensitive(true);
            Some((name, value))
        };
        let headers: Option<Vec<_>> = headers.into_iter().map(sensitive).collect();
        match headers {
            None => client.withheld = Some("it has characters that a header cannot carry".to_owned()),
            Some(_) if !origin.tls && !origin.is_loopback() => {
                client.withheld = Some(format!("{} is reached without TLS", origin.host));
            }
            Some(headers) => client.key = Some((origin, headers)),
        }
        client
    }

    /// Asks for a JSON document.
    pub(super) async fn json(&self, url: &str) -> Asked<(serde_json::Value, HeaderMap)> {
        let answer = self.get(url, &[]).await?;
        let headers = answer.headers.clone();
        let bytes = answer.whole().await?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Trouble::Lasting(format!("the answer to {} is not JSON: {error}", bare(url))))?;
        Ok((value, headers))
    }

    /// Asks for anything and follows redirects to the answer. Success is a status of 200, 206 or 416.
    pub(super) async fn get(&self, url: &str, extra: &[(HeaderName, HeaderValue)]) -> Asked<Answer> {
        let mut uri: Uri =
            url.parse().map_err(|error| Trouble::Lasting(format!("{}: not an address: {error}", bare(url))))?;
        for _ in 0..=HOPS {
            let answer = self.hop(&uri, extra).await?;
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return if matches!(answer.status, 200 | 206 | 416) { Ok(answer) } else { Err(answer.refusal().await) };
            }
            uri = next(&uri, &answer.headers)?;
        }
        Err(Trouble::Lasting(format!("{} leads through more than {HOPS} redirects", bare(url))))
    }

    /// One request and the head of its answer.
    async fn hop(&self, uri: &Uri, extra: &[(HeaderName, HeaderValue)]) -> Asked<Answer> {
        let origin =
            Origin::of(uri).ok_or_else(|| Trouble::Lasting("a redirect leads to no web address".to_owned()))?;
        let host = uri.authority().map_or("", |authority| authority.as_str().rsplit('@').next().unwrap_or_default());
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut request = Request::get(path).header(HOST, host).header(USER_AGENT, AGENT);
        let key = self.key.iter().filter(|(of, _)| *of == origin).flat_map(|(_, headers)| headers);
        for (name, value) in key.chain(extra) {
            request = request.header(name, value);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| Trouble::Lasting(format!("{host}: no request can be made: {error}")))?;
        let broken = |error: hyper::Error| Trouble::Passing(format!("{host}: the connection broke: {error}"));
        let stream = timeout(CONNECT, self.connect(&origin))
            .await
            .map_err(|_| Trouble::Passing(format!("{host}: no connection within {} s", CONNECT.as_secs())))??;
        let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let connection = Connection(tokio::spawn(async move {
            // What breaks is seen by whoever waits for the answer.
            let _ = driver.await;
        }));
        let response = timeout(SILENCE, sender.send_request(request))
            .await
            .map_err(|_| Trouble::Passing(format!("{host}: no answer within {} s", SILENCE.as_secs())))?
            .map_err(broken)?;
        let (head, body) = response.into_parts();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, _connection: connection })
    }

    async fn connect(&self, origin: &Origin) -> Asked<Box<dyn Stream>> {
        let Origin { host, port, .. } = origin;
        let stream = TcpStream::connect((host.as_str(), *port))
            .await
            .map_err(|error| Trouble::Passing(format!("{host}:{port}: cannot connect: {error}")))?;
        if !origin.tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.clone())
            .map_err(|_| Trouble::Lasting(format!("{host}: not a name that a certificate can bear")))?;
        let connector = self.connector().map_err(|failure| Trouble::Lasting(failure.message))?;
        let stream = connector.connect(name, stream).await.map_err(|error| {
            let why = format!("{host}: TLS handshake failed: {error}");
            // What TLS itself objects to will not pass.
            if error.kind() == std::io::ErrorKind::InvalidData { Trouble::Lasting(why) } else { Trouble::Passing(why) }
        })?;
        Ok(Box::new(stream))
    }

    /// Reading the platform's certificates takes its time, so it is done when the first is to be checked.
    fn connector(&self) -> Result<TlsConnector> {
        if let Some(connector) = self.tls.get() {
            return Ok(connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(client_config(&Trust::Platform, HttpVersion::Http1)?));
        Ok(self.tls.get_or_init(|| connector).clone())
    }
}

const AGENT: &str = concat!("evalscope/", env!("CARGO_PKG_VERSION"));

impl Answer {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Asked<Option<Bytes>> {
        loop {
            let frame = timeout(SILENCE, self.body.frame())
                .await
                .map_err(|_| Trouble::Passing(format!("nothing came for {} s", SILENCE.as_secs())))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Trouble::Passing(format!("the connection broke: {error}"))),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// The whole body.
    async fn whole(mut self) -> Asked<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.piece().await? {
            if all.len() + bytes.len() > LONGEST {
                return Err(Trouble::Lasting(format!("an answer is longer than {} MiB", LONGEST >> 20)));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// What the hub says of a request that it refuses.
    async fn refusal(mut self) -> Trouble {
        let mut said = String::new();
        for name in ["x-error-code", "x-error-message"] {
            if let Some(text) = self.headers.get(name).and_then(|value| value.to_str().ok()) {
                said = if said.is_empty() { text.to_owned() } else { format!("{said}: {text}") };
            }
        }
        if said.is_empty()
            && let Ok(Some(bytes)) = self.piece().await
        {
            said = message(&bytes);
        }
        Trouble::Status { status: self.status, said: clean(&said, SHOWN), after: after(&self.headers) }
    }
}

/// What an error says of itself, where it is JSON as both hubs send it; nothing of a page for people.
fn message(bytes: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    ["error", "Message", "message"].iter().find_map(|key| value[*key].as_str()).unwrap_or_default().to_owned()
}

/// An address without its query, which may carry a signature.
pub(super) fn bare(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

/// Where a redirect leads.
fn next(from: &Uri, headers: &HeaderMap) -> Asked<Uri> {
    let host = from.host().unwrap_or_default();
    let lost = |why: &str| Trouble::Lasting(format!("{host}: {why}"));
    let to = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let to = to.ok_or_else(|| lost("a redirect leads nowhere"))?;
    let (scheme, authority) =
        (from.scheme_str().unwrap_or_default(), from.authority().map_or("", http::uri::Authority::as_str));
    let full = if to.contains("://") && !to.starts_with('/') {
        to.to_owned()
    } else if to.starts_with("//") {
        format!("{scheme}:{to}")
    } else if to.starts_with('/') {
        format!("{scheme}://{authority}{to}")
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{to}")
    };
    let full = full.split('#').next().unwrap_or_default();
    let uri: Uri = full.parse().map_err(|_| lost("a redirect leads to no web address"))?;
    let origin = Origin::of(&uri).ok_or_else(|| lost("a redirect leads to no web address"))?;
    if scheme == "https" && !origin.tls {
        return Err(lost("a redirect leads away from TLS"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Secret;

    #[test]
    fn redirects_are_resolved_and_never_leave_tls() {
        let from: Uri = Uri::from_static("https://h:1/a/b?q");
        for (to, expected) in [
            ("https://cdn/x?sig=1#f", Some("https://cdn/x?sig=1")),
            ("//cdn/x", Some("https://cdn/x")),
            ("/x", Some("https://h:1/x")),
            ("x", Some("https://h:1/a/x")),
            ("/x?to=http://e", Some("https://h:1/x?to=http://e")),
            ("http://h:1/x", None),
            ("file:///etc/passwd", None),
            ("", Some("https://h:1/a/")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(to));
            assert_eq!(next(&from, &headers).ok().map(|uri| uri.to_string()).as_deref(), expected, "{to}");
        }
        assert!(next(&from, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_key_goes_to_its_own_origin_over_tls_or_on_this_machine() {
        let client = |endpoint: &str| {
            let access = Access { endpoint: endpoint.to_owned(), token: Some(Secret::new("k")) };
            Client::new(Hub::HuggingFace, &access)
        };
        for (endpoint, sent) in [
            ("https://h", true),
            ("http://127.0.0.1:8", true),
            ("http://[::1]:8", true),
            ("http://localhost", true),
            ("http://h", false),
        ] {
            let client = client(endpoint);
            assert_eq!((client.key.is_some(), client.withheld.is_none()), (sent, sent), "{endpoint}");
        }
        let of = |url: &'static str| Origin::of(&Uri::from_static(url));
        assert_eq!(of("https://H/a"), of("https://h:443"));
        for other in ["http://h", "https://h:444", "https://h.evil", "https://evil/h"] {
            assert_ne!(of("https://h"), of(other), "{other}");
        }
    }
}
