//! The queues with what needs a runtime: the protocol's envelope, long polls, and keeping what changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::protocol::{self, ReceiveRequest};
use super::{Account, Change, Clock, ErrorCode, Message, Millis, SqsError, SqsStore, SystemClock};

/// What `x-amz-target` starts with.
const TARGET_PREFIX: &str = "AmazonSQS.";

/// An answer of the service, whatever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200, 400 or 500.
    pub status: u16,
    /// For an error, the value of the `x-amzn-query-error` header: `code;fault`.
    pub query_error: Option<String>,
    /// JSON.
    pub body: Bytes,
}

/// The queues of an account, on a clock. Clones share them.
#[derive(Clone)]
pub struct Sqs {
    inner: Arc<Inner>,
}

struct Inner {
    account: Mutex<Kept>,
    clock: Arc<dyn Clock>,
    base: String,
    /// Told after every operation that may make a message available.
    arrived: Notify,
    stopping: CancellationToken,
}

/// Messages, each with the handle of its receive.
type Received = Vec<(String, Message)>;

struct Kept {
    account: Account,
    store: Option<SqsStore>,
}

impl Sqs {
    /// Queues in memory, whose URLs start with `base` (no slash at its end).
    pub fn new(account: Account, base: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self::build(Kept { account, store: None }, base.into(), clock)
    }

    /// Empty queues in memory, on the computer's clock.
    pub fn in_memory(seed: u64, base: impl Into<String>) -> Self {
        Self::new(Account::new(seed), base, Arc::new(SystemClock))
    }

    /// The queues of `store`, on the computer's clock; every mutation is written through.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn stored(store: SqsStore, seed: u64, base: impl Into<String>) -> Result<Self, rusqlite::Error> {
        let account = store.load(seed)?;
        Ok(Self::build(Kept { account, store: Some(store) }, base.into(), Arc::new(SystemClock)))
    }

    fn build(mut kept: Kept, base: String, clock: Arc<dyn Clock>) -> Self {
        kept.account.note_changes();
        let (arrived, stopping) = (Notify::new(), CancellationToken::new());
        Self { inner: Arc::new(Inner { account: Mutex::new(kept), clock, base, arrived, stopping }) }
    }

    /// Answers a request: `target` is the `x-amz-target` header, `body` its JSON. A long poll answers when a message can
    /// be received, when its time is over, or when [`Sqs::stop`] is called.
    pub async fn call(&self, target: &str, body: &[u8]) -> Reply {
        let answer = match target.strip_prefix(TARGET_PREFIX) {
            Some("ReceiveMessage") => self.receive(body).await,
            Some(operation) => {
                self.with(|account, now| protocol::perform(account, &self.inner.base, operation, body, now))
            }
            None => Err(SqsError::new(
                ErrorCode::UnknownOperation,
                format!("{target} is not an operation of SQS."),
            )),
        };
        match answer {
            Ok(body) => Reply { status: 200, query_error: None, body: body.to_string().into() },
            Err(error) => refusal(&error),
        }
    }

    /// Performs something on the account at the present time, and keeps what it changed.
    ///
    /// # Errors
    /// Those of `perform`; `InternalError` if the change cannot be stored.
    pub fn with<T>(
        &self,
        perform: impl FnOnce(&mut Account, Millis) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        self.perform(|_| true, perform)
    }

    /// As [`Sqs::with`]; long polls look again only after a change that `wakes`.
    fn perform<T>(
        &self,
        wakes: impl Fn(&Change) -> bool,
        perform: impl FnOnce(&mut Account, Millis) -> Result<T, SqsError>,
    ) -> Result<T, SqsError> {
        let mut kept = self.lock();
        let Kept { account, store } = &mut *kept;
        let result = perform(account, self.inner.clock.now());
        let changes = account.take_changes();
        if let Some(store) = store {
            store.write(account, &changes).map_err(|error| {
                tracing::error!(%error, "queue state could not be stored");
                SqsError::new(ErrorCode::InternalError, format!("The change could not be stored: {error}"))
            })?;
        }
        drop(kept);
        if changes.iter().any(wakes) {
            self.inner.arrived.notify_waiters();
        }
        result
    }

    /// The URL of a queue, whether it exists or not.
    pub fn queue_url(&self, name: &str) -> String {
        protocol::queue_url(&self.inner.base, name)
    }

    /// Ends all long polls, now and later, as if their time were over.
    pub fn stop(&self) {
        self.inner.stopping.cancel();
    }

    async fn receive(&self, body: &[u8]) -> Result<Value, SqsError> {
        let request: ReceiveRequest = protocol::parse(body)?;
        request.check()?;
        let max = request.max()?;
        let default_wait = self.lock().account.queue(request.queue.name())?.attributes.receive_wait;
        let wait = Duration::from_secs(request.wait_time_seconds.unwrap_or(default_wait).into());
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            // Registered before looking, so that a message which arrives in between is not missed.
            let mut arrived = std::pin::pin!(self.inner.arrived.notified());
            arrived.as_mut().enable();
            let (received, pause) = self.look(&request, max)?;
            let now = tokio::time::Instant::now();
            if !received.is_empty() || now >= deadline || self.inner.stopping.is_cancelled() {
                return Ok(request.answer(&received));
            }
            let until = pause.map_or(deadline, |pause| deadline.min(now + pause));
            tokio::select! {
                biased;
                () = self.inner.stopping.cancelled() => {}
                () = arrived => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// One look at the queue, and how long to wait until a hidden message is due. What wakes others is a message moved to a
    /// dead-letter queue, not one hidden.
    fn look(&self, request: &ReceiveRequest, max: usize) -> Result<(Received, Option<Duration>), SqsError> {
        self.perform(
            |change| matches!(change, Change::MessageAdded(..)),
            |account, now| {
                let name = request.queue.name();
                let received = account.receive(name, max, request.visibility_timeout, now)?;
                let due = account.queue(name)?.next_due();
                Ok((received, due.map(|due| Duration::from_millis(due.saturating_sub(now).max(1)))))
            },
        )
    }

    /// A panic while the lock was held cannot leave a half-made change that matters more than going on does.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.inner.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refusal(SqsError { code, message }: &SqsError) -> Reply {
    let fault = if code.status() == 400 { "Sender" } else { "Receiver" };
    let body = json!({"__type": format!("com.amazonaws.sqs#{}", code.shape()), "message": message});
    Reply {
        status: code.status(),
        query_error: Some(format!("{};{fault}", code.query_code())),
        body: body.to_string().into(),
    }
}
