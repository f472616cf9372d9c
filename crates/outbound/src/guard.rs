//! The address guard: which URL may be requested, which address may be connected to.
//!
//! Pure: it resolves nothing. The client asks it about the URL of every hop, the resolver about every
//! address that a name has.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use url::{Host, Url};

use crate::OutboundError;
use crate::config::{HostRule, without_root_dot};

const PRIVATE: &str = "it is in a private network";
const LOOPBACK: &str = "it is this machine";
const LINK_LOCAL: &str = "it is a link-local address";
const RESERVED: &str = "it is a reserved address";
const MULTICAST: &str = "it is a multicast address";
const EMBEDS_V4: &str = "it hides an IPv4 address";
const INTERNAL_NAME: &str = "it is an internal name";
const PLAIN_HTTP: &str = "plain http needs a host that the operator has allowed";

const BLOCKED_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, RESERVED),
    (Ipv4Addr::new(10, 0, 0, 0), 8, PRIVATE),
    (Ipv4Addr::new(100, 64, 0, 0), 10, PRIVATE),
    (Ipv4Addr::new(127, 0, 0, 0), 8, LOOPBACK),
    (Ipv4Addr::new(169, 254, 0, 0), 16, LINK_LOCAL),
    (Ipv4Addr::new(172, 16, 0, 0), 12, PRIVATE),
    (Ipv4Addr::new(192, 0, 0, 0), 24, RESERVED),
    (Ipv4Addr::new(192, 168, 0, 0), 16, PRIVATE),
    (Ipv4Addr::new(198, 18, 0, 0), 15, RESERVED),
    (Ipv4Addr::new(224, 0, 0, 0), 4, MULTICAST),
    (Ipv4Addr::new(240, 0, 0, 0), 4, RESERVED),
];

const BLOCKED_V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, RESERVED),
    (Ipv6Addr::LOCALHOST, 128, LOOPBACK),
    // What was once IPv4-compatible, and is nobody's any longer.
    (Ipv6Addr::UNSPECIFIED, 96, EMBEDS_V4),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, EMBEDS_V4),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, EMBEDS_V4),
    // NAT64 within an organisation: the address inside can stand at any of several places.
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, EMBEDS_V4),
    // Teredo, which hides its addresses inside out.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, EMBEDS_V4),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, EMBEDS_V4),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, PRIVATE),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, LINK_LOCAL),
    // Site-local: what private networks had before fc00::/7.
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, PRIVATE),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, MULTICAST),
];

/// How a permitted hop may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Only to addresses that [`Guard::check_address`] permits.
    Guarded,
    /// The operator allowed the host: to whatever its name resolves to.
    Trusted,
}

/// The rules, with the operator's exceptions.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) allow: Vec<HostRule>,
    pub(crate) allow_loopback: bool,
}

impl Guard {
    /// How a URL that is permitted may be connected to.
    pub(crate) fn route(&self, url: &Url) -> Route {
        let allowed = url.host().is_some_and(|host| {
            self.allow.iter().any(|rule| rule.matches(&host, url.port_or_known_default()))
        });
        if allowed { Route::Trusted } else { Route::Guarded }
    }

    /// Decides on the URL of one hop, before anything is resolved.
    pub(crate) fn check_url(&self, url: &Url) -> Result<(), OutboundError> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(OutboundError::InvalidUrl { reason: "its scheme must be https" });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::InvalidUrl { reason: "it must not carry credentials" });
        }
        let host = url.host().ok_or(OutboundError::InvalidUrl { reason: "it has no host" })?;
        // Hosts with quotes or braces and overlong URLs are URLs by the standard, but cannot be sent.
        if url.as_str().parse::<Uri>().is_err() {
            return Err(OutboundError::InvalidUrl { reason: "it is too long or has a forbidden character" });
        }
        if self.route(url) == Route::Trusted || (self.allow_loopback && is_loopback(&host)) {
            return Ok(());
        }
        let reason = blocked_host(&host).or((url.scheme() == "http").then_some(PLAIN_HTTP));
        match reason {
            Some(reason) => Err(OutboundError::Blocked { host: host.to_string(), reason }),
            None => Ok(()),
        }
    }

    /// Decides on one address that `name` resolves to, on a [`Route::Guarded`] hop.
    ///
    /// A `localhost` name that is allowed must stay on this machine; any other name must not reach it.
    pub(crate) fn check_address(&self, name: &str, address: IpAddr) -> Result<(), &'static str> {
        if self.allow_loopback && is_localhost(name) {
            return if address.is_loopback() { Ok(()) } else { Err("its name stands for this machine only") };
        }
        match blocked_address(address) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }
}

fn blocked_host(host: &Host<&str>) -> Option<&'static str> {
    match host {
        Host::Domain(name) if is_localhost(name) => Some(LOOPBACK),
        Host::Domain(name) if is_in_domain(name, "internal") => Some(INTERNAL_NAME),
        Host::Domain(_) => None,
        Host::Ipv4(address) => blocked_v4(*address),
        Host::Ipv6(address) => blocked_v6(*address),
    }
}

fn blocked_address(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => blocked_v4(address),
        IpAddr::V6(address) => blocked_v6(address),
    }
}

fn blocked_v4(address: Ipv4Addr) -> Option<&'static str> {
    BLOCKED_V4
        .iter()
        .find(|(network, prefix, _)| (address.to_bits() ^ network.to_bits()) >> (32 - prefix) == 0)
        .map(|(_, _, reason)| *reason)
}

fn blocked_v6(address: Ipv6Addr) -> Option<&'static str> {
    let (_, _, reason) = BLOCKED_V6
        .iter()
        .find(|(network, prefix, _)| (address.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0)?;
    // The address inside says more about why than the form that hides it.
    embedded_v4(address).and_then(blocked_v4).or(Some(reason))
}

/// The IPv4 address inside a v4-mapped, a v4-compatible, a NAT64 or a 6to4 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(from_segments(g, h)),
        // Neither `::` nor `::1` is one.
        [0, 0, 0, 0, 0, 0] if g != 0 => Some(from_segments(g, h)),
        [0x2002, high, low, ..] => Some(from_segments(high, low)),
        _ => None,
    }
}

fn from_segments(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_localhost(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn is_localhost(name: &str) -> bool {
    is_in_domain(name, "localhost")
}

fn is_in_domain(name: &str, domain: &str) -> bool {
    let name = without_root_dot(name);
    match name.len().checked_sub(domain.len()) {
        Some(at) => {
            name.is_char_boundary(at)
                && name[at..].eq_ignore_ascii_case(domain)
                && (at == 0 || name[..at].ends_with('.'))
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
