//! [`Channels`]: where notifications go. Another kind of channel is a file with a [`Channel`] in
//! it, and a scheme in [`channel`] here.

use std::sync::Arc;

use http::Uri;
use http::uri::Scheme;
use sha2::{Digest, Sha256};

use super::channel::{Channel, WRONG_ADDRESS};
use super::endpoint::split_user;
use super::ntfy::Ntfy;
use super::post::Post;
use crate::config::ConfigError;

/// Those of `NOTIFY_URL`, each under a name of its own. There is no `Debug`: an address may be a
/// secret.
pub(crate) struct Channels(Vec<(String, Arc<dyn Channel>)>);

impl Channels {
    /// One or several addresses, separated by commas; none where `setting` is empty.
    ///
    /// # Errors
    ///
    /// When an address cannot be used. It is named by its position.
    pub(crate) fn parse(setting: &str) -> Result<Self, ConfigError> {
        let mut channels = Vec::<(String, Arc<dyn Channel>)>::new();
        // Set to nothing is as good as not set: that is what an unfilled template leaves.
        if setting.trim().is_empty() {
            return Ok(Self(channels));
        }
        for (position, address) in (1..).zip(setting.split(',')) {
            let error =
                |what: &str| ConfigError::new(format!("address {position} in NOTIFY_URL: {what}"));
            let (name, channel) = channel(address.trim()).map_err(error)?;
            if channels.iter().any(|(other, _)| *other == name) {
                return Err(error("it is there twice; leave one out"));
            }
            channels.push((name, channel));
        }
        Ok(Self(channels))
    }

    /// For the database, the log and metrics.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Each with its name.
    pub(super) fn into_each(self) -> impl Iterator<Item = (String, Arc<dyn Channel>)> {
        self.0.into_iter()
    }

    #[cfg(test)]
    pub(super) fn get(&self, name: &str) -> Option<&dyn Channel> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, channel)| &**channel)
    }
}

fn channel(address: &str) -> Result<(String, Arc<dyn Channel>), &'static str> {
    // RFC 3986, section 2: what is not ASCII is percent-encoded.
    if !address.is_ascii() {
        return Err(WRONG_ADDRESS);
    }
    let uri: Uri = address.parse().map_err(|_| WRONG_ADDRESS)?;
    let name = name(address, &uri).ok_or(WRONG_ADDRESS)?;
    let channel: Arc<dyn Channel> = match uri.scheme_str().unwrap_or_default() {
        "https" => Arc::new(Post::new(Scheme::HTTPS, &uri)?),
        "http" => Arc::new(Post::new(Scheme::HTTP, &uri)?),
        "ntfys" => Arc::new(Ntfy::new(Scheme::HTTPS, &uri)?),
        "ntfy" => Arc::new(Ntfy::new(Scheme::HTTP, &uri)?),
        _ => return Err(WRONG_ADDRESS),
    };
    Ok((name, channel))
}

/// `host-` and the first 8 hex digits of the SHA-256 of the address, without its user and password:
/// the digits would else tell whoever reads them when they have guessed the password, and a new
/// password would make another channel of it.
fn name(address: &str, uri: &Uri) -> Option<String> {
    let (user, _) = split_user(uri.authority()?);
    let address = match user {
        Some(user) => address.replacen(&format!("{user}@"), "", 1),
        None => address.to_owned(),
    };
    let digest = Sha256::digest(address);
    let digits: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{}-{digits}", uri.host()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Request;
    use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};

    use super::*;
    use crate::config::Occasion;
    use crate::notify::message::Message;
    use crate::notify::payloads;

    fn names(setting: &str) -> Vec<String> {
        Channels::parse(setting).unwrap().names().map(str::to_owned).collect()
    }

    fn request(address: &str) -> Request<Bytes> {
        let channels = Channels::parse(address).unwrap();
        let channel = channels.get(&names(address)[0]).unwrap();
        channel.request(&Message::new(&payloads::one("08"), Occasion::AgentReply))
    }

    #[track_caller]
    fn error(setting: &str) -> String {
        match Channels::parse(setting) {
            Ok(_) => panic!("{setting} is taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_kind_is_posted_to_its_address() {
        for (address, uri) in [
            ("https://hooks.example.com/a/b?c=d%2Ce", "https://hooks.example.com/a/b?c=d%2Ce"),
            ("http://127.0.0.1:8065/hooks/x", "http://127.0.0.1:8065/hooks/x"),
            ("https://hooks.example.com", "https://hooks.example.com/"),
            ("HTTPS://hooks.example.com/a", "https://hooks.example.com/a"),
            ("ntfy://127.0.0.1:2586/shop", "http://127.0.0.1:2586/"),
            ("ntfys://[::1]/shop_1-A", "https://[::1]/"),
        ] {
            let request = request(address);
            assert_eq!(request.method(), "POST");
            assert_eq!(request.uri(), uri);
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
            assert_eq!(request.headers()[USER_AGENT], "tawk-listener");
            assert!(!request.headers().contains_key(AUTHORIZATION));
        }
    }

    #[test]
    fn user_and_password_go_into_a_header_and_leave_the_address() {
        for (address, uri, basic) in [
            ("https://user:text@h.example/a", "https://h.example/a", "Basic dXNlcjp0ZXh0"),
            ("ntfys://:tk_text@h.example:81/a", "https://h.example:81/", "Basic OnRrX3RleHQ="),
            ("ntfy://user@h.example/a", "http://h.example/", "Basic dXNlcjo="),
            // user@shop and p:ä,
            ("http://user%40shop:p%3A%C3%A4%2C@h/", "http://h/", "Basic dXNlckBzaG9wOnA6w6Qs"),
        ] {
            let request = request(address);
            assert_eq!(request.uri(), uri);
            assert_eq!(request.headers()[AUTHORIZATION], basic);
            assert!(request.headers()[AUTHORIZATION].is_sensitive());
        }
    }

    #[test]
    fn channels_have_names_that_stay_and_tell_nothing() {
        // printf %s https://hooks.example.com/services/T1/B2 | sha256sum
        let [slack, ntfy] = &names(
            "https://hooks.example.com/services/T1/B2, ntfys://user:text@ntfy.example.com/shop",
        )[..] else {
            panic!("two channels")
        };
        assert_eq!(slack, "hooks.example.com-b2d7990d");
        assert_eq!(ntfy, "ntfy.example.com-0d1410d5");
        assert_eq!(names("ntfys://user:other@ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_eq!(names("ntfys://ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_ne!(names("ntfys://ntfy.example.com/other"), [ntfy.as_str()]);
    }

    #[test]
    fn an_empty_setting_is_no_channel() {
        assert!(names("").is_empty());
        assert!(names(" ").is_empty());
        assert!(Channels::parse("http://h/").unwrap().get("h-00000000").is_none());
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_its_position_alone() {
        for (hidden, advice) in [
            ("", "write https://host/path"),
            ("hidden", "write https://host/path"),
            ("hidden.example/a", "write https://host/path"),
            ("hidden.example:443", "write https://host/path"),
            ("/hidden", "write https://host/path"),
            ("slack://hidden.example/a", "write https://host/path"),
            ("https://hidden.example/a b", "write https://host/path"),
            ("https://hidden.example/ä", "write https://host/path"),
            ("https:///hidden", "write"),
            ("https://:443/hidden", "write a host"),
            ("https://hidden@/a", "write"),
            ("https://hidden.example:99999/a", "a port from 0 to 65535"),
            ("https://hidden.example:/a", "a port from 0 to 65535"),
            ("https://hidden%3A:text@hidden.example/a", "a colon in it"),
            ("ntfy://hidden.example", "write ntfys://host/topic"),
            ("ntfy://hidden.example/", "write ntfys://host/topic"),
            ("ntfys://hidden.example/a/b", "write ntfys://host/topic"),
            ("ntfys://hidden.example/a?auth=x", "write ntfys://host/topic"),
            ("ntfys://hidden.example/h%C3%A9", "write ntfys://host/topic"),
        ] {
            let error = error(&format!("https://h.example/a,{hidden}"));
            assert!(error.starts_with("address 2 in NOTIFY_URL: "), "{error}");
            assert!(error.contains(advice), "{hidden}: {error}");
            assert!(!error.contains("hidden") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn an_address_that_is_there_twice_is_refused() {
        let twice = error("https://h.example/a,ntfy://h.example/a,https://h.example/a");
        assert_eq!(twice, "address 3 in NOTIFY_URL: it is there twice; leave one out");
        assert!(error("ntfy://a:b@h.example/a,ntfy://c:d@h.example/a").contains("twice"));
    }
}
