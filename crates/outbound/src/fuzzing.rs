//! Ways in for `tests/fuzz`: addresses and statements that others wrote. Nothing that is deployed calls them.

use http::{HeaderMap, HeaderValue};
use url::Host;

use crate::guard::Guard;
use crate::{Access, Hop, OutboundError, Request, SqlDialect, SqlError, redirect, retry, sql};

/// The host that a URL names, where an operator who allowed none would let it through.
///
/// # Errors
/// What the guard or the reader of URLs has against it.
pub fn permitted(url: &str) -> Result<Host<String>, OutboundError> {
    let url = redirect::absolute(url)?;
    guard().check_url(&url)?;
    url.host().map(|host| host.to_owned()).ok_or(OutboundError::InvalidUrl { reason: "it has no host" })
}

/// Where an answer with this `Location` would lead from a permitted page, if it is let through.
///
/// # Errors
/// As [`permitted`].
pub fn redirected(location: &[u8]) -> Result<Option<Host<String>>, OutboundError> {
    let Ok(location) = HeaderValue::from_bytes(location) else { return Ok(None) };
    let headers = HeaderMap::from_iter([(http::header::LOCATION, location)]);
    let hop = Hop::first(&Request::get("https://a.example/dir/page"))?;
    let Some(next) = hop.next(302, &headers)? else { return Ok(None) };
    permitted(next.url.as_str()).map(Some)
}

/// Whether the guard lets a name be connected to at this address.
pub fn may_connect(name: &str, address: std::net::IpAddr) -> bool {
    guard().check_address(name, address).is_ok()
}

/// Reads a server's wish for when to come again.
pub fn retry_after(value: &[u8]) -> Option<std::time::Duration> {
    let value = HeaderValue::from_bytes(value).ok()?;
    retry::retry_after(&HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]))
}

/// Whether a statement may be sent.
///
/// # Errors
/// What the scan has against it.
pub fn statement(dialect: SqlDialect, access: Access, text: &str) -> Result<(), SqlError> {
    sql::scan::check(dialect, access, text)
}

fn guard() -> Guard {
    Guard { allow: Vec::new(), allow_loopback: false }
}
