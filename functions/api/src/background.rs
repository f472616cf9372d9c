//! Work that goes on after the answer, as an internal extension of Lambda allows it.
//!
//! An environment is frozen once its runtime **and every extension that is registered for `INVOKE`** have asked
//! for their next event. This one asks only when the answer is out and what was left behind is finished, so
//! that a model call whose caller could not wait is recorded and not paid for twice.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use lambda_extension::{Error, Extension, LambdaEvent, service_fn};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// Names the extension to Lambda.
const NAME: &str = "millrace-after-answer";

/// Waits for what is left behind by each answer.
#[derive(Clone)]
pub struct AfterAnswer {
    work: TaskTracker,
    answered: Arc<Notify>,
}

impl AfterAnswer {
    /// Registers the extension, which has to happen before the runtime starts, and lets it run.
    ///
    /// # Errors
    /// The environment has no extensions, as some stand-ins for Lambda: then there is no time after the answer.
    pub async fn register(longest_call: Duration) -> Result<Self, Error> {
        let after = Self { work: TaskTracker::new(), answered: Arc::new(Notify::new()) };
        // A closed tracker still takes work; closing is what lets it be waited for.
        after.work.close();
        let waiting = after.clone();
        let events = service_fn(move |event: LambdaEvent| {
            let after = waiting.clone();
            async move {
                if event.next.is_invoke() {
                    after.finished(longest_call).await;
                }
                Ok::<(), Infallible>(())
            }
        });
        let extension = Extension::new()
            .with_extension_name(NAME)
            .with_events(&["INVOKE"])
            .with_events_processor(events)
            .register()
            .await?;
        tokio::spawn(async move {
            if extension.run().await.is_err() {
                tracing::error!("the extension ended");
            }
        });
        Ok(after)
    }

    /// Where that work is spawned.
    pub fn work(&self) -> TaskTracker {
        self.work.clone()
    }

    /// The router, telling when a request is answered.
    pub fn watching(&self, router: Router) -> Router {
        let answered = self.answered.clone();
        router.layer(from_fn(move |request: Request, next: Next| {
            let answered = answered.clone();
            async move {
                let response = next.run(request).await;
                answered.notify_one();
                response
            }
        }))
    }

    /// The answer of this invocation, then what it left behind. An invocation that never reaches the router
    /// must not hold up the environment for good.
    async fn finished(&self, longest_call: Duration) {
        if tokio::time::timeout(longest_call, self.answered.notified()).await.is_err() {
            tracing::warn!("an invocation came to no answer");
        }
        self.work.wait().await;
    }
}
