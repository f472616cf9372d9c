//! What needs a resolver of the test's own. All else is in `tests/`, over the public interface.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use futures::FutureExt;
use tokio::net::TcpListener;

use super::*;
use crate::{HostRule, TransportError};

/// A resolver that knows one answer for every name and counts how often it is asked.
fn resolving_to(addresses: &[&str]) -> (Lookup, Arc<AtomicUsize>) {
    let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let addresses = addresses.clone();
        async move { Ok(addresses) }.boxed()
    });
    (lookup, asked)
}

fn outbound(addresses: &[&str], allow: &[String], allow_loopback: bool) -> Outbound {
    let allow = allow.iter().map(|rule| rule.parse::<HostRule>().unwrap()).collect();
    let config = OutboundConfig { allow, allow_loopback, ..OutboundConfig::default() };
    Outbound::with_lookup(config, resolving_to(addresses).0).unwrap()
}

async fn stand_in() -> u16 {
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/closing", get(|| async { ([("connection", "close")], "bye") }))
        .route("/away", get(|| async { Redirect::temporary("https://rebound.test/") }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

#[tokio::test]
async fn a_name_with_a_blocked_address_is_refused_and_not_connected_to() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://rebound.test:{}/", listener.local_addr().unwrap().port());
    for addresses in [&["127.0.0.1"][..], &["10.0.0.1"], &["::ffff:127.0.0.1"], &["8.8.8.8", "127.0.0.1"]] {
        let (lookup, asked) = resolving_to(addresses);
        let outbound = Outbound::with_lookup(OutboundConfig::default(), lookup).unwrap();
        let error = outbound.send(Request::get(&url).retry(crate::Retry::attempts(3))).await.unwrap_err();
        assert!(matches!(&error, OutboundError::Blocked { host, .. } if host == "rebound.test"), "{error:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1, "neither resolved twice nor retried");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock, "nobody connected");
}

#[tokio::test]
async fn an_allowed_host_is_reached_on_a_blocked_address_at_its_port_only() {
    let port = stand_in().await;
    let outbound = outbound(&["127.0.0.1"], &[format!("provider.test:{port}")], false);
    let response = outbound.send(Request::get(format!("http://provider.test:{port}/"))).await.unwrap();
    assert_eq!(response.text(), "hello");
    for url in [format!("http://other.test:{port}/"), "https://provider.test/".to_owned()] {
        let error = outbound.send(Request::get(&url)).await.unwrap_err();
        assert!(matches!(error, OutboundError::Blocked { .. }), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_once() {
    let port = stand_in().await;
    let (lookup, asked) = resolving_to(&["127.0.0.1"]);
    let config = OutboundConfig { allow_loopback: true, ..OutboundConfig::default() };
    let outbound = Outbound::with_lookup(config, lookup).unwrap();
    let response = outbound.send(Request::get(format!("http://localhost:{port}/"))).await.unwrap();
    assert_eq!((response.status, asked.load(Ordering::SeqCst)), (200, 1));
}

/// A resolver whose first answer passes and whose second does not: whoever looked twice would be led away.
#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let port = stand_in().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup: Lookup = Arc::new(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst);
        let address: IpAddr = if turn == 0 { "127.0.0.1" } else { "10.0.0.1" }.parse().unwrap();
        async move { Ok(vec![address]) }.boxed()
    });
    let config = OutboundConfig { allow_loopback: true, ..OutboundConfig::default() };
    let outbound = Outbound::with_lookup(config, lookup).unwrap();
    let request = || Request::get(format!("http://localhost:{port}/closing"));
    let response = outbound.send(request()).await.unwrap();
    assert_eq!((response.text().as_ref(), asked.load(Ordering::SeqCst)), ("bye", 1));
    // That connection is closed: the next one is looked up, and checked, anew.
    let error = outbound.send(request()).await.unwrap_err();
    assert!(matches!(&error, OutboundError::Blocked { host, .. } if host == "localhost"), "{error:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_allowed_localhost_stays_on_this_machine() {
    let error = outbound(&["10.0.0.1"], &[], true).send(Request::get("http://localhost/")).await.unwrap_err();
    assert!(matches!(&error, OutboundError::Blocked { host, .. } if host == "localhost"), "{error:?}");
}

#[tokio::test]
async fn a_redirect_to_a_name_with_a_blocked_address_is_refused() {
    let port = stand_in().await;
    let outbound = outbound(&["10.0.0.1"], &[], true);
    let error = outbound.send(Request::get(format!("http://127.0.0.1:{port}/away"))).await.unwrap_err();
    assert!(matches!(&error, OutboundError::Blocked { host, .. } if host == "rebound.test"), "{error:?}");
}

#[tokio::test]
async fn a_name_without_addresses_is_unreachable() {
    let error = outbound(&[], &[], false).send(Request::get("https://nowhere.test/")).await.unwrap_err();
    let expected = OutboundError::Unreachable {
        host: "nowhere.test".to_owned(),
        reason: TransportError::NameNotResolved,
    };
    assert_eq!(error, expected);
}
