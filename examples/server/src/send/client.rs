//! [`Client`]: sends a delivery once, and waits for the answer as long as Tawk.to does.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::answer::{Answer, NoAnswer};
use super::delivery::{Delivery, EventId};
use super::fault::Fault;
use super::patient::Patient;
use super::target::Connector;
use super::unfinished::{self, Manner};

type BoxError = Box<dyn Error + Send + Sync>;

/// developer.tawk.to/webhooks.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The listener's own deadline for a body is 30 s too, and here its answer is waited for.
const TIME_LIMIT_WHEN_SLOW: Duration = Duration::from_secs(40);

/// Keeps its connection from one delivery to the next.
pub(super) struct Client {
    connector: Arc<Connector>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) const fn new(connector: Arc<Connector>) -> Self {
        Self { connector, connection: None }
    }

    /// The next delivery gets a new connection.
    pub(super) fn disconnect(&mut self) {
        self.connection = None;
    }

    pub(super) async fn post(&mut self, delivery: &Delivery, event_id: &EventId) -> Answer {
        let headers = delivery.headers(&self.connector.target.authority, event_id);
        let (limit, manner) = match delivery.fault {
            Some(Fault::Slow) => (TIME_LIMIT_WHEN_SLOW, Some(Manner::ByteByByte)),
            Some(Fault::Truncated) => (TIME_LIMIT, Some(Manner::CutOff)),
            _ => (TIME_LIMIT, None),
        };
        let exchange = async {
            match manner {
                Some(manner) => self.post_unfinished(headers, &delivery.body, manner).await,
                None => self.post_whole(headers, delivery.body.clone()).await,
            }
        };
        match timeout(limit, exchange).await {
            Ok(answer) => answer.map_err(|error| NoAnswer::because(&*error)),
            Err(_) => Err(NoAnswer::Late(limit)),
        }
    }

    async fn post_unfinished(
        &self,
        headers: HeaderMap,
        body: &[u8],
        manner: Manner,
    ) -> Result<StatusCode, BoxError> {
        let stream = self.connector.connect().await?;
        let path = self.connector.target.path();
        Ok(unfinished::post(stream, path, &headers, body, manner).await?)
    }

    async fn post_whole(
        &mut self,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<StatusCode, BoxError> {
        let mut request = Request::post(self.connector.target.path()).body(Full::new(body))?;
        *request.headers_mut() = headers;

        // It is put back only after a whole exchange: one that was given up halfway is dropped.
        let mut connection = self.connection().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        self.connection = Some(connection);
        Ok(status)
    }

    async fn connection(&mut self) -> Result<SendRequest<Full<Bytes>>, BoxError> {
        if let Some(mut connection) = self.connection.take()
            && connection.ready().await.is_ok()
        {
            return Ok(connection);
        }
        let stream = Patient::new(self.connector.connect().await?);
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tower_tawk::Secret;

    use super::*;
    use crate::send::delivery::EventIds;
    use crate::send::payloads;
    use crate::send::target::Target;

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_does_not_answer_is_given_up_as_tawk_to_does() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let connector = Arc::new(Connector::new(Target::parse(&url).unwrap()).unwrap());
        let secret = Secret::new("text").unwrap();
        let payload = payloads::select(&[]).unwrap().remove(0);
        for (fault, seconds) in [(None, 30), (Some(Fault::Truncated), 30), (Some(Fault::Slow), 40)]
        {
            let delivery = Delivery::new(payload.clone(), &secret, fault);
            let event_id = EventIds::new(None).of(1);
            let answer = Client::new(Arc::clone(&connector)).post(&delivery, &event_id).await;
            let Err(NoAnswer::Late(after)) = answer else { panic!("{answer:?}") };
            assert_eq!(after.as_secs(), seconds);
        }
    }
}
