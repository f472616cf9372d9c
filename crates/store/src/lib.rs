//! Tasks and their journals, flows, keys and sessions in DynamoDB, the queue in SQS, what is large in S3.
//!
//! The only crate that names their SDKs, and one that knows no engine: what a task runs on and what it
//! returns are opaque JSON here. There is one table (see [`schema`]), one queue and one
//! bucket.
//!
//! - **The tenant is in every partition key**, so that another tenant's row cannot even be addressed.
//! - A task's state changes by one pure function, [`state::next`]; the conditions of the writes are
//!   derived from it.
//! - An open task that nobody works on is moved on by recovery: sent again, or ended. The decision is one pure
//!   function of its row.
//! - A retry of any call, by the SDK or by the caller, has the effect of one call.

mod bucket;
mod callback_secret;
mod callbacks;
mod condition;
mod connect;
mod counting;
mod error;
mod flows;
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod idempotency;
mod ids;
mod indexes;
mod item;
mod journal;
mod keys;
pub mod metering;
mod parts;
mod queue;
mod recovery;
mod rows;
pub mod schema;
mod seal;
mod session_state;
mod sessions;
mod size;
mod slots;
pub mod state;
mod table;
mod tasks;
mod uploads;
mod usage;
mod variables;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use aws_sdk_dynamodb::config::SharedCredentialsProvider;
pub use callback_secret::CallbackSecret;
pub use callbacks::CallbackState;
pub use connect::{Unconfigured, own_credentials};
pub use counting::{Counter, Requests};
pub use error::{Fault, StoreError};
pub use flows::{FlowDraft, FlowPatch, FlowRecord, flow_data_version};
pub use host::{Host, SystemHost};
pub use idempotency::{IdempotencyKey, Reservation, Reserved};
pub use ids::{FlowId, InvalidId, SessionId, TaskId, TenantId};
pub use journal::{JournalMode, JournalRecord};
pub use keys::{KeyRecord, KeyTerms, NewKey, OverLimit, Principal, Rotation, Scope, Scopes};
pub use queue::{MalformedMessage, TaskMessage};
pub use recovery::{Due, Reason, Recovered};
pub use schema::create_table_if_absent;
pub use seal::{MasterKey, Secret};
pub use session_state::SessionState;
pub use sessions::Turn;
pub use slots::Slot;
pub use state::State;
pub use tasks::{
    Cancelled, Claim, Counts, Cursor, Finished, InvalidCursor, Lease, NewTask, Outcome, Refusal, Renewal,
    Requeue, Requeued, Submitted, TaskError, TaskInput, TaskPage, TaskQuery, TaskRecord, TaskSummary,
};
pub use uploads::{Upload, UploadRef, UploadTicket};
pub use usage::{USAGE_DAYS, UsageShare};
pub use variables::{NewVariable, VariableKind, VariablePatch, VariableRecord};

/// What the store has to be told. Nothing here is read from the environment.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Name of the table.
    pub table: String,
    /// URL of the queue.
    pub queue_url: String,
    /// How long a claim holds without being renewed. 30 s by default.
    pub lease: Duration,
    /// How long tasks and conversation turns are kept. 7 days by default.
    pub retention: Duration,
    /// How many claims of a task may crash or fail for a passing reason before it ends as failed. 5 by default.
    pub max_failures: u64,
    /// How long a task may take from its first claim on, if it does not say so itself. 1 hour by default.
    pub task_timeout: Duration,
    /// The longest timeout that a task may ask for. 24 hours by default.
    pub max_task_timeout: Duration,
    /// How many tasks of one tenant run at once; 0, the default, is no limit.
    pub tenant_concurrency: u32,
    /// How many requests a minute are served of a key that has no limit of its own; 0, the default, is no limit.
    pub requests_per_minute: u32,
    /// The largest file that may be uploaded, in bytes. 100 MB by default.
    pub max_upload_bytes: u64,
    /// Whether keys of any text are accepted, as [`Store::seed_key`] makes them. For the local cloud only.
    pub plain_keys: bool,
    /// What wraps the keys that secrets are sealed with. None by default: then variables, tweaks of queued tasks
    /// and callbacks are refused.
    pub master_key: MasterKey,
    /// How many variables a tenant may have. 200 by default.
    pub max_variables: usize,
}

impl StoreConfig {
    /// The defaults for a table and a queue.
    pub fn new(table: impl Into<String>, queue_url: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            queue_url: queue_url.into(),
            lease: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            max_failures: 5,
            task_timeout: Duration::from_secs(60 * 60),
            max_task_timeout: Duration::from_secs(24 * 60 * 60),
            tenant_concurrency: 0,
            requests_per_minute: 0,
            max_upload_bytes: 100_000_000,
            plain_keys: false,
            master_key: MasterKey::None,
            max_variables: 200,
        }
    }
}

/// The table, the queue and the bucket. Cheap to clone; clones share what they know of API keys.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    config: StoreConfig,
    host: Arc<dyn Host>,
    keys: Arc<keys::KeyCache>,
    data_keys: Arc<seal::DataKeys>,
    wrapping: seal::Wrapping,
    rates: Arc<keys::Rates>,
    bucket: Option<bucket::Bucket>,
    credentials: Option<SharedCredentialsProvider>,
}

impl Store {
    /// A store over two clients. Does not call them.
    pub fn new(
        dynamodb: aws_sdk_dynamodb::Client,
        sqs: aws_sdk_sqs::Client,
        config: StoreConfig,
        host: Arc<dyn Host>,
    ) -> Self {
        let wrapping = match &config.master_key {
            MasterKey::Local(key) => seal::Wrapping::Local(key.clone()),
            // KMS needs a client.
            MasterKey::None | MasterKey::Kms(_) => seal::Wrapping::None,
        };
        let dynamodb = dynamodb.config().to_builder().interceptor(counting::Counting);
        let sqs = sqs.config().to_builder().interceptor(counting::Counting);
        Self(Arc::new(Inner {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            config,
            host,
            keys: Arc::default(),
            rates: Arc::default(),
            data_keys: Arc::default(),
            wrapping,
            bucket: None,
            credentials: None,
        }))
    }

    /// The same store with a client of KMS, for a [`MasterKey::Kms`]; any other master key needs none.
    #[must_use]
    pub fn with_kms(self, client: aws_sdk_kms::Client) -> Self {
        let MasterKey::Kms(key) = self.config().master_key.clone() else { return self };
        let counted = client.config().to_builder().interceptor(counting::Counting);
        let client = aws_sdk_kms::Client::from_conf(counted.build());
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { wrapping: seal::Wrapping::Kms { client, key }, ..inner }))
    }

    /// The same store with a bucket. Without one there are no uploads, indexes are not kept, and large values
    /// stand in the table.
    ///
    /// The client must not add checksums of its own (`RequestChecksumCalculation::WhenRequired`): whoever is
    /// handed a pre-signed request could not fill them in.
    #[must_use]
    pub fn with_bucket(self, s3: aws_sdk_s3::Client, name: impl Into<String>) -> Self {
        let counted = s3.config().to_builder().interceptor(counting::Counting);
        let client = aws_sdk_s3::Client::from_conf(counted.build());
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { bucket: Some(bucket::Bucket { client, name: name.into() }), ..inner }))
    }

    /// The same store, whose calls of the table, the queue and the bucket are counted. Meant for measuring: the meter
    /// remembers every item.
    #[must_use]
    pub fn with_meter(self, meter: &metering::Meter) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        let dynamodb = inner.dynamodb.config().to_builder().interceptor(meter.clone()).build();
        let sqs = inner.sqs.config().to_builder().interceptor(meter.clone()).build();
        let bucket = inner.bucket.map(|bucket| bucket::Bucket {
            client: aws_sdk_s3::Client::from_conf(
                bucket.client.config().to_builder().interceptor(meter.clone()).build(),
            ),
            ..bucket
        });
        Self(Arc::new(Inner {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
            sqs: aws_sdk_sqs::Client::from_conf(sqs),
            bucket,
            ..inner
        }))
    }

    /// The same store, knowing the role that its process has on AWS.
    #[must_use]
    pub fn with_credentials(self, credentials: SharedCredentialsProvider) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { credentials: Some(credentials), ..inner }))
    }

    /// The role that this process has on AWS, for other services of it.
    pub fn credentials(&self) -> Option<&SharedCredentialsProvider> {
        self.0.credentials.as_ref()
    }

    /// Whether there is a bucket.
    pub fn has_bucket(&self) -> bool {
        self.0.bucket.is_some()
    }

    /// What the store was told.
    pub fn config(&self) -> &StoreConfig {
        &self.0.config
    }

    /// Time and randomness, as the store sees them.
    pub fn host(&self) -> &dyn Host {
        self.0.host.as_ref()
    }

    /// A new task id.
    pub fn new_task_id(&self) -> TaskId {
        TaskId::new(self.host())
    }

    fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.0.dynamodb
    }

    fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.0.sqs
    }

    fn table(&self) -> &str {
        &self.0.config.table
    }

    fn key_cache(&self) -> &keys::KeyCache {
        &self.0.keys
    }

    fn data_keys(&self) -> &seal::DataKeys {
        &self.0.data_keys
    }

    fn wrapping(&self) -> &seal::Wrapping {
        &self.0.wrapping
    }

    fn rates(&self) -> &keys::Rates {
        &self.0.rates
    }

    fn now(&self) -> Timestamp {
        self.0.host.now()
    }

    /// When a row that is written at `now` may go.
    fn expiry(&self, now: Timestamp) -> Timestamp {
        after(now, self.0.config.retention)
    }

    /// A fresh token of 32 hexadecimal characters.
    fn request_token(&self) -> String {
        let mut bytes = [0; 16];
        self.0.host.random(&mut bytes);
        uuid::Uuid::from_bytes(bytes).as_simple().to_string()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("config", &self.0.config).finish_non_exhaustive()
    }
}

/// `time + duration`, or the end of time.
fn after(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}
