//! What can go wrong, named for what the caller does next, and the one place that reads SDK errors.

use std::fmt;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why the store did not do what was asked.
///
/// `Display` is the sentence for the caller. The source is for the log: codes and kinds, never payloads
/// or secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The service asks to slow down. Retry later; over HTTP 503 with Retry-After.
    #[error("the service is busy, try again in a moment")]
    Throttled(#[source] Fault),

    /// The service did not answer; whether a write was applied is unknown. Retry; over HTTP 503.
    #[error("the service is not available, try again in a moment")]
    Unavailable(#[source] Fault),

    /// A value does not fit into an item, its parts, or an answer. Nothing was written; the caller has to make it smaller.
    #[error("{what} is too large: {size} bytes, the limit is {limit}")]
    TooLarge {
        /// What does not fit, for example `result`.
        what: &'static str,
        /// Bytes as stored, after compression; for a result that no answer could carry, bytes of JSON.
        size: usize,
        /// Bytes that fit.
        limit: usize,
    },

    /// A tenant has as many of these as it may have. Over HTTP 422.
    #[error("too many {what}: the limit is {limit}")]
    TooMany {
        /// What there are too many of, for example `variables`.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },

    /// Something else already stands there, or changed at the same time. Over HTTP 409.
    #[error("{what} already exists or was changed at the same time")]
    Conflict {
        /// What is in conflict, for example `endpoint name`.
        what: &'static str,
    },

    /// The request cannot be stored as it is. Over HTTP 422.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, as a sentence.
        what: &'static str,
    },

    /// A stored row cannot be read. A retry does not help.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        /// Which part of which row.
        what: &'static str,
    },

    /// The table, the queue or a permission is missing. A retry does not help; the operator has to act.
    #[error("the service is not set up correctly")]
    Misconfigured(#[source] Fault),
}

impl StoreError {
    /// Whether the same call may succeed a moment later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }
}

/// The internal side of an error: which kind of failure, and the service's own code.
///
/// The service's message is left out, since it can quote parts of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `timeout`, `connection`, `request`, `response` or `service`.
    pub kind: &'static str,
    /// The service's error code, when it answered with one.
    pub code: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{}: {code}", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

impl std::error::Error for Fault {}

/// Error codes that mean "later", for all services.
const THROTTLES: [&str; 9] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "SlowDown",
    "TransactionConflictException",
    "TransactionInProgressException",
];

impl<E, R> From<SdkError<E, R>> for StoreError
where
    E: ProvideErrorMetadata,
{
    fn from(error: SdkError<E, R>) -> Self {
        let fault = |kind| Fault { kind, code: None };
        match &error {
            SdkError::TimeoutError(_) => Self::Unavailable(fault("timeout")),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Unavailable(fault("timeout")),
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                Self::Misconfigured(fault("connection"))
            }
            SdkError::DispatchFailure(_) => Self::Unavailable(fault("connection")),
            SdkError::ResponseError(_) => Self::Unavailable(fault("response")),
            SdkError::ServiceError(service) => from_code(service.err().code()),
            _ => Self::Misconfigured(fault("request")),
        }
    }
}

fn from_code(code: Option<&str>) -> StoreError {
    let fault = Fault { kind: "service", code: code.map(str::to_owned) };
    match code {
        Some(code) if THROTTLES.contains(&code) => StoreError::Throttled(fault),
        Some(
            "AccessDenied"
            | "AccessDeniedException"
            | "IncompleteSignatureException"
            | "InvalidAccessKeyId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "NoSuchBucket"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "DisabledException"
            | "IncorrectKeyException"
            | "InvalidCiphertextException"
            | "InvalidKeyUsageException"
            | "KMSInvalidStateException"
            | "NotFoundException"
            | "ResourceNotFoundException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "ValidationException",
        ) => StoreError::Misconfigured(fault),
        _ => StoreError::Unavailable(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_whether_a_retry_helps() {
        assert!(matches!(from_code(Some("ThrottlingException")), StoreError::Throttled(_)));
        assert!(matches!(from_code(Some("InternalServerError")), StoreError::Unavailable(_)));
        assert!(matches!(from_code(None), StoreError::Unavailable(_)));
        assert!(!from_code(Some("ResourceNotFoundException")).is_retryable());
    }
}
