//! The port below the client: one request goes out, the head and the body of one answer come back.
//!
//! **The guard's verdict on URLs, redirects, caps, timeouts and retries lie above it**, so they are the same
//! code over any transport. Only the check of the addresses that a name resolves to lies below, where names
//! are resolved.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use http::{HeaderMap, Method};
use url::Url;

use crate::OutboundError;

/// What is sent to one URL. `Debug` shows neither the path and query nor any header value or body.
#[derive(Clone)]
pub struct Hop {
    /// The method.
    pub method: Method,
    /// The URL, which the guard permits.
    pub url: Url,
    /// The headers, without those of framing.
    pub headers: HeaderMap,
    /// The body, if any.
    pub body: Option<Bytes>,
}

impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("headers", &self.headers.keys().map(|name| name.as_str()).collect::<Vec<_>>())
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .finish()
    }
}

/// The head of an answer, and its body as it arrives.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// How many bytes of body the server announced, where it did.
    pub length: Option<u64>,
    /// The body in pieces. It ends with an error where it breaks off, and is dropped at the cap.
    pub body: BoxStream<'static, Result<Bytes, TransportError>>,
}

impl Answer {
    /// An answer whose body is all there, without headers.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: HeaderMap::new(),
            length: Some(body.len() as u64),
            body: stream::iter([Ok(body)]).boxed(),
        }
    }
}

/// Carries requests.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one hop and waits for the head of the answer, whatever its status.
    ///
    /// It follows no redirect, tries nothing twice and need not limit the time: a caller whose patience ends
    /// drops the future, or the body.
    ///
    /// # Errors
    /// As [`TransportError`] says.
    async fn exchange(&self, hop: &Hop) -> Result<Answer, TransportError>;
}

/// How far a request came that has no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The guard refused an address that the name resolves to; nothing was connected to.
    #[error("{0}")]
    AddressRefused(&'static str),
    /// The request cannot be written.
    #[error("the client cannot send it")]
    InvalidRequest,
    /// The name has no address, or the resolver failed.
    #[error("its name cannot be resolved")]
    NameNotResolved,
    /// Nobody listens there.
    #[error("the connection was refused")]
    ConnectionRefused,
    /// No route leads there.
    #[error("there is no route to it")]
    NoRoute,
    /// The connection did not stand within the limit for connecting.
    #[error("connecting took too long")]
    ConnectTimedOut,
    /// The peer speaks no TLS, or its certificate does not hold.
    #[error("the TLS handshake failed")]
    HandshakeFailed,
    /// The connection could not be made for another reason.
    #[error("the connection failed")]
    ConnectFailed,
    /// The connection stood, but no head of an answer came. The peer may have acted on the request.
    #[error("the connection was closed before an answer")]
    ConnectionClosed,
    /// The head came, but not the whole body.
    #[error("its answer broke off")]
    BodyBroken,
}

impl TransportError {
    /// What it means to the caller of the client, with the host of the hop.
    pub(crate) fn at(self, host: String) -> OutboundError {
        match self {
            Self::AddressRefused(reason) => OutboundError::Blocked { host, reason },
            Self::InvalidRequest => OutboundError::InvalidRequest { reason: self.to_string() },
            Self::BodyBroken => OutboundError::BodyBroken { host },
            reason => OutboundError::Unreachable { host, reason },
        }
    }
}
