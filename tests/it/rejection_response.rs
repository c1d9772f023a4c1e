//! Types accepted by `TawkSignatureLayer::rejection_response`.

use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::Empty;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{
    BufferedBody, EmptyResponse, Reason, Rejection, RejectionResponse, TawkSignatureLayer,
};

use crate::support::secret;

/// Sends an unsigned request, and checks that the response carries the rejection.
async fn reject<R, B>(rejection_response: R) -> Response<B>
where
    R: RejectionResponse<B> + Clone,
{
    let inner = async |_: Request<BufferedBody>| -> Result<Response<B>, Infallible> {
        panic!("the inner service was called")
    };
    let layer = TawkSignatureLayer::enforce(secret()).rejection_response(rejection_response);
    let service = ServiceBuilder::new().layer(layer).service_fn(inner);
    let request = Request::new(Empty::<bytes::Bytes>::new());
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 403);
    let rejection = response.extensions().get::<Rejection>().unwrap();
    assert_eq!(rejection.reason(), Some(&Reason::Missing));
    response
}

#[tokio::test]
async fn accepts_a_closure_with_an_annotated_argument() {
    let response = reject(|rejection: &Rejection| {
        rejection.response(format!("{rejection}; {}", rejection.status().as_u16()))
    });
    assert_eq!(response.await.body(), "request is not verified; 403");
}

#[tokio::test]
async fn accepts_a_function() {
    fn text(rejection: &Rejection) -> Response<&'static str> {
        rejection.response("rejected")
    }
    assert_eq!(*reject(text).await.body(), "rejected");
}

#[tokio::test]
async fn accepts_a_type() {
    #[derive(Clone)]
    struct Text(&'static str);

    impl RejectionResponse<String> for Text {
        fn rejection_response(&self, rejection: &Rejection) -> Response<String> {
            rejection.response(self.0.to_owned())
        }
    }
    assert_eq!(reject(Text("rejected")).await.body(), "rejected");
}

#[tokio::test]
async fn accepts_a_type_that_is_generic_over_the_body() {
    assert_eq!(reject::<_, String>(EmptyResponse).await.body(), "");
    assert!(reject::<_, Vec<u8>>(EmptyResponse).await.body().is_empty());
}
