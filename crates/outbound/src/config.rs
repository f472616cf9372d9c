//! What the operator decides about the way out.

use std::net::Ipv6Addr;
use std::str::FromStr;
use std::time::Duration;

use url::Host;

use crate::OutboundError;

/// How the client behaves. Read once at start; nothing below reads the environment.
#[derive(Debug, Clone)]
pub struct OutboundConfig {
    /// Hosts that may be reached over plain http, and on addresses that are otherwise blocked.
    pub allow: Vec<HostRule>,
    /// Whether loopback addresses and `localhost` names may be reached, over http too. The local stack
    /// sets it; in Lambda the Runtime API listens there, so it must stay off.
    pub allow_loopback: bool,
    /// Limit for opening a connection, TLS included. Default 10 s.
    pub connect_timeout: Duration,
    /// Limit for one attempt, redirects and body included, unless the request has its own. Default 120 s.
    pub timeout: Duration,
    /// Limit for one response body, in bytes as received. Default 8 MiB.
    pub max_response_bytes: usize,
    /// Sent as `User-Agent` unless the request has its own.
    pub user_agent: String,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            allow_loopback: false,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(120),
            max_response_bytes: 8 * 1024 * 1024,
            user_agent: concat!("millrace/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A host that the operator allows: `ollama.lan`, `ollama.lan:11434`, `10.0.3.7:8080`, `[fd00::1]:443`.
///
/// Names and addresses match exactly, subdomains are not included; without a port, any port matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    host: Host<String>,
    port: Option<u16>,
}

impl HostRule {
    pub(crate) fn matches(&self, host: &Host<&str>, port: Option<u16>) -> bool {
        let same_host = match (&self.host, host) {
            (Host::Domain(rule), Host::Domain(name)) => rule == without_root_dot(name),
            (Host::Ipv4(rule), Host::Ipv4(address)) => rule == address,
            (Host::Ipv6(rule), Host::Ipv6(address)) => rule == address,
            _ => false,
        };
        same_host && (self.port.is_none() || self.port == port)
    }
}

impl FromStr for HostRule {
    type Err = OutboundError;

    fn from_str(text: &str) -> Result<Self, OutboundError> {
        let invalid =
            || OutboundError::Configuration { reason: format!("\"{text}\" is not a host or host:port") };
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self { host: Host::Ipv6(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().map_err(|_| invalid())?)),
            _ => (text, None),
        };
        // A wildcard parses as a name, but would match nothing.
        if host.contains('*') {
            return Err(invalid());
        }
        let host = Host::parse(without_root_dot(host)).map_err(|_| invalid())?;
        Ok(Self { host, port })
    }
}

/// `example.com.` is `example.com`: the root's dot must not make two names of one.
pub(crate) fn without_root_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn allows(rule: &str, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        rule.parse::<HostRule>().unwrap().matches(&url.host().unwrap(), url.port_or_known_default())
    }

    #[test]
    fn rules_match_exactly() {
        let cases = [
            ("ollama.lan", "http://ollama.lan:11434/", true),
            ("Ollama.LAN.", "http://ollama.lan/", true),
            ("ollama.lan", "http://OLLAMA.lan./", true),
            ("ollama.lan", "http://a.ollama.lan/", false),
            ("ollama.lan:11434", "http://ollama.lan:11434/", true),
            ("ollama.lan:11434", "http://ollama.lan/", false),
            ("ollama.lan:443", "https://ollama.lan/", true),
            ("ollama.lan:443", "https://ollama.lan:8443/", false),
            ("10.0.3.7:80", "http://10.0.3.7/", true),
            ("10.0.3.7", "http://0xa000307/", true),
            ("10.0.3.7", "http://10.0.3.8/", false),
            ("fd00::1", "http://[fd00:0::1]:8080/", true),
            ("[fd00::1]", "http://[fd00::1]/", true),
            ("[fd00::1]:8080", "http://[fd00::1]:8080/", true),
            ("[fd00::1]:8080", "http://[fd00::1]/", false),
        ];
        for (rule, url, expected) in cases {
            assert_eq!(allows(rule, url), expected, "{rule} for {url}");
        }
    }

    #[test]
    fn rules_that_are_no_host_are_refused() {
        for text in ["", "http://a", "a b", "a:port", "a:70000", "a/b", "user@a", "[fd00::1", "*"] {
            assert!(text.parse::<HostRule>().is_err(), "{text}");
        }
    }
}
