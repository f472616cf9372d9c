//! Why nothing came back, named for what the caller does next.

use crate::TransportError;

/// Why a request has no response. Any status that a server sends is a [`Response`](crate::Response), not
/// an error.
///
/// The sentences may be shown to whoever ran the flow: they name the host, never a path, a query, a
/// credential, a header value or a body.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OutboundError {
    /// The address guard refused; nothing was sent to this host. Never worth a retry.
    #[error("requests to {host} are not allowed: {reason}")]
    Blocked {
        /// The host of the refused hop.
        host: String,
        /// The rule that refused it.
        reason: &'static str,
    },
    /// The URL cannot be requested.
    #[error("the URL is not valid: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A header or the body cannot be sent.
    #[error("the request is not valid: {reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// No answer began: the name does not resolve, the connection failed or was closed.
    #[error("{host} could not be reached: {reason}")]
    Unreachable {
        /// The host of the failed hop.
        host: String,
        /// How far it came.
        reason: TransportError,
    },
    /// One attempt, redirects and body included, took longer than its limit, or than the request's budget
    /// left it.
    #[error("{host} did not answer within {seconds} s")]
    TimedOut {
        /// The host of the requested URL.
        host: String,
        /// The limit, 0 where nothing was left and nothing was sent.
        seconds: f64,
    },
    /// The body is larger than [`max_response_bytes`](crate::OutboundConfig::max_response_bytes).
    #[error("the answer of {host} is too large: more than {limit} bytes")]
    TooLarge {
        /// The host that answered.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer began, but its body broke off.
    #[error("the answer of {host} broke off")]
    BodyBroken {
        /// The host that answered.
        host: String,
    },
    /// A chain of redirects, or a loop, was cut.
    #[error("{host} redirects more than {limit} times")]
    TooManyRedirects {
        /// The host of the last hop.
        host: String,
        /// How many redirects are followed.
        limit: u32,
    },
    /// A redirect's target is not a URL.
    #[error("{host} redirects to an address that is not valid")]
    InvalidRedirect {
        /// The host that sent the redirect.
        host: String,
    },
    /// The body is not the JSON that the caller expects.
    #[error("the answer of {host} is not the expected JSON: {problem} at line {line} column {column}")]
    InvalidJson {
        /// The host that answered.
        host: String,
        /// The kind of mismatch.
        problem: &'static str,
        /// 1-based line, 0 if not known.
        line: usize,
        /// 1-based column, 0 if not known.
        column: usize,
    },
    /// The client's own configuration is not usable. Only at start.
    #[error("the outbound configuration is not valid: {reason}")]
    Configuration {
        /// What is wrong with it.
        reason: String,
    },
}

impl OutboundError {
    /// A word for the log, which is told no host: a flow or a caller chose it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Blocked { .. } => "blocked",
            Self::InvalidUrl { .. } => "invalid_url",
            Self::InvalidRequest { .. } => "invalid_request",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::TooLarge { .. } => "too_large",
            Self::BodyBroken { .. } => "body_broken",
            Self::TooManyRedirects { .. } => "too_many_redirects",
            Self::InvalidRedirect { .. } => "invalid_redirect",
            Self::InvalidJson { .. } => "invalid_json",
            Self::Configuration { .. } => "configuration",
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::BodyBroken { .. } => true,
            Self::Blocked { .. }
            | Self::InvalidUrl { .. }
            | Self::InvalidRequest { .. }
            | Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::InvalidRedirect { .. }
            | Self::InvalidJson { .. }
            | Self::Configuration { .. } => false,
        }
    }
}
