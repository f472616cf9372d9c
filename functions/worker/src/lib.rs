//! The worker function: an SQS batch in, partial batch failures out.
//!
//! All records of a batch run at once: waiting for a model costs nothing but memory, so the wait is shared.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::join_all;
use millrace_runner::{Delivery, Runner, Visit};
use millrace_store::TaskMessage;
use tokio::time::Instant;

/// A message whose task could not even be looked at comes back after so long, doubled with each receive.
const FIRST_RETURN: Duration = Duration::from_secs(10);
const LATEST_RETURN: Duration = Duration::from_secs(10 * 60);

/// Runs the tasks of a batch. **Exactly the messages that have to come again are named in the answer**; what
/// is not named is deleted from the queue. `deadline` is the invocation's, where there is one.
pub async fn handle(runner: &Runner, event: SqsEvent, deadline: Option<Instant>) -> SqsBatchResponse {
    let runs = event.records.iter().map(|record| run(runner, record, deadline));
    runner.cold_start("worker");
    let failed = join_all(runs).await;
    runner.finish_invocation(false).await;
    let mut response = SqsBatchResponse::default();
    for (record, failed) in event.records.iter().zip(failed) {
        if failed {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = record.message_id.clone().unwrap_or_default();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The same over an event's JSON, as it comes from the Lambda service.
///
/// # Errors
/// The event is no SQS event: the whole batch has to come again.
pub async fn handle_json(
    runner: &Runner,
    event: &[u8],
    deadline: Option<Instant>,
) -> Result<Vec<u8>, serde_json::Error> {
    let event = serde_json::from_slice(event)?;
    serde_json::to_vec(&handle(runner, event, deadline).await)
}

/// Whether a message has to come again.
async fn run(runner: &Runner, record: &SqsMessage, deadline: Option<Instant>) -> bool {
    let id = record.message_id.as_deref().unwrap_or_default();
    let message = match TaskMessage::parse(record.body.as_deref().unwrap_or_default()) {
        Ok(message) => message,
        Err(error) => {
            // It names no task that could be ended; after its receives it goes to the dead-letter queue.
            tracing::error!(message_id = id, %error, "not a task message");
            return true;
        }
    };
    let visit = Visit { deadline, receipt: record.receipt_handle.clone() };
    let run = AssertUnwindSafe(runner.run_task(&message.tenant, message.task, &visit)).catch_unwind();
    match run.await {
        Ok(Ok(Delivery::Done)) => false,
        Ok(Ok(Delivery::UnknownTask)) => {
            tracing::error!(message_id = id, task_id = %message.task, "no such task");
            true
        }
        Ok(Err(error)) => {
            tracing::warn!(message_id = id, task_id = %message.task, %error, "task has to come again");
            come_back(runner, record).await;
            true
        }
        Err(_) => {
            tracing::error!(message_id = id, task_id = %message.task, "task ended by a panic");
            true
        }
    }
}

/// Brings a message back sooner than the queue's visibility timeout, which outlasts several invocations.
async fn come_back(runner: &Runner, record: &SqsMessage) {
    let Some(receipt) = record.receipt_handle.as_deref() else { return };
    let count = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    let doubled = 2_u32.saturating_pow(count.unwrap_or(1_u32).saturating_sub(1));
    let by = FIRST_RETURN.saturating_mul(doubled).min(LATEST_RETURN);
    if let Err(error) = runner.store().extend_visibility(receipt, by).await {
        tracing::debug!(%error, "a message comes back when the queue says so");
    }
}
