//! The SQS event source mapping: polls a queue, invokes a function with batches, deletes what succeeded.
//!
//! With `ReportBatchItemFailures`, and without a batching window: what one receive gives is one batch. A message that
//! failed is left alone and comes back after its visibility timeout, as Lambda does it.

mod event;
mod outcome;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::Function;

/// How long to wait after the queue could not be read.
const PAUSE: Duration = Duration::from_secs(1);

/// What to poll, and how.
#[derive(Debug, Clone)]
pub struct EventSourceConfig {
    /// The queue's URL.
    pub queue_url: String,
    /// The queue's ARN, which each record carries.
    pub queue_arn: String,
    /// Messages in a batch, 1 to 10.
    pub batch_size: i32,
    /// Invocations at once (`MaximumConcurrency`, which on AWS is at least 2).
    pub max_concurrency: usize,
}

impl EventSourceConfig {
    /// Batches of up to ten, two invocations at once.
    pub fn new(queue_url: impl Into<String>, queue_arn: impl Into<String>) -> Self {
        Self { queue_url: queue_url.into(), queue_arn: queue_arn.into(), batch_size: 10, max_concurrency: 2 }
    }
}

/// A running event source.
#[derive(Debug)]
pub struct EventSource {
    stop: DropGuard,
    poller: JoinHandle<()>,
    invocations: TaskTracker,
}

impl EventSource {
    /// Starts to poll.
    pub fn start(client: Client, config: EventSourceConfig, function: Arc<dyn Function>) -> Self {
        let stop = CancellationToken::new();
        let invocations = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(config.max_concurrency.max(1)));
        let source = Source { client, config, function };
        let poller = tokio::spawn(poll(Arc::new(source), slots, stop.clone(), invocations.clone()));
        Self { stop: stop.drop_guard(), poller, invocations }
    }

    /// Receives nothing more, and waits for the invocations that run.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.poller.await {
            tracing::error!(%error, "the event source failed");
        }
        self.invocations.close();
        self.invocations.wait().await;
    }
}

struct Source {
    client: Client,
    config: EventSourceConfig,
    function: Arc<dyn Function>,
}

/// A message is received only once an invocation can take it.
async fn poll(source: Arc<Source>, slots: Arc<Semaphore>, stop: CancellationToken, invocations: TaskTracker) {
    while !stop.is_cancelled() {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = poll_once(&source, &slots, &invocations) => {}
        }
    }
}

async fn poll_once(source: &Arc<Source>, slots: &Arc<Semaphore>, invocations: &TaskTracker) {
    let Ok(slot) = slots.clone().acquire_owned().await else {
        return;
    };
    match source.receive().await {
        Ok(messages) if messages.is_empty() => {}
        Ok(messages) => {
            invocations.spawn(process(source.clone(), messages, slot));
        }
        Err(error) => {
            tracing::warn!(%error, "the queue could not be read");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn process(source: Arc<Source>, messages: Vec<Message>, _slot: OwnedSemaphorePermit) {
    let batch = event::of(&messages, &source.config.queue_arn);
    let ids: Vec<&str> = messages.iter().filter_map(Message::message_id).collect();
    let succeeded = match source.function.invoke(batch).await {
        Ok(answer) => outcome::succeeded(&answer, &ids),
        Err(error) => {
            tracing::warn!(%error, messages = messages.len(), "a batch failed");
            return;
        }
    };
    let done =
        messages.iter().filter(|message| message.message_id().is_some_and(|id| succeeded.contains(id)));
    source.delete(done).await;
}

impl Source {
    async fn receive(&self) -> Result<Vec<Message>, String> {
        self.client
            .receive_message()
            .queue_url(&self.config.queue_url)
            .max_number_of_messages(self.config.batch_size)
            .wait_time_seconds(20)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .map(|received| received.messages.unwrap_or_default())
            .map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// What cannot be deleted comes back, as on AWS: processing is at least once.
    async fn delete(&self, messages: impl Iterator<Item = &Message>) {
        let entries: Vec<_> = messages
            .enumerate()
            .filter_map(|(index, message)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
                entry.set_receipt_handle(message.receipt_handle.clone()).build().ok()
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        let request = self.client.delete_message_batch().queue_url(&self.config.queue_url);
        match request.set_entries(Some(entries)).send().await {
            Ok(deleted) if deleted.failed.is_empty() => {}
            Ok(deleted) => tracing::warn!(failed = ?deleted.failed, "processed messages were not deleted"),
            Err(error) => {
                tracing::warn!(error = %DisplayErrorContext(error), "processed messages were not deleted");
            }
        }
    }
}
