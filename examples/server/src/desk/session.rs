//! Who may use the desk: requests with one of its hosts and the cookie of a session, which the token
//! starts. Loopback cookies are shared by all ports of a host, so the token itself is none.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use askama::Template;
use axum::Form;
use axum::extract::{Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use parking_lot::Mutex;
use reqwest::Url;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::time::sleep;

use super::Desk;
use super::page::PageError;

const MIN_TOKEN_LENGTH: usize = 16;

/// Maximum number of sessions. The oldest ends when another one starts.
const MAX_SESSIONS: usize = 64;

/// Delay of the response to a wrong token. The right one is never delayed.
const FAILURE_DELAY: Duration = Duration::from_secs(1);

/// Headers of all responses. With `no-referrer`, browsers would send `Origin: null` with forms.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
];

pub struct Gate {
    token: String,
    port: u16,
    /// Values of `Host`, and whether browsers use HTTPS with them.
    hosts: Vec<(String, bool)>,
    sessions: Mutex<VecDeque<String>>,
}

#[derive(Deserialize)]
pub struct SignIn {
    token: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    is_wrong: bool,
}

impl Gate {
    /// Fails if the token is short, or one of `origins` is not an origin.
    pub fn new(token: String, address: SocketAddr, name: &str, origins: &[String]) -> Result<Self> {
        ensure!(
            token.len() >= MIN_TOKEN_LENGTH,
            "DESK_TOKEN is shorter than {MIN_TOKEN_LENGTH} characters; use a longer one"
        );
        let port = address.port();
        let names = [address.ip().to_string(), name.to_lowercase(), "localhost".to_owned()];
        let urls = names.map(|name| {
            if name.contains(':') {
                format!("http://[{name}]:{port}")
            } else {
                format!("http://{name}:{port}")
            }
        });
        let hosts = urls.iter().chain(origins).map(|origin| {
            parse_origin(origin.trim()).with_context(|| {
                format!("invalid origin in DESK_ALLOWED_HOSTS: {origin}; write https://HOST")
            })
        });
        Ok(Self { token, port, hosts: hosts.collect::<Result<_>>()?, sessions: Mutex::default() })
    }

    /// Returns whether browsers use HTTPS, or `None` if the desk has no such host. A site whose name
    /// is made to resolve to this address has another one.
    fn is_https(&self, headers: &HeaderMap) -> Option<bool> {
        let mut values = headers.get_all(HOST).iter();
        let host = values.next()?.to_str().ok().filter(|_| values.next().is_none())?;
        let known = self.hosts.iter().find(|(known, _)| known.eq_ignore_ascii_case(host))?;
        Some(known.1)
    }

    /// Browsers only accept `__Host-` with HTTPS.
    fn cookie(&self, is_https: bool) -> String {
        let prefix = if is_https { "__Host-" } else { "" };
        format!("{prefix}tawk-desk-{}", self.port)
    }

    fn has_session(&self, headers: &HeaderMap, is_https: bool) -> bool {
        let name = self.cookie(is_https);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut ids = cookies
            .flat_map(|cookies| cookies.split("; "))
            .filter_map(|cookie| cookie.strip_prefix(&name)?.strip_prefix('='));
        let sessions = self.sessions.lock();
        ids.any(|id| sessions.iter().any(|known| is_equal(known, id)))
    }

    /// Starts a session if the token is right, and removes the token from the URL.
    async fn sign_in(&self, token: &str, is_https: bool) -> Response {
        if !is_equal(&self.token, token.trim()) {
            sleep(FAILURE_DELAY).await;
            return unauthorized(true);
        }
        let id = random_hex();
        let secure = if is_https { "; Secure" } else { "" };
        let cookie = self.cookie(is_https);
        let cookie = format!("{cookie}={id}; Path=/; HttpOnly; SameSite=Strict{secure}");
        let mut sessions = self.sessions.lock();
        sessions.push_front(id);
        sessions.truncate(MAX_SESSIONS);
        (StatusCode::SEE_OTHER, [(SET_COOKIE, &*cookie), (LOCATION, "/")]).into_response()
    }
}

pub fn random_hex() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn is_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

fn parse_origin(text: &str) -> Option<(String, bool)> {
    let url = Url::parse(text).ok()?;
    let is_origin = url.origin().ascii_serialization() == url.as_str().trim_end_matches('/');
    let is_https = url.scheme() == "https";
    let host = url.as_str().split_once("://")?.1.trim_end_matches('/');
    (is_origin && (is_https || url.scheme() == "http")).then(|| (host.to_owned(), is_https))
}

fn unauthorized(is_wrong: bool) -> Response {
    let page = SignInPage { is_wrong }.render().unwrap_or_default();
    (StatusCode::UNAUTHORIZED, Html(page)).into_response()
}

/// Rejects other hosts with 421, and adds the headers of all responses.
pub async fn protect(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut response = match desk.gate.is_https(request.headers()) {
        Some(_) => next.run(request).await,
        None => PageError::UnknownHost.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets requests of a session pass, exchanges the token of a link, and asks others for it.
pub async fn authenticate(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let is_https = desk.gate.is_https(request.headers()).unwrap_or_default();
    if let Ok(Query(SignIn { token })) = Query::try_from_uri(request.uri()) {
        return desk.gate.sign_in(&token, is_https).await;
    }
    if desk.gate.has_session(request.headers(), is_https) {
        return next.run(request).await;
    }
    unauthorized(false)
}

pub async fn sign_in(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Form(SignIn { token }): Form<SignIn>,
) -> Response {
    let is_https = desk.gate.is_https(&headers).unwrap_or_default();
    desk.gate.sign_in(&token, is_https).await
}
