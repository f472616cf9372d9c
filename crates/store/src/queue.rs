//! The queue: one message for one task that waits.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityError;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::Store;
use crate::error::{Fault, StoreError};
use crate::ids::{TaskId, TenantId};

/// Version of the message body.
const FORMAT: u8 = 1;

/// The caller waits for the answer, so that all tries have to fit into 2 s.
const TRIES: u32 = 3;
const TRY_TIMEOUT: Duration = Duration::from_millis(600);
const PAUSE: Duration = Duration::from_millis(50);

/// SQS's limits.
pub(crate) const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);
const LONGEST_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);

/// What a message says: which task to look at. Everything else is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskMessage {
    /// Whose task.
    pub tenant: TenantId,
    /// Which task.
    pub task: TaskId,
}

/// The body of a message is not one of ours. A retry does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed message: {reason}")]
pub struct MalformedMessage {
    /// What is wrong with it. Never a part of the body.
    pub reason: &'static str,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    v: u8,
    tenant: String,
    task: String,
}

impl TaskMessage {
    /// The body as it is sent: `{"v":1,"tenant":"…","task":"…"}`.
    pub fn body(&self) -> String {
        let Self { tenant, task } = self;
        format!(r#"{{"v":{FORMAT},"tenant":"{tenant}","task":"{task}"}}"#)
    }

    /// Reads a body, strictly.
    ///
    /// # Errors
    /// [`MalformedMessage`] when it is not JSON of that shape, or names a version, tenant or task that
    /// cannot be.
    pub fn parse(body: &str) -> Result<Self, MalformedMessage> {
        let malformed = |reason| MalformedMessage { reason };
        let body: Body = serde_json::from_str(body)
            .map_err(|_| malformed("not a JSON object of exactly v, tenant and task"))?;
        if body.v != FORMAT {
            return Err(malformed("unknown version"));
        }
        Ok(Self {
            tenant: body.tenant.parse().map_err(|_| malformed("not a tenant"))?,
            task: body.task.parse().map_err(|_| malformed("not a task id"))?,
        })
    }
}

impl Store {
    /// Puts a message for a task into the queue, to be seen after `delay` (15 minutes at most): 3 tries
    /// within 2 s.
    ///
    /// A message too many is harmless, since the claim decides. The message group is the tenant, so that
    /// one tenant's backlog does not keep the others waiting. `trace` is the W3C trace context of the task, if it has one.
    ///
    /// # Errors
    /// Those of the last try.
    pub async fn enqueue(
        &self,
        tenant: &TenantId,
        task: TaskId,
        delay: Duration,
        trace: Option<&str>,
    ) -> Result<(), StoreError> {
        let message = TaskMessage { tenant: tenant.clone(), task };
        let mut last = StoreError::Unavailable(Fault { kind: "timeout", code: None });
        for tried in 0..TRIES {
            if tried > 0 {
                sleep(PAUSE * tried).await;
            }
            match timeout(TRY_TIMEOUT, self.send(&message, delay, trace)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if !error.is_retryable() => return Err(error),
                Ok(Err(error)) => last = error,
                Err(_) => last = StoreError::Unavailable(Fault { kind: "timeout", code: None }),
            }
        }
        Err(last)
    }

    /// Hides a received message for `by` from now on, 12 hours at most, while its task is worked on.
    ///
    /// A message that is not in flight any longer is no error: who may run a task is decided by its row.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn extend_visibility(&self, receipt: &str, by: Duration) -> Result<(), StoreError> {
        let sent = self
            .sqs()
            .change_message_visibility()
            .queue_url(&self.config().queue_url)
            .receipt_handle(receipt)
            .visibility_timeout(whole_seconds(by.min(LONGEST_VISIBILITY)))
            .send()
            .await;
        match sent {
            Err(error) if error.as_service_error().is_some_and(is_gone) => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    async fn send(
        &self,
        message: &TaskMessage,
        delay: Duration,
        trace: Option<&str>,
    ) -> Result<(), StoreError> {
        // The tries are counted here; the SDK's own would multiply them.
        let once = aws_sdk_sqs::config::Config::builder().retry_config(RetryConfig::disabled());
        self.sqs()
            .send_message()
            .queue_url(&self.config().queue_url)
            .message_body(message.body())
            .message_group_id(message.tenant.as_str())
            .set_message_attributes(trace.and_then(traceparent))
            .set_message_system_attributes(trace.and_then(x_ray))
            .set_delay_seconds((!delay.is_zero()).then(|| whole_seconds(delay.min(LONGEST_DELAY))))
            .customize()
            .config_override(once)
            .send()
            .await?;
        Ok(())
    }
}

/// The trace context of a message, for whoever looks at messages; the worker takes it from the row.
fn traceparent(trace: &str) -> Option<HashMap<String, MessageAttributeValue>> {
    let value = MessageAttributeValue::builder().data_type("String").string_value(trace).build().ok()?;
    Some(HashMap::from([("traceparent".to_owned(), value)]))
}

/// The same as X-Ray writes it, by which Lambda joins the worker's segment to the trace.
fn x_ray(trace: &str) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    let mut parts = trace.split('-').skip(1);
    let (id, parent, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, rest) = id.split_at_checked(8)?;
    let sampled = u8::from(flags.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']));
    let header = format!("Root=1-{time}-{rest};Parent={parent};Sampled={sampled}");
    let value =
        MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().ok()?;
    Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
}

fn is_gone(error: &ChangeMessageVisibilityError) -> bool {
    error.is_message_not_inflight() || error.is_receipt_handle_is_invalid()
}

/// Seconds as SQS wants them, rounded up.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn a_body_is_read_as_it_was_written() {
        let message = TaskMessage { tenant: "team-1".parse().unwrap(), task: TASK.parse().unwrap() };
        assert_eq!(message.body(), format!(r#"{{"v":1,"tenant":"team-1","task":"{TASK}"}}"#));
        assert_eq!(TaskMessage::parse(&message.body()), Ok(message));
    }

    #[test]
    fn anything_else_is_malformed() {
        for body in [
            "",
            "[]",
            r#""text""#,
            r#"{"v":1,"tenant":"a"}"#,
            r#"{"v":2,"tenant":"a","task":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
            r#"{"v":1,"tenant":"A#b","task":"01890a5d-ac96-774b-bcce-b302099a8057"}"#,
            r#"{"v":1,"tenant":"a","task":"7"}"#,
            r#"{"v":1,"tenant":"a","task":"01890a5d-ac96-774b-bcce-b302099a8057","more":0}"#,
        ] {
            assert!(TaskMessage::parse(body).is_err(), "{body}");
        }
        // Depth and size are refused as anything else is: no stack is used up.
        let deep = "[".repeat(1_000_000);
        for body in [deep.clone(), format!(r#"{{"v":1,"tenant":{deep}"#), format!(r#"{{"v":1,"more":{deep}"#)]
        {
            assert!(TaskMessage::parse(&body).is_err());
        }
    }
}
