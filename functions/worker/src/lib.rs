//! The worker function: an SQS batch in, partial batch failures out.
//!
//! All records of a batch run at once: waiting for a model costs nothing but memory, so the wait is shared.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::join_all;
use millrace_runner::{Delivery, Runner};
use millrace_store::TaskMessage;

/// Runs the tasks of a batch. **Exactly the messages that have to come again are named in the answer**; what
/// is not named is deleted from the queue.
pub async fn handle(runner: &Runner, event: SqsEvent) -> SqsBatchResponse {
    let failed = join_all(event.records.iter().map(|record| run(runner, record))).await;
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
pub async fn handle_json(runner: &Runner, event: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let event = serde_json::from_slice(event)?;
    serde_json::to_vec(&handle(runner, event).await)
}

/// Whether a message has to come again.
async fn run(runner: &Runner, record: &SqsMessage) -> bool {
    let id = record.message_id.as_deref().unwrap_or_default();
    let message = match TaskMessage::parse(record.body.as_deref().unwrap_or_default()) {
        Ok(message) => message,
        Err(error) => {
            // It names no task that could be ended; after its receives it goes to the dead-letter queue.
            tracing::error!(message = id, %error, "not a task message");
            return true;
        }
    };
    let run = AssertUnwindSafe(runner.run_task(&message.tenant, message.task)).catch_unwind();
    match run.await {
        Ok(Ok(Delivery::Done)) => false,
        Ok(Ok(Delivery::UnknownTask)) => {
            tracing::error!(message = id, task = %message.task, "no such task");
            true
        }
        Ok(Err(error)) => {
            tracing::warn!(message = id, task = %message.task, %error, "task has to come again");
            true
        }
        Err(_) => {
            tracing::error!(message = id, task = %message.task, "task ended by a panic");
            true
        }
    }
}
