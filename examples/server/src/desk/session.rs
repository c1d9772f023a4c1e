//! Who may use the desk: requests with one of its hosts and the cookie of the session, for which the
//! token is exchanged. All ports of a host share their cookies, so the token is not in one.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Form;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::time::sleep;

use super::Shared;
use super::page::PageError;

/// Delay of the response to a wrong token. The right one is never delayed.
const FAILURE_DELAY: Duration = Duration::from_secs(1);

/// Headers of all responses. With `no-referrer`, browsers would send `Origin: null` with forms.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

pub struct Gate {
    token: String,
    port: u16,
    /// The origins under which browsers open the desk.
    origins: Vec<Url>,
    /// The value of the cookie, random at each start.
    session: String,
}

#[derive(Deserialize)]
pub struct SignIn {
    token: String,
}

impl Gate {
    pub fn new(token: String, name: &str, address: SocketAddr, others: &[String]) -> Result<Self> {
        ensure!(token.len() >= 16, "DESK_TOKEN is shorter than 16 characters; use a longer one");
        let port = address.port();
        let own = [address.to_string(), format!("{name}:{port}"), format!("localhost:{port}")];
        // An IPv6 address without brackets is no name, and known as the address.
        let own = own.iter().filter_map(|host| Url::parse(&format!("http://{host}")).ok());
        let others = others.iter().map(|origin| {
            let url = Url::parse(origin.trim()).ok();
            let url = url.filter(|url| ["http", "https"].contains(&url.scheme()));
            url.filter(|url| url.path() == "/" && url.query().is_none()).with_context(|| {
                format!("invalid origin in DESK_ALLOWED_HOSTS: {origin}; write https://HOST")
            })
        });
        let origins = own.map(Ok).chain(others).collect::<Result<_>>()?;
        Ok(Self { token, port, origins, session: random_hex() })
    }

    /// Finds the origin of a request by its `Host`, of which a site whose name is made to resolve to
    /// this address has another.
    fn origin(&self, headers: &HeaderMap) -> Option<&Url> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next()?.to_str().ok().filter(|_| hosts.next().is_none())?;
        self.origins.iter().find(|origin| origin.authority().eq_ignore_ascii_case(host))
    }

    /// Returns the name of the cookie, and its attributes that depend on the origin.
    fn cookie(&self, headers: &HeaderMap) -> (String, &'static str) {
        match self.origin(headers).map(Url::scheme) {
            Some("https") => (format!("__Host-tawk-desk-{}", self.port), "; Secure"),
            _ => (format!("tawk-desk-{}", self.port), ""),
        }
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let (name, _) = self.cookie(headers);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
        let expected = format!("{name}={}", self.session);
        cookies.flat_map(|cookies| cookies.split("; ")).any(|cookie| is_equal(cookie, &expected))
    }

    /// Sets the cookie if the token is right, and removes the token from the URL.
    async fn sign_in(&self, token: &str, headers: &HeaderMap) -> Response {
        if !is_equal(&self.token, token.trim()) {
            sleep(FAILURE_DELAY).await;
            return PageError::new(StatusCode::UNAUTHORIZED, "This is not the token.")
                .into_response();
        }
        let (name, attributes) = self.cookie(headers);
        let session = &self.session;
        let cookie = format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict{attributes}");
        let headers = [(header::SET_COOKIE, &*cookie), (header::LOCATION, "/")];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

pub fn random_hex() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn is_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Rejects other hosts with 421, exchanges the token of a link for the cookie, asks requests without
/// the cookie for the token, and adds the headers of all responses.
pub async fn protect(State(desk): Shared, request: Request, next: Next) -> Response {
    const WRONG_HOST: &str = "The desk has another host. Add this one to DESK_ALLOWED_HOSTS.";
    let (gate, headers) = (&desk.gate, request.headers());
    let is_public = ["/sign-in", "/style.css", "/script.js"].contains(&request.uri().path());
    let mut response = if gate.origin(headers).is_none() {
        PageError::new(StatusCode::MISDIRECTED_REQUEST, WRONG_HOST).into_response()
    } else if let Ok(Query(SignIn { token })) = Query::try_from_uri(request.uri()) {
        gate.sign_in(&token, headers).await
    } else if is_public || gate.has_session(headers) {
        next.run(request).await
    } else {
        PageError::new(StatusCode::UNAUTHORIZED, "Enter the token.").into_response()
    };
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

pub async fn sign_in(
    State(desk): Shared,
    headers: HeaderMap,
    Form(SignIn { token }): Form<SignIn>,
) -> Response {
    desk.gate.sign_in(&token, &headers).await
}
