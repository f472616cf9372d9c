//! Where an installation is, and the key with which it is called.

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::exit::Failure;

/// Address of an installation: `http` or `https`, a host, and a path if the installation has one; without a slash at
/// its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Address(String);

impl Address {
    /// What `millrace local` serves unless it is told another port.
    pub fn local() -> Self {
        Self("http://127.0.0.1:7860".to_owned())
    }

    /// Reads an address.
    ///
    /// # Errors
    /// The sentence says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        Self::try_from(text.to_owned()).map_err(|why| Failure::usage(why).into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `host:port`, as the guard of outgoing requests has it.
    pub fn host_and_port(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let parts = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        parts.map(|(host, port)| format!("{host}:{port}")).unwrap_or_default()
    }

    /// Whether a key would leave this machine without encryption.
    pub fn is_exposed(&self) -> bool {
        let Ok(url) = Url::parse(&self.0) else { return false };
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        url.scheme() == "http" && !is_here
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("'{text}' is no address of an installation: {why}"));
        let Ok(url) = Url::parse(&text) else {
            return refused(
                "it has to be a URL such as https://abc123.execute-api.eu-central-1.amazonaws.com",
            );
        };
        match url.scheme() {
            "http" | "https" if url.host_str().is_none_or(str::is_empty) => refused("it has no host"),
            // The password is not repeated.
            "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
                Err("the address of an installation has no user name and no password".to_owned())
            }
            "http" | "https" if url.query().is_some() || url.fragment().is_some() => {
                refused("it has to end before '?' and '#'")
            }
            "http" | "https" => Ok(Self(url.as_str().trim_end_matches('/').to_owned())),
            _ => refused("it has to begin with https:// or http://"),
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key. **It is never shown whole.**
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ApiKey(String);

impl ApiKey {
    /// Reads a key, without the white space around it.
    ///
    /// # Errors
    /// There is none, or it cannot stand in a header.
    pub fn parse(text: &str) -> Result<Self> {
        Self::try_from(text.trim().to_owned()).map_err(|why| Failure::usage(why).into())
    }

    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As much as tells keys apart: of a key of the installation the beginning, of a shorter text nothing.
    pub fn masked(&self) -> String {
        let shown = if self.0.len() >= 32 { &self.0[..8] } else { "" };
        format!("{shown}***")
    }
}

impl TryFrom<String> for ApiKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "" => Err("the key is empty".to_owned()),
            key if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the key has characters that a key cannot have".to_owned())
            }
            _ => Ok(Self(text)),
        }
    }
}

impl From<ApiKey> for String {
    fn from(key: ApiKey) -> Self {
        key.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_without_what_follows_its_path() {
        for (text, expected) in [
            ("http://127.0.0.1:7860", "http://127.0.0.1:7860"),
            ("https://API.example.com/", "https://api.example.com"),
            ("https://example.com/prod/", "https://example.com/prod"),
        ] {
            assert_eq!(Address::parse(text).unwrap().as_str(), expected);
        }
        for text in
            ["", "example.com", "localhost:7860", "ftp://a", "http://", "https://a?x=1", "https://a#b", "/x"]
        {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let error = Address::parse("https://me:canary@example.com").unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[test]
    fn the_guard_is_told_host_and_port() {
        for (text, expected) in [
            ("https://example.com/prod", "example.com:443"),
            ("http://10.0.0.7", "10.0.0.7:80"),
            ("http://[::1]:7860", "[::1]:7860"),
        ] {
            assert_eq!(Address::parse(text).unwrap().host_and_port(), expected);
        }
    }

    #[test]
    fn only_plain_http_to_other_machines_exposes_a_key() {
        for (text, expected) in [
            ("http://127.0.0.1:1", false),
            ("http://localhost:1", false),
            ("http://[::1]", false),
            ("https://example.com", false),
            ("http://example.com", true),
            ("http://10.0.0.7", true),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_exposed(), expected, "{text}");
        }
    }

    #[test]
    fn a_key_shows_its_beginning_at_most() {
        let key = ApiKey::parse(" sk-0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!((key.masked().as_str(), format!("{key:?}").as_str()), ("sk-01234***", "sk-01234***"));
        assert_eq!(ApiKey::parse("my-key").unwrap().masked(), "***");
        for text in ["", " \n", "two words", "k\u{e4}se", "a\nb"] {
            assert!(ApiKey::parse(text).is_err(), "{text:?}");
        }
    }
}
