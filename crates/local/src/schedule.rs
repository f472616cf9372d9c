//! A schedule of EventBridge: invokes a function at a fixed rate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::sqs::ACCOUNT_ID;
use crate::{Function, REGION};

/// The name of the rule that every event claims to come from.
const RULE: &str = "millrace-schedule";

/// A running schedule.
#[derive(Debug)]
pub struct Schedule {
    stop: DropGuard,
    task: JoinHandle<()>,
}

impl Schedule {
    /// Invokes `function` once in every `period` (at least a millisecond), for the first time when one is over. While an
    /// invocation runs there is no other; what would have begun meanwhile is left out. A failure is logged and not repeated,
    /// since the next invocation is near.
    pub fn start(period: Duration, function: Arc<dyn Function>) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(period.max(Duration::from_millis(1)), function, stop.clone()));
        Self { stop: stop.drop_guard(), task }
    }

    /// Begins no further invocation, and waits for the one that runs.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the schedule failed");
        }
    }
}

async fn run(period: Duration, function: Arc<dyn Function>, stop: CancellationToken) {
    let mut due = Instant::now() + period;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(due) => {}
        }
        if let Err(error) = function.invoke(event(Timestamp::now())).await {
            tracing::warn!(%error, "a scheduled invocation failed");
        }
        let periods = due.elapsed().as_nanos() / period.as_nanos() + 1;
        due += period.saturating_mul(u32::try_from(periods).unwrap_or(u32::MAX));
    }
}

/// What EventBridge sends for a rule with a schedule; its time has whole seconds.
fn event(now: Timestamp) -> Bytes {
    let event = json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT_ID,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT_ID}:rule/{RULE}")],
        "detail": {},
    });
    event.to_string().into()
}
