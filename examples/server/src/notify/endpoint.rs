//! [`Endpoint`]: an address that JSON is posted to, and the credentials for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// An address may be a secret in itself, as those of Slack are: there is no `Debug`.
pub(super) struct Endpoint {
    uri: Uri,
    authorization: Option<HeaderValue>,
}

impl Endpoint {
    /// # Errors
    ///
    /// What is wrong with the host, the port or the credentials.
    pub(super) fn new(
        scheme: Scheme,
        authority: &Authority,
        path: PathAndQuery,
    ) -> Result<Self, &'static str> {
        let (user, host) = split_user(authority);
        let authorization = user.map(basic).transpose()?;
        let authority: Authority = host.parse().map_err(|_| WRONG_HOST)?;
        let has_wrong_port = authority.as_str() != authority.host() && authority.port().is_none();
        if authority.host().is_empty() || has_wrong_port {
            return Err(WRONG_HOST);
        }
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
        Ok(Self { uri: uri.build().map_err(|_| WRONG_HOST)?, authorization })
    }

    /// Its address is the whole one, with scheme and host. Log none of it: see above.
    pub(super) fn post(&self, json: &Value) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(json.to_string()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("tawk-listener"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

const WRONG_HOST: &str = "write a host behind its `//`, and a port from 0 to 65535 if one at all";

/// `user:password`, if there is one, and `host:port`.
pub(super) fn split_user(authority: &Authority) -> (Option<&str>, &str) {
    match authority.as_str().rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority.as_str()),
    }
}

/// RFC 7617, section 2, and percent-decoded: that is how a URL has what it cannot hold (RFC 3986,
/// section 2.1).
fn basic(user: &str) -> Result<HeaderValue, &'static str> {
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let mut credentials: Vec<u8> = percent_decode_str(user).collect();
    // What stands behind the first colon is the password.
    if credentials.contains(&b':') {
        return Err("a user name with a colon in it cannot be sent; use another");
    }
    credentials.push(b':');
    credentials.extend(percent_decode_str(password));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)));
    let mut value = value.map_err(|_| "the user name and password cannot be sent; use others")?;
    value.set_sensitive(true);
    Ok(value)
}
