//! The sweeper function: moves on what got stuck.
//!
//! Two events start it. A schedule, every minute: the index of open tasks is read and what is due is sent again,
//! ended or called back. And the dead-letter queue: **a dead letter is no verdict, the task's row decides.**

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::future::join_all;
use millrace_runner::{Runner, Swept};
use millrace_store::{StoreError, TaskMessage};
use serde_json::{Value as Json, json};
use thiserror::Error;
use tokio::time::Instant;

/// Why an event has no answer: it has to come again.
#[derive(Debug, Error)]
pub enum SweeperError {
    /// The event is not JSON, or an SQS event of another form.
    #[error("not an event of a schedule or a queue")]
    NotAnEvent(#[from] serde_json::Error),
    /// The index of open tasks could not be read.
    #[error("the open tasks could not be read: {0}")]
    Store(#[from] StoreError),
}

/// Handles one event, until `deadline` where there is one: messages of the dead-letter queue, or else the
/// schedule, of which nothing matters but that it came.
///
/// # Errors
/// [`SweeperError`]; the next minute goes on where this one stopped.
pub async fn handle(runner: &Runner, event: Json, deadline: Option<Instant>) -> Result<Json, SweeperError> {
    runner.cold_start("sweeper");
    if event.get("Records").is_some() {
        let event = serde_json::from_value(event)?;
        let answer = dead_letters(runner, event).await;
        runner.finish_invocation(false).await;
        return Ok(serde_json::to_value(answer)?);
    }
    let swept = runner.sweep(deadline).await;
    runner.finish_invocation(false).await;
    let Swept { due, resent, ended, callbacks, failed, cut_short } = swept?;
    tracing::info!(due, resent, ended, callbacks, failed, cut_short, "swept");
    Ok(json!({"due": due, "resent": resent, "ended": ended, "callbacks": callbacks, "failed": failed,
        "cut_short": cut_short}))
}

/// The same over an event's JSON, as it comes from the Lambda service.
///
/// # Errors
/// [`SweeperError`].
pub async fn handle_json(
    runner: &Runner,
    event: &[u8],
    deadline: Option<Instant>,
) -> Result<Vec<u8>, SweeperError> {
    Ok(serde_json::to_vec(&handle(runner, serde_json::from_slice(event)?, deadline).await?)?)
}

async fn dead_letters(runner: &Runner, event: SqsEvent) -> SqsBatchResponse {
    let failed = join_all(event.records.iter().map(|record| dead_letter(runner, record))).await;
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

/// Whether a dead letter has to come again.
async fn dead_letter(runner: &Runner, record: &SqsMessage) -> bool {
    let id = record.message_id.as_deref().unwrap_or_default();
    let message = match TaskMessage::parse(record.body.as_deref().unwrap_or_default()) {
        Ok(message) => message,
        Err(error) => {
            // No row is behind it that would depend on it: a task whose message was spoilt is sent again from
            // its row. This line is all that there is to be done.
            tracing::error!(message_id = id, %error, "a dead letter that is no task message");
            return false;
        }
    };
    match runner.dead_letter(&message.tenant, message.task).await {
        Ok(recovered) => {
            tracing::warn!(message_id = id, task_id = %message.task, ?recovered, "a dead letter");
            false
        }
        Err(error) => {
            tracing::warn!(message_id = id, task_id = %message.task, %error, "a dead letter has to come again");
            true
        }
    }
}
