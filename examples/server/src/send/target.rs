//! [`Target`]: where deliveries go, and how to connect there.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use http::header::HeaderValue;
use http::uri::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::trust;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// An `http` or `https` URL, taken apart.
#[derive(Clone)]
pub(super) struct Target {
    uri: Uri,
    host: String,
    port: u16,
    /// The `Host` header.
    pub(super) authority: HeaderValue,
    is_https: bool,
}

impl Target {
    /// # Errors
    ///
    /// What a URL should look like, when `url` is none that could be posted to.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        const EXAMPLE: &str = "give a URL such as http://127.0.0.1:8000/tawk-webhook";
        let uri: Uri = url.parse().map_err(|_| EXAMPLE)?;
        let is_https = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(EXAMPLE),
        };
        let authority = uri.authority().ok_or(EXAMPLE)?;
        if authority.as_str().contains('@') {
            return Err("give a URL without a user name: a webhook is authenticated by its \
                        signature");
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| EXAMPLE)?;
        Ok(Self { host, port, authority, is_https, uri })
    }

    /// What a request line names (RFC 9112, section 3.2.1).
    pub(super) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// Connects to a target.
pub(super) struct Connector {
    pub(super) target: Target,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Connector {
    /// # Errors
    ///
    /// For an `https` target, when the system has no certificates to check a listener's with, or
    /// when the host's name cannot stand in one.
    pub(super) fn new(target: Target) -> io::Result<Self> {
        let tls = if target.is_https {
            let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
            Some((TlsConnector::from(Arc::new(tls()?)), name))
        } else {
            None
        };
        Ok(Self { target, tls })
    }

    pub(super) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((self.target.host.as_str(), self.target.port)).await?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
            None => Box::new(stream),
        })
    }
}

fn tls() -> io::Result<ClientConfig> {
    let mut config = trust::client_config(trust::native_roots()?)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, host, port, path) in [
            ("http://127.0.0.1:8000/tawk-webhook", "127.0.0.1", 8000, "/tawk-webhook"),
            ("https://listener.example.com", "listener.example.com", 443, "/"),
            ("http://[::1]/a?b=c", "::1", 80, "/a?b=c"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.port, target.path()), (host, port, path));
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused() {
        for url in ["", "/tawk-webhook", "127.0.0.1:8000", "ftp://example.com/", "http://a@b/"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
