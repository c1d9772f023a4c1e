//! [`Channel`]: a way to tell somebody.

use bytes::Bytes;
use http::Request;

use super::message::Message;

/// What is asked of whom.
pub(crate) trait Channel: Send + Sync {
    /// Never fails, and says the same whenever the message is the same. The address of the request
    /// may be a secret.
    fn request(&self, message: &Message) -> Request<Bytes>;
}

/// What to do where an address is none.
pub(super) const WRONG_ADDRESS: &str = "write https://host/path, http://host/path, \
     ntfys://host/topic or ntfy://host/topic, with user:password@ before the host where one is \
     needed, and a comma in it as %2C";
