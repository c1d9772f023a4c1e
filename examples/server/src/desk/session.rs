//! Who may use the desk: requests with one of its hosts and the cookie of the session, for which
//! the token is exchanged. All ports of a host share their cookies, so the token is not in one.

use std::net::SocketAddr;
use std::time::Duration;

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

use super::page::PageError;
use super::{Desk, Shared};

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

#[derive(Deserialize)]
pub struct SignIn {
    token: String,
}

pub fn parse_origin(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.path() == "/");
    url.filter(|url| url.query().is_none()).ok_or("write an origin, as in https://desk.example.com")
}

/// Returns the origins under which browsers open the desk. `host` is what it listens on.
pub fn origins(host: &str, address: SocketAddr, others: Vec<Url>) -> Vec<Url> {
    let port = address.port();
    let own = [address.to_string(), format!("{host}:{port}"), format!("localhost:{port}")];
    // An IPv6 address without brackets is no name, and known as the address.
    let own = own.iter().filter_map(|host| Url::parse(&format!("http://{host}")).ok());
    own.chain(others).collect()
}

impl Desk {
    /// Finds the origin of a request by its `Host`. A site whose name is made to resolve to this
    /// address has another one.
    fn origin(&self, headers: &HeaderMap) -> Option<&Url> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next()?.to_str().ok().filter(|_| hosts.next().is_none())?;
        self.origins.iter().find(|origin| origin.authority().eq_ignore_ascii_case(host))
    }

    /// Returns the cookie, and its attributes that depend on the origin.
    fn cookie(&self, headers: &HeaderMap) -> (String, &'static str) {
        let Self { port, session, .. } = self;
        match self.origin(headers).map(Url::scheme) {
            Some("https") => (format!("__Host-tawk-desk-{port}={session}"), "; Secure"),
            _ => (format!("tawk-desk-{port}={session}"), ""),
        }
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let (expected, _) = self.cookie(headers);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
        cookies.flat_map(|cookies| cookies.split("; ")).any(|cookie| is_equal(cookie, &expected))
    }

    /// Sets the cookie if the token is right, and removes the token from the URL.
    async fn sign_in(&self, token: &str, headers: &HeaderMap) -> Result<Response, PageError> {
        if !is_equal(&self.token, token.trim()) {
            sleep(FAILURE_DELAY).await;
            return Err(PageError::new(StatusCode::UNAUTHORIZED, "This is not the token."));
        }
        let (cookie, attributes) = self.cookie(headers);
        let cookie = format!("{cookie}; Path=/; HttpOnly; SameSite=Strict{attributes}");
        let headers = [(header::SET_COOKIE, &*cookie), (header::LOCATION, "/")];
        Ok((StatusCode::SEE_OTHER, headers).into_response())
    }
}

pub fn random_hex() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn is_equal(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Rejects other hosts with 421, exchanges the token of a link for the cookie, asks requests
/// without the cookie for the token, and adds the headers of all responses.
pub async fn protect(State(desk): Shared, request: Request, next: Next) -> Response {
    const WRONG_HOST: &str = "The desk has another host. Add this one to DESK_ALLOWED_HOSTS.";
    let headers = request.headers();
    let is_public = ["/sign-in", "/style.css", "/script.js"].contains(&request.uri().path());
    let result = if desk.origin(headers).is_none() {
        Err(PageError::new(StatusCode::MISDIRECTED_REQUEST, WRONG_HOST))
    } else if let Ok(Query(SignIn { token })) = Query::try_from_uri(request.uri()) {
        desk.sign_in(&token, headers).await
    } else if is_public || desk.has_session(headers) {
        Ok(next.run(request).await)
    } else {
        Err(PageError::new(StatusCode::UNAUTHORIZED, "Enter the token."))
    };
    let mut response = result.into_response();
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

pub async fn sign_in(
    State(desk): Shared,
    headers: HeaderMap,
    Form(SignIn { token }): Form<SignIn>,
) -> Result<Response, PageError> {
    desk.sign_in(&token, &headers).await
}
