//! The transport over real connections: TCP and TLS, made to the very addresses that the guard checked.

use std::error::Error;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use crate::guard::{Guard, Route};
use crate::resolver::{GuardedResolver, Lookup, RefusedAddress};
use crate::transport::{Answer, Hop, Transport, TransportError};
use crate::{OutboundConfig, OutboundError};

/// A client for each route: a resolver does not see the port, so it cannot tell them apart.
pub(crate) struct Connections {
    guard: Arc<Guard>,
    guarded: reqwest::Client,
    trusted: reqwest::Client,
}

impl Connections {
    /// Connects to nothing yet.
    #[expect(clippy::disallowed_methods, reason = "the one client")]
    pub(crate) fn new(
        config: &OutboundConfig,
        guard: &Arc<Guard>,
        lookup: &Lookup,
    ) -> Result<Self, OutboundError> {
        let tls = tls_config()?;
        let client = |route| {
            let resolver = GuardedResolver { guard: Arc::clone(guard), route, lookup: Arc::clone(lookup) };
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(resolver)
                .no_proxy()
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(config.connect_timeout)
                .user_agent(&config.user_agent)
                .build()
                .map_err(configuration)
        };
        Ok(Self {
            guarded: client(Route::Guarded)?,
            trusted: client(Route::Trusted)?,
            guard: Arc::clone(guard),
        })
    }
}

#[async_trait]
impl Transport for Connections {
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError> {
        let client = match self.guard.route(&hop.url) {
            Route::Guarded => &self.guarded,
            Route::Trusted => &self.trusted,
        };
        let mut request = reqwest::Request::new(hop.method.clone(), hop.url.clone());
        *request.headers_mut() = hop.headers.clone();
        *request.body_mut() = hop.body.clone().map(reqwest::Body::from);
        let mut answer = client.execute(request).await.map_err(|error| no_answer(&error))?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: std::mem::take(answer.headers_mut()),
            length: answer.content_length(),
            body: answer.bytes_stream().map(|chunk| chunk.map_err(|_| TransportError::BodyBroken)).boxed(),
        })
    }
}

/// Mozilla's roots and ring: the platform's verifier reads the disk on first use.
fn tls_config() -> Result<ClientConfig, OutboundError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(configuration)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn configuration(error: impl Error) -> OutboundError {
    OutboundError::Configuration { reason: error.to_string() }
}

/// Finds in the client's error chain what the caller has to know. The chain itself can hold the URL.
fn no_answer(error: &reqwest::Error) -> TransportError {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if let Some(refused) = causes().find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return TransportError::AddressRefused(refused.reason);
    }
    if error.is_builder() {
        TransportError::InvalidRequest
    } else if error.is_dns() {
        TransportError::NameNotResolved
    } else if !error.is_connect() {
        TransportError::ConnectionClosed
    } else if error.is_timeout() {
        TransportError::ConnectTimedOut
    } else {
        causes()
            .find_map(|cause| cause.downcast_ref::<io::Error>())
            .map_or(TransportError::ConnectFailed, connection_failure)
    }
}

fn connection_failure(error: &io::Error) -> TransportError {
    match error.kind() {
        _ if is_tls_failure(error) => TransportError::HandshakeFailed,
        io::ErrorKind::ConnectionRefused => TransportError::ConnectionRefused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => TransportError::NoRoute,
        _ => TransportError::ConnectFailed,
    }
}

/// The TLS connector wraps its error twice, and `source` skips what an [`io::Error`] wraps.
fn is_tls_failure(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(is_tls_failure)
    })
}
