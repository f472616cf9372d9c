//! The client: checks, sends, follows, reads with a cap, tries again.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use crate::guard::{Guard, Route};
use crate::redirect::{Hop, MAX_REDIRECTS};
use crate::resolver::{GuardedResolver, Lookup, RefusedAddress, system_lookup};
use crate::response::host_of;
use crate::retry::spread;
use crate::{OutboundConfig, OutboundError, Request, Response};

/// The way out. Cheap to clone; clones share their connections, which are kept alive.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Arc<Guard>,
    // A client for each route: a resolver does not see the port, so it cannot tell them apart.
    guarded: reqwest::Client,
    trusted: reqwest::Client,
    timeout: Duration,
    max_response_bytes: usize,
}

impl Outbound {
    /// Builds the client. Connects to nothing.
    ///
    /// # Errors
    /// [`OutboundError::Configuration`] where TLS or the user agent cannot be set up.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_lookup(config, system_lookup())
    }

    pub(crate) fn with_lookup(config: OutboundConfig, lookup: Lookup) -> Result<Self, OutboundError> {
        let tls = tls_config()?;
        let guard = Arc::new(Guard { allow: config.allow, allow_loopback: config.allow_loopback });
        let client = |route| {
            let resolver = GuardedResolver { guard: Arc::clone(&guard), route, lookup: Arc::clone(&lookup) };
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
        let inner = Inner {
            guarded: client(Route::Guarded)?,
            trusted: client(Route::Trusted)?,
            guard,
            timeout: config.timeout,
            max_response_bytes: config.max_response_bytes,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// As [`OutboundError`] says; of the last attempt, where there were several.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let first = Hop::first(&request)?;
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(&request, &first).await;
            let Some(pause) = request.retry.pause_after(attempt, &outcome, spread(&request, attempt)) else {
                return outcome.map(|response| Response { attempts: attempt, ..response });
            };
            let status = outcome.as_ref().map_or(0, |response| response.status);
            tracing::debug!(
                attempt,
                status,
                pause_ms = pause.as_millis() as u64,
                "outbound request is tried again"
            );
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, request: &Request, first: &Hop) -> Result<Response, OutboundError> {
        let limit = request.timeout.unwrap_or(self.inner.timeout);
        tokio::time::timeout(limit, self.follow(first.clone(), request.follow_redirects))
            .await
            .unwrap_or_else(|_| {
                Err(OutboundError::TimedOut { host: host_of(&first.url), seconds: limit.as_secs_f64() })
            })
    }

    async fn follow(&self, mut hop: Hop, follow_redirects: bool) -> Result<Response, OutboundError> {
        let mut redirects = 0;
        loop {
            let answer = self.exchange(&hop).await?;
            let next = if follow_redirects { hop.next(answer.status(), answer.headers())? } else { None };
            match next {
                None => return self.read(hop, answer).await,
                Some(_) if redirects == MAX_REDIRECTS => {
                    return Err(OutboundError::TooManyRedirects {
                        host: host_of(&hop.url),
                        limit: MAX_REDIRECTS,
                    });
                }
                Some(next) => hop = next,
            }
            redirects += 1;
        }
    }

    /// Sends one hop, once the guard permits it, and waits for the head of the answer.
    async fn exchange(&self, hop: &Hop) -> Result<reqwest::Response, OutboundError> {
        let client = match self.inner.guard.check_url(&hop.url)? {
            Route::Guarded => &self.inner.guarded,
            Route::Trusted => &self.inner.trusted,
        };
        let mut request = reqwest::Request::new(hop.method.clone(), hop.url.clone());
        *request.headers_mut() = hop.headers.clone();
        *request.body_mut() = hop.body.clone().map(reqwest::Body::from);
        client.execute(request).await.map_err(|error| no_answer(host_of(&hop.url), &error))
    }

    async fn read(&self, hop: Hop, mut answer: reqwest::Response) -> Result<Response, OutboundError> {
        let host = host_of(&hop.url);
        let limit = self.inner.max_response_bytes;
        let body = read_capped(&mut answer, limit, host).await?;
        let status = answer.status().as_u16();
        Ok(Response {
            status,
            headers: std::mem::take(answer.headers_mut()),
            body,
            url: hop.url,
            attempts: 1,
        })
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("guard", &self.inner.guard).finish_non_exhaustive()
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

async fn read_capped(
    answer: &mut reqwest::Response,
    limit: usize,
    host: String,
) -> Result<Bytes, OutboundError> {
    // An announced length is refused before it is paid for; a wrong or missing one is caught below.
    if answer.content_length().is_some_and(|length| length > limit as u64) {
        return Err(OutboundError::TooLarge { host, limit });
    }
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                return Err(OutboundError::TooLarge { host, limit });
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(_) => return Err(OutboundError::BodyBroken { host }),
        }
    }
}

/// Finds in the client's error chain what the caller has to know. The chain itself can hold the URL.
fn no_answer(host: String, error: &reqwest::Error) -> OutboundError {
    let causes = || std::iter::successors(error.source(), |&cause| cause.source());
    if let Some(refused) = causes().find_map(|cause| cause.downcast_ref::<RefusedAddress>()) {
        return OutboundError::Blocked { host, reason: refused.reason };
    }
    if error.is_builder() {
        return OutboundError::InvalidRequest { reason: "the client cannot send it".to_owned() };
    }
    let reason = if error.is_dns() {
        "its name cannot be resolved"
    } else if !error.is_connect() {
        "the connection was closed before an answer"
    } else if error.is_timeout() {
        "connecting took too long"
    } else {
        causes()
            .find_map(|cause| cause.downcast_ref::<io::Error>())
            .map_or("the connection failed", connection_failure)
    };
    OutboundError::Unreachable { host, reason }
}

fn connection_failure(error: &io::Error) -> &'static str {
    match error.kind() {
        _ if is_tls_failure(error) => "the TLS handshake failed",
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
        _ => "the connection failed",
    }
}

/// The TLS connector wraps its error twice, and `source` skips what an [`io::Error`] wraps.
fn is_tls_failure(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| {
        inner.is::<rustls::Error>() || inner.downcast_ref::<io::Error>().is_some_and(is_tls_failure)
    })
}

#[cfg(test)]
mod tests;
