//! Everything between a client and a model provider, on loopback ports of its own: what the functions are, they
//! are here too, over real Lambda events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use bytes::Bytes;
use millrace_api::{App, router};
use millrace_engine::FlowLimits;
use millrace_local::{
    EventSource, EventSourceConfig, Front, FrontConfig, FunctionError, LocalCloud, LocalConfig, Schedule,
    from_async,
};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{ExporterConfig, Prices, RunLimits, Runner, RunnerConfig};
use millrace_store::metering::Meter;
use millrace_store::{Host, MasterKey, Store, StoreConfig, SystemHost, TenantId, create_table_if_absent};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio_util::task::TaskTracker;

use crate::observer::{Observed, Observer};
use crate::provider::Provider;

/// The key that every stack has, of the tenant `default`, but for those that take no plain keys.
pub const KEY: &str = "local-key";
/// The largest body that the API reads.
pub const MAX_BODY_BYTES: usize = 5_000_000;

/// A row of the table, by the names of its attributes.
pub type Row = BTreeMap<String, AttributeValue>;

/// A running stack. Everything in it ends with it.
pub struct Stack {
    /// The front's address.
    pub url: String,
    /// The model provider.
    pub provider: Provider,
    /// Counts what both functions ask of the table and the queue.
    pub meter: Meter,
    /// What both functions run tasks with; where they are observed, the api's.
    pub runner: Runner,
    /// The worker's.
    pub worker: Runner,
    /// The sweeper's.
    pub sweeper: Runner,
    /// The API, to call without HTTP.
    pub router: Router,
    /// The key that calls are made with, of the tenant `default`.
    pub key: String,
    client: reqwest::Client,
    _front: Front,
    _worker: Option<EventSource>,
    _sweeps: Option<Schedule>,
    cloud: LocalCloud,
}

/// How a stack differs from the usual one.
#[derive(Clone)]
pub struct Setup {
    /// Whether a worker waits at the queue.
    pub worker: bool,
    /// How often the sweeper runs, if at all.
    pub sweeps: Option<Duration>,
    /// How long a caller is kept waiting.
    pub sync_timeout: Duration,
    /// Whether work goes on after an answer.
    pub background: bool,
    /// Attempts that may fail; with 1 a passing reason is as final as any.
    pub max_failures: u64,
    /// Tasks of a tenant at once; 0 is no limit.
    pub tenant_concurrency: u32,
    /// Requests of a key in a minute; 0 is no limit.
    pub requests_per_minute: u32,
    /// How long a claim holds.
    pub lease: Duration,
    /// The folder whose files flows may read by their paths.
    pub files: Option<PathBuf>,
    /// Whether keys may be any text, as in the local cloud.
    pub plain_keys: bool,
    /// How large a flow may be.
    pub flow_limits: FlowLimits,
    /// What one run may use.
    pub run_limits: RunLimits,
    /// What things cost.
    pub prices: Prices,
    /// Dollars that a task may cost.
    pub task_budget: Option<f64>,
    /// Dollars that a tenant may spend a day.
    pub tenant_budget: Option<f64>,
    /// Where spans are sent to.
    pub collector: Option<ExporterConfig>,
    /// Who notes what each function calls. Each has clients of its own then, and secrets are sealed under KMS.
    pub observed: Option<Observed>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            worker: true,
            sweeps: None,
            sync_timeout: Duration::from_secs(28),
            background: true,
            max_failures: 1,
            tenant_concurrency: 0,
            requests_per_minute: 0,
            lease: Duration::from_secs(30),
            files: None,
            plain_keys: true,
            flow_limits: FlowLimits::default(),
            run_limits: RunLimits::default(),
            prices: Prices::default(),
            task_budget: None,
            tenant_budget: None,
            collector: None,
            observed: None,
        }
    }
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body: JSON, or else text.
    pub body: Json,
}

impl Answer {
    /// The task that it is about, if there is one.
    pub fn task(&self) -> Option<String> {
        let header = self.headers.get("x-millrace-task")?;
        Some(header.to_str().unwrap().to_owned())
    }

    /// The sentence of an error.
    pub fn detail(&self) -> String {
        match &self.body["detail"] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Stack {
    /// All of it, with a worker that waits at the queue.
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// The same without a worker: what is queued stays so.
    pub async fn without_worker() -> Self {
        Self::with(Setup { worker: false, ..Setup::default() }).await
    }

    /// A stack of another make.
    pub async fn with(setup: Setup) -> Self {
        // The HTTP client wants a provider, whatever it talks; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
        create_table_if_absent(&cloud.dynamodb_client(), "millrace").await.unwrap();
        let provider = Provider::start().await;
        let meter = Meter::new();
        let runners = Runners::of(&cloud, &provider, &meter, &setup);
        let Runners { api: runner, worker, sweeper } = runners;
        let tenant: TenantId = "default".parse().unwrap();
        let key = match setup.plain_keys {
            true => {
                runner.store().seed_key(&tenant, KEY, "the suite's").await.map(|()| KEY.to_owned()).unwrap()
            }
            false => runner.store().create_key(&tenant, "the suite's").await.unwrap().text,
        };
        let router = router(Arc::new(App::new(runner.clone(), MAX_BODY_BYTES)));
        let config = FrontConfig { port: 0, ..FrontConfig::default() };
        let front = Front::start(config, Arc::new(api(router.clone()))).await.unwrap();
        let taker = setup.worker.then(|| {
            let config = EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn());
            EventSource::start(cloud.sqs_client(), config, Arc::new(worker_function(worker.clone())))
        });
        let sweeps =
            setup.sweeps.map(|period| Schedule::start(period, Arc::new(sweeper_function(sweeper.clone()))));
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.build().unwrap();
        Self {
            url: front.url(),
            provider,
            meter,
            runner,
            worker,
            sweeper,
            router,
            key,
            client,
            _front: front,
            _worker: taker,
            _sweeps: sweeps,
            cloud,
        }
    }

    /// Another process beside this one's, over the same table and queue.
    pub fn another_runner(&self, setup: &Setup) -> Runner {
        runner(&self.cloud, &self.provider, &self.meter, setup, None)
    }

    /// Sends JSON with the stack's key.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Json>) -> Answer {
        self.call_as(&self.key, method, path, body).await
    }

    /// Sends JSON with another key.
    pub async fn call_as(&self, key: &str, method: Method, path: &str, body: Option<&Json>) -> Answer {
        let request = self.request(method, path).header("x-api-key", key);
        match body {
            Some(body) => send(request.json(body)).await,
            None => send(request).await,
        }
    }

    /// A request without a key, to be completed by the caller.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Posts JSON with the stack's key.
    pub async fn post(&self, path: &str, body: &Json) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Uploads a file for a flow and gives the path that stands for it.
    pub async fn upload(&self, flow: &str, name: &str, bytes: Vec<u8>) -> String {
        let request = self.request(Method::POST, &format!("/api/v1/upload/{flow}"));
        let answer = send(form(request, name, &bytes).header("x-api-key", &self.key)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["file_path"].as_str().unwrap().to_owned()
    }

    /// The data of a flow in `flows/`, whose model is the stack's provider.
    pub fn drawn(&self, name: &str) -> Json {
        let path = format!("{}/flows/{name}/flow.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap().replace("{provider}", &self.provider.base_url());
        serde_json::from_str::<Json>(&text).unwrap()["data"].take()
    }

    /// Stores a flow and gives its id.
    pub async fn create_flow(&self, data: &Json) -> String {
        let answer = self.post("/api/v1/flows/", &json!({"name": "a flow", "data": data})).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    /// The keys of all objects in the bucket.
    pub async fn objects(&self) -> Vec<String> {
        let listed =
            self.cloud.s3_client().list_objects_v2().bucket(self.cloud.bucket()).send().await.unwrap();
        listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
    }

    /// Every attribute of every row and every object, uncompressed, by where it stands.
    pub async fn everything_stored(&self) -> Vec<(String, Vec<u8>)> {
        let mut all = Vec::new();
        for row in self.rows().await {
            let place = format!("{:?} {:?}", row["pk"], row["sk"]);
            for (name, value) in row {
                let bytes = match value {
                    AttributeValue::B(blob) => plain(blob.as_ref()),
                    other => format!("{other:?}").into_bytes(),
                };
                all.push((format!("{place} {name}"), bytes));
            }
        }
        for key in self.objects().await {
            let bytes = self.object(&key).await;
            all.push((key, plain(&bytes)));
        }
        all
    }

    /// How many rows have an attribute.
    pub async fn rows_with(&self, attribute: &str) -> usize {
        self.rows().await.iter().filter(|row| row.contains_key(attribute)).count()
    }

    /// The bytes of an object.
    pub async fn object(&self, key: &str) -> Vec<u8> {
        let object = self.cloud.s3_client().get_object().bucket(self.cloud.bucket()).key(key);
        object.send().await.unwrap().body.collect().await.unwrap().to_vec()
    }

    /// Removes the objects under a prefix.
    pub async fn remove_objects(&self, prefix: &str) {
        let s3 = self.cloud.s3_client();
        for key in self.objects().await.iter().filter(|key| key.starts_with(prefix)) {
            s3.delete_object().bucket(self.cloud.bucket()).key(key).send().await.unwrap();
        }
    }

    /// Removes the table.
    pub async fn remove_table(&self) {
        self.cloud.dynamodb_client().delete_table().table_name("millrace").send().await.unwrap();
    }

    /// All rows of the table.
    pub async fn rows(&self) -> Vec<Row> {
        let pages =
            self.cloud.dynamodb_client().scan().table_name("millrace").into_paginator().items().send();
        let rows = pages.try_collect().await.unwrap();
        rows.into_iter().map(|row| row.into_iter().collect()).collect()
    }

    /// The bodies of the messages that wait in the queue.
    pub async fn messages(&self) -> Vec<Json> {
        let sqs = self.cloud.sqs_client();
        let received = sqs.receive_message().queue_url(self.cloud.queue_url()).visibility_timeout(0);
        let received = received.max_number_of_messages(10).send().await.unwrap();
        let bodies = received.messages.unwrap_or_default().into_iter().filter_map(|message| message.body);
        bodies.map(|body| serde_json::from_str(&body).unwrap()).collect()
    }

    /// The attributes of the messages that wait in the queue: those of their sender, and those of the system.
    pub async fn message_attributes(&self) -> Vec<BTreeMap<String, String>> {
        let sqs = self.cloud.sqs_client();
        let received = sqs.receive_message().queue_url(self.cloud.queue_url()).visibility_timeout(0);
        let received = received.message_attribute_names("All").message_system_attribute_names("All".into());
        let messages = received.max_number_of_messages(10).send().await.unwrap().messages.unwrap_or_default();
        messages.into_iter().map(attributes).collect()
    }

    /// Loses every message that waits in the queue.
    pub async fn drop_messages(&self) {
        self.cloud.sqs_client().purge_queue().queue_url(self.cloud.queue_url()).send().await.unwrap();
    }

    /// Polls a task until it has ended.
    pub async fn ended(&self, task: &str) -> Json {
        let started = Instant::now();
        loop {
            let answer = self.call(Method::GET, &format!("/api/v1/task/{task}"), None).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            if answer.body["status"] != "PENDING" {
                return answer.body;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "task {task} does not end: {}", answer.body);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn attributes(message: aws_sdk_sqs::types::Message) -> BTreeMap<String, String> {
    let system = message.attributes.unwrap_or_default().into_iter();
    let system = system.map(|(name, value)| (name.as_str().to_owned(), value));
    let own = message.message_attributes.unwrap_or_default().into_iter();
    system.chain(own.filter_map(|(name, value)| Some((name, value.string_value?)))).collect()
}

/// Bytes as they were before they were compressed, if they were.
fn plain(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap_or_else(|_| bytes.to_vec())
}

/// A file as a form.
pub fn form(request: reqwest::RequestBuilder, name: &str, bytes: &[u8]) -> reqwest::RequestBuilder {
    let head = format!("--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    let body = [head.as_bytes(), bytes, b"\r\n--x--\r\n"].concat();
    request.header("content-type", "multipart/form-data; boundary=x").body(body)
}

/// Sends a request and reads its answer.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Json::String(text));
    Answer { status, headers, body }
}

/// What each function runs tasks with: one for all, or, where they are observed, one for each.
struct Runners {
    api: Runner,
    worker: Runner,
    sweeper: Runner,
}

impl Runners {
    fn of(cloud: &LocalCloud, provider: &Provider, meter: &Meter, setup: &Setup) -> Self {
        let of = |observer| runner(cloud, provider, meter, setup, observer);
        match &setup.observed {
            Some(observed) => Self {
                api: of(Some(&observed.api)),
                worker: of(Some(&observed.worker)),
                sweeper: of(Some(&observed.sweeper)),
            },
            None => {
                let one = of(None);
                Self { api: one.clone(), worker: one.clone(), sweeper: one }
            }
        }
    }
}

fn runner(
    cloud: &LocalCloud,
    provider: &Provider,
    meter: &Meter,
    setup: &Setup,
    observer: Option<&Observer>,
) -> Runner {
    let sdk = cloud.sdk_config();
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(cloud.dynamodb_url());
    let sqs = aws_sdk_sqs::config::Builder::from(&sdk).endpoint_url(cloud.sqs_url());
    let s3 = cloud.s3_client().config().to_builder();
    let (mut dynamodb, mut sqs, mut s3) =
        (dynamodb.interceptor(meter.clone()), sqs.interceptor(meter.clone()), s3);
    let mut host: Arc<dyn Host> = Arc::new(SystemHost);
    let mut master_key = MasterKey::local([7; 32]);
    if let Some(observer) = observer {
        dynamodb = dynamodb.interceptor(observer.clone());
        sqs = sqs.interceptor(observer.clone());
        s3 = s3.interceptor(observer.clone());
        host = observer.host();
        master_key = MasterKey::Kms("alias/millrace".to_owned());
    }
    let store = Store::new(
        aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        aws_sdk_sqs::Client::from_conf(sqs.build()),
        StoreConfig {
            plain_keys: setup.plain_keys,
            master_key,
            max_failures: setup.max_failures,
            tenant_concurrency: setup.tenant_concurrency,
            requests_per_minute: setup.requests_per_minute,
            lease: setup.lease,
            ..StoreConfig::new("millrace", cloud.queue_url())
        },
        host,
    )
    .with_bucket(aws_sdk_s3::Client::from_conf(s3.build()), cloud.bucket());
    let store = match observer {
        Some(observer) => store.with_kms(observer.kms(&aws_sdk_kms::config::Builder::from(&sdk))),
        None => store,
    };
    let outbound =
        Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() }).unwrap();
    let variables = [
        ("OPENAI_API_KEY", "sk-operator".to_owned()),
        ("OPENAI_BASE_URL", provider.base_url()),
        ("SERPAPI_API_BASE", provider.url()),
    ];
    let config = RunnerConfig {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        sync_timeout: setup.sync_timeout,
        files_root: setup.files.clone(),
        flow_limits: setup.flow_limits,
        run_limits: setup.run_limits,
        prices: setup.prices.clone(),
        task_budget: setup.task_budget,
        tenant_budget: setup.tenant_budget,
        ..RunnerConfig::default()
    };
    let registry = millrace_components::registry();
    let runner = match setup.background {
        true => Runner::with_background(store, registry, outbound, config, TaskTracker::new()),
        false => Runner::new(store, registry, outbound, config),
    };
    if let Some(collector) = &setup.collector {
        runner.export_to(collector.clone()).unwrap();
    }
    runner
}

fn api(router: Router) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let router = router.clone();
        async move {
            let answer = millrace_api::handle(&router, &event).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Api", error.to_string()))
        }
    })
}

fn worker_function(runner: Runner) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let answer = millrace_worker::handle_json(&runner, &event, None).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Worker", error.to_string()))
        }
    })
}

fn sweeper_function(runner: Runner) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let answer = millrace_sweeper::handle_json(&runner, &event, None).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Sweeper", error.to_string()))
        }
    })
}
