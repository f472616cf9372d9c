//! The client: checks, sends, follows, reads with a cap, tries again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::time::Instant;

use crate::connections::Connections;
use crate::guard::Guard;
use crate::redirect::{MAX_REDIRECTS, absolute};
use crate::resolver::{Lookup, system_lookup};
use crate::response::host_of;
use crate::retry::spread;
use crate::transport::{Answer, Hop, Transport};
use crate::{OutboundConfig, OutboundError, Request, Response, Sql, SqlConfig};

/// The way out. Cheap to clone; clones share their connections, which are kept alive.
#[derive(Clone)]
pub struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    guard: Arc<Guard>,
    transport: Arc<dyn Transport>,
    timeout: Duration,
    max_response_bytes: usize,
    databases: Sql,
}

impl Outbound {
    /// Builds the client. Connects to nothing.
    ///
    /// # Errors
    /// [`OutboundError::Configuration`] where TLS or the user agent cannot be set up.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundError> {
        Self::with_lookup(config, system_lookup())
    }

    /// The client over a transport of the caller's own, as a simulation without sockets brings it.
    ///
    /// The guard judges URLs as ever; what names resolve to is the transport's matter, and so are connecting
    /// and the `User-Agent`.
    pub fn with_transport(config: OutboundConfig, transport: Arc<dyn Transport>) -> Self {
        Self::over(&config, guard(&config), transport)
    }

    pub(crate) fn with_lookup(config: OutboundConfig, lookup: Lookup) -> Result<Self, OutboundError> {
        let guard = guard(&config);
        let connections = Connections::new(&config, &guard, &lookup)?;
        Ok(Self::over(&config, guard, Arc::new(connections)))
    }

    fn over(config: &OutboundConfig, guard: Arc<Guard>, transport: Arc<dyn Transport>) -> Self {
        let (timeout, max_response_bytes) = (config.timeout, config.max_response_bytes);
        let databases = Sql::new(SqlConfig::from(config));
        Self { inner: Arc::new(Inner { guard, transport, timeout, max_response_bytes, databases }) }
    }

    /// The client for databases, under the same rules for hosts.
    pub fn databases(&self) -> &Sql {
        &self.inner.databases
    }

    /// What the guard says of a URL as such: its scheme, credentials, the form of its host and literal
    /// addresses. **No name is resolved**, so [`send`](Self::send) may still refuse what passes here, and
    /// never accepts what does not.
    ///
    /// # Errors
    /// [`OutboundError::InvalidUrl`] and [`OutboundError::Blocked`].
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        self.inner.guard.check_url(&absolute(url)?)
    }

    /// Sends a request and reads the whole response, whatever its status.
    ///
    /// # Errors
    /// As [`OutboundError`] says; of the last attempt, where there were several.
    pub async fn send(&self, request: Request) -> Result<Response, OutboundError> {
        let first = Hop::first(&request)?;
        let end = request.budget.and_then(|budget| Instant::now().checked_add(budget));
        let left = || end.map(|end| end.saturating_duration_since(Instant::now()));
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(&request, &first, left()).await;
            let pause = request.retry.pause_after(attempt, &outcome, spread(&request, attempt), left());
            let Some(pause) = pause else {
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

    /// One try, within its own limit and what is `left` of the budget. Nothing is sent where that is nothing.
    async fn attempt(
        &self,
        request: &Request,
        first: &Hop,
        left: Option<Duration>,
    ) -> Result<Response, OutboundError> {
        let own = request.timeout.unwrap_or(self.inner.timeout);
        let limit = left.map_or(own, |left| own.min(left));
        let timed_out = || OutboundError::TimedOut { host: host_of(&first.url), seconds: seconds(limit) };
        if limit.is_zero() {
            return Err(timed_out());
        }
        tokio::time::timeout(limit, self.follow(first.clone(), request.follow_redirects))
            .await
            .unwrap_or_else(|_| Err(timed_out()))
    }

    async fn follow(&self, mut hop: Hop, follow_redirects: bool) -> Result<Response, OutboundError> {
        let mut redirects = 0;
        loop {
            let answer = self.exchange(&hop).await?;
            let next = if follow_redirects { hop.next(answer.status, &answer.headers)? } else { None };
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
    async fn exchange(&self, hop: &Hop) -> Result<Answer, OutboundError> {
        self.inner.guard.check_url(&hop.url)?;
        self.inner.transport.exchange(hop).await.map_err(|error| error.at(host_of(&hop.url)))
    }

    async fn read(&self, hop: Hop, mut answer: Answer) -> Result<Response, OutboundError> {
        let body = read_capped(&mut answer, self.inner.max_response_bytes, host_of(&hop.url)).await?;
        let Answer { status, headers, .. } = answer;
        Ok(Response { status, headers, body, url: hop.url, attempts: 1 })
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("guard", &self.inner.guard).finish_non_exhaustive()
    }
}

fn guard(config: &OutboundConfig) -> Arc<Guard> {
    Arc::new(Guard { allow: config.allow.clone(), allow_loopback: config.allow_loopback })
}

/// To the millisecond: a limit that was cut has many digits, and a person reads it.
fn seconds(limit: Duration) -> f64 {
    limit.as_millis() as f64 / 1000.0
}

async fn read_capped(answer: &mut Answer, limit: usize, host: String) -> Result<Bytes, OutboundError> {
    // An announced length is refused before it is paid for; a wrong or missing one is caught below.
    if answer.length.is_some_and(|length| length > limit as u64) {
        return Err(OutboundError::TooLarge { host, limit });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.body.next().await {
        match chunk {
            Ok(chunk) if body.len() + chunk.len() > limit => {
                return Err(OutboundError::TooLarge { host, limit });
            }
            Ok(chunk) => body.extend_from_slice(&chunk),
            Err(error) => return Err(error.at(host)),
        }
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests;
