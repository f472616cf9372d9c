//! Addresses that flows and pages name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use millrace_outbound::{HostRule, fuzzing};
use url::Host;

use crate::Target;

pub(super) const ADDRESS: Target = Target::of("address", address).words(&[
    "https://",
    "http://",
    "//",
    "@",
    ":",
    "/",
    "\\",
    "127.0.0.1",
    "0x7f.1",
    "017700000001",
    "2130706433",
    "[::1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::a00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25eth0]",
    "localhost",
    "localhost.",
    ".internal",
    "169.254.169.254",
    "10.0.0.1",
    "１２７",
    "。",
    "%31",
    "#",
    "?",
    ".",
    "a.example",
    "[fd00::1]",
    "[::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
]);

/// Whatever is let through is no address that leads inside, by the standard library's notion of such.
fn address(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for host in
        [fuzzing::permitted(&text), fuzzing::redirected(input).and_then(|host| host.ok_or_else(nowhere))]
            .into_iter()
            .flatten()
    {
        outside(&host);
    }
    if let Some(bytes) = input.first_chunk::<16>() {
        let address = IpAddr::V6(Ipv6Addr::from(*bytes));
        assert!(!fuzzing::may_connect("a.example", address) || is_outside(address), "{address}");
    }
    if let Some(bytes) = input.first_chunk::<4>() {
        let address = IpAddr::V4(Ipv4Addr::from(*bytes));
        assert!(!fuzzing::may_connect("a.example", address) || is_outside(address), "{address}");
    }
    let _ = fuzzing::retry_after(input);
    let _ = text.parse::<HostRule>();
}

fn nowhere() -> millrace_outbound::OutboundError {
    millrace_outbound::OutboundError::InvalidUrl { reason: "no redirect" }
}

fn outside(host: &Host<String>) {
    let address = match host {
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
        Host::Domain(name) => return named(name),
    };
    assert!(is_outside(address), "{address} was let through");
}

/// A name that is let through is none of this machine, and none that a resolver takes for an address.
fn named(name: &str) {
    let bare = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    assert!(bare != "localhost" && !bare.ends_with(".localhost") && !bare.ends_with(".internal"), "{name}");
    assert!(bare.parse::<IpAddr>().is_err() && !is_numeric(&bare), "{name} would be taken for an address");
}

/// One to four numbers, as C's `inet_aton` takes them.
fn is_numeric(name: &str) -> bool {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    name.split('.').count() <= 4 && name.split('.').all(number)
}

/// By the standard library's predicates, and for addresses within addresses.
fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => {
            let inner = address.to_ipv4().or_else(|| translated(address));
            let inside = address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local();
            !inside && inner.is_none_or(is_outside_v4)
        }
    }
}

/// The address that a translator or a relay would go to: NAT64 (both prefixes) and 6to4.
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at =
        |start: usize| Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3]);
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, 0, 0, 0, ..] => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let inside = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || a == 0
        || (a == 100 && (64..128).contains(&b));
    !inside
}
