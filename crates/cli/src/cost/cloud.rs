//! An installation in memory whose requests are counted: the functions themselves over the local cloud, called with the
//! events that AWS would send.
//!
//! Its clock stands still and its ids are always the same, so that what is counted is too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use jiff::Timestamp;
use millrace_api::App;
use millrace_local::{LocalCloud, LocalConfig, Provider, ProviderConfig};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::logs;
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::metering::{Meter, Usage};
use millrace_store::{Host, MasterKey, Store, StoreConfig, SystemHost, TenantId, create_table_if_absent};
use serde_json::{Value as Json, json};
use tokio::time::Instant;
use tracing::instrument::WithSubscriber as _;

use super::lines::Lines;
use crate::demo::FLOW;

const TABLE: &str = "millrace";
/// The largest body that the api reads: the template's default.
const MAX_BODY_BYTES: usize = 5_000_000;
/// The worker's own limit, as the template has it.
const WORKER_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long a message is waited for that was sent before.
const PATIENCE: Duration = Duration::from_secs(20);

/// The clock stands still; random bytes come from a counter.
#[derive(Debug, Default)]
struct StillHost(AtomicU64);

impl Host for StillHost {
    fn now(&self) -> Timestamp {
        // A time with as many digits as most.
        Timestamp::new(1_750_000_000, 123_456_789).unwrap_or_default()
    }

    fn random(&self, buf: &mut [u8]) {
        for byte in buf {
            // SplitMix64, a byte at a time.
            let drawn = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let mut z = drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)) as u8;
        }
    }
}

/// How an installation is set up, where that changes what is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setup {
    /// Tasks of a tenant at once; 0 is no limit and costs no slot.
    pub tenant_concurrency: u32,
    /// Requests of a key in a minute; 0 is no limit.
    pub requests_per_minute: u32,
    /// How long a claim holds; heartbeats renew it.
    pub lease: Duration,
    /// How long the model takes.
    pub model: Duration,
    /// Whether the clock is the system's: for what is measured and not counted.
    pub clock: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            tenant_concurrency: 0,
            requests_per_minute: 0,
            lease: Duration::from_secs(30),
            model: Duration::ZERO,
            clock: false,
        }
    }
}

/// A running installation with the demo's flow in it.
pub(super) struct Installation {
    cloud: LocalCloud,
    provider: Provider,
    meter: Meter,
    lines: Lines,
    api: Runner,
    router: Router,
    worker: Runner,
    key: String,
    process: String,
}

/// What was asked of AWS, and what was written into the log.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub usage: Usage,
    pub log_bytes: u64,
}

/// The services of an installation, and its model.
pub(super) struct Servers {
    cloud: LocalCloud,
    provider: Provider,
}

impl Servers {
    /// Starts them in the runtime that this is called in.
    pub async fn start(setup: Setup) -> Result<Self> {
        let cloud = LocalCloud::start(LocalConfig {
            visibility_timeout: WORKER_TIMEOUT + Duration::from_secs(60),
            ..LocalConfig::default()
        });
        let provider = Provider::start(ProviderConfig { port: 0, delay: setup.model });
        Ok(Self { cloud: cloud.await?, provider: provider.await? })
    }
}

impl Installation {
    /// Starts one, with its services.
    pub async fn start(setup: Setup) -> Result<Self> {
        Self::over(Servers::start(setup).await?, setup).await
    }

    /// Starts one over these services and makes some calls, so that key, flow and connections are known.
    pub async fn over(Servers { cloud, provider }: Servers, setup: Setup) -> Result<Self> {
        let meter = Meter::new();
        create_table_if_absent(&cloud.dynamodb_client(), TABLE).await?;
        let host: Arc<dyn Host> =
            if setup.clock { Arc::new(SystemHost) } else { Arc::new(StillHost::default()) };
        // Two processes, as deployed: they share the table and no memory.
        let runner = |host| runner((&cloud, &provider), &meter, setup, host);
        let (api, worker) = (runner(host.clone())?, runner(host)?);
        let tenant = TenantId::try_from("default")?;
        let key = api.store().create_key(&tenant, "cost").await?.text;
        let router = millrace_api::router(Arc::new(App::new(api.clone(), MAX_BODY_BYTES)));
        let lines = Lines::default();
        let mut new =
            Self { cloud, provider, meter, lines, api, router, worker, key, process: String::new() };
        let flow = new.call("POST", "/api/v1/flows/", &[], Some(&serde_json::from_str(FLOW)?)).await?;
        let id = flow["id"].as_str().context("the answer has no flow id")?;
        new.process = format!("/api/v1/process/{id}");
        new.submit(None).await?;
        new.run_batch(1).await?;
        new.run_now().await?;
        new.forget().await;
        Ok(new)
    }

    /// Leaves no sum unput, and forgets what was asked until now.
    pub async fn forget(&self) {
        self.api.put_usage(false).await;
        self.worker.put_usage(false).await;
        self.asked();
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Asked {
        Asked { usage: self.meter.take(), log_bytes: self.lines.take() }
    }

    /// What the table holds, in billed bytes.
    pub fn stored_bytes(&self) -> u64 {
        self.meter.stored_bytes()
    }

    /// Queues a task and gives its id.
    pub async fn submit(&self, journal: Option<&str>) -> Result<String> {
        let body = json!({"inputs": {"text": "What is a millrace?"}, "sync": false, "journal": journal});
        let answer = self.call("POST", &self.process, &[], Some(&body)).await?;
        Ok(answer["task"]["id"].as_str().context("the answer has no task")?.to_owned())
    }

    /// Runs a call whose caller waits.
    pub async fn run_now(&self) -> Result<()> {
        let body = json!({"inputs": {"text": "What is a millrace?"}});
        let answer = self.call("POST", &self.process, &[], Some(&body)).await?;
        anyhow::ensure!(answer["result"].is_object(), "the call came to no result: {answer}");
        Ok(())
    }

    /// Asks for a task once, waiting so many seconds for its end.
    pub async fn poll(&self, task: &str, wait: Option<f64>) -> Result<Json> {
        let wait = wait.map(|seconds| ("wait", seconds.to_string()));
        self.call("GET", &format!("/api/v1/task/{task}"), wait.as_slice(), None).await
    }

    /// Puts the api's own sum of the day.
    pub async fn put_usage_of_api(&self) {
        self.api.put_usage(false).await;
    }

    /// Hands the worker `tasks` messages of the queue in one batch, and deletes them.
    pub async fn run_batch(&self, tasks: usize) -> Result<()> {
        let sqs = self.cloud.sqs_client();
        let (mut messages, start) = (Vec::new(), Instant::now());
        while messages.len() < tasks {
            let wanted = i32::try_from((tasks - messages.len()).min(10))?;
            let receive = sqs.receive_message().queue_url(self.cloud.queue_url());
            let received = receive.max_number_of_messages(wanted).wait_time_seconds(1).send().await?;
            messages.extend(received.messages.unwrap_or_default());
            anyhow::ensure!(start.elapsed() < PATIENCE, "the queue does not have {tasks} messages");
        }
        // In the order in which they were sent: their ids begin with the time and a counter.
        messages.sort_by(|one, other| one.body.cmp(&other.body));
        let records: Vec<Json> = messages
            .iter()
            .map(|message| {
                json!({"messageId": message.message_id, "receiptHandle": message.receipt_handle,
                    "body": message.body, "attributes": {"ApproximateReceiveCount": "1"},
                    "eventSource": "aws:sqs", "eventSourceARN": self.cloud.queue_arn()})
            })
            .collect();
        let event = json!({"Records": records}).to_string();
        let deadline = Some(Instant::now() + WORKER_TIMEOUT);
        let run = millrace_worker::handle_json(&self.worker, event.as_bytes(), deadline);
        let answer: Json = serde_json::from_slice(&run.with_subscriber(self.lines.subscriber()?).await?)?;
        anyhow::ensure!(answer["batchItemFailures"] == json!([]), "a batch failed: {answer}");
        for message in messages {
            let delete = sqs.delete_message().queue_url(self.cloud.queue_url());
            delete.receipt_handle(message.receipt_handle.unwrap_or_default()).send().await?;
        }
        Ok(())
    }

    /// Runs the sweeper as the schedule does, where nothing is due.
    pub async fn sweep(&self) -> Result<()> {
        let run = millrace_sweeper::handle_json(&self.worker, b"{}", None);
        run.with_subscriber(self.lines.subscriber()?).await?;
        Ok(())
    }

    /// Ends everything.
    pub async fn stop(self) {
        self.provider.stop().await;
        self.cloud.shutdown().await;
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Json>,
    ) -> Result<Json> {
        let event = event((method, path, query), &self.key, body).to_string();
        let answer = millrace_api::handle(&self.router, event.as_bytes());
        let answer: Json = serde_json::from_slice(&answer.with_subscriber(self.lines.subscriber()?).await?)?;
        let text = answer["body"].as_str().unwrap_or_default();
        match answer["statusCode"].as_u64() {
            Some(200..300) => Ok(serde_json::from_str(text)?),
            status => bail!("{method} {path} answered {status:?}: {text}"),
        }
    }
}

/// A request as an HTTP API hands it on, payload format 2.0.
fn event((method, path, query): (&str, &str, &[(&str, String)]), key: &str, body: Option<&Json>) -> Json {
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let host = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query.join("&"),
        "headers": {"content-type": "application/json", "host": host, "x-api-key": key},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "domainPrefix": "a1b2c3d4e5",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "millrace"},
            "requestId": "PB5yEdqVKMwwkOc=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2025:09:15:06 +0000",
            "timeEpoch": 1_763_889_306_357_u64,
        },
        "body": body.map(Json::to_string),
        "isBase64Encoded": false,
    })
}

fn runner(
    (cloud, provider): (&LocalCloud, &Provider),
    meter: &Meter,
    setup: Setup,
    host: Arc<dyn Host>,
) -> Result<Runner> {
    let config = StoreConfig {
        master_key: MasterKey::local([7; 32]),
        tenant_concurrency: setup.tenant_concurrency,
        requests_per_minute: setup.requests_per_minute,
        lease: setup.lease,
        ..StoreConfig::new(TABLE, cloud.queue_url())
    };
    let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), config, host)
        .with_bucket(cloud.s3_client(), cloud.bucket())
        .with_meter(meter);
    let outbound = Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() })?;
    let variables = [("OPENAI_API_KEY", "stand-in".to_owned()), ("OPENAI_BASE_URL", provider.base_url())];
    let config = RunnerConfig {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        ..RunnerConfig::default()
    };
    Ok(Runner::new(store, millrace_components::registry(), outbound, config))
}

/// The filter of a deployed function.
pub(super) const LOG_FILTER: &str = "info";

impl Lines {
    fn subscriber(&self) -> Result<impl tracing::Subscriber + Send + Sync + use<>> {
        Ok(logs::subscriber(LOG_FILTER, self.clone())?)
    }
}
