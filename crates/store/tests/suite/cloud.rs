//! What the tests run against.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use millrace_store::metering::Meter;
use millrace_store::{
    FlowId, Host, NewTask, Outcome, Store, StoreConfig, TaskError, TaskId, TaskMessage, TenantId,
    create_table_if_absent,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const TABLE: &str = "millrace";

/// A clock that stands still until it is moved, and bytes that never repeat.
#[derive(Default)]
pub(crate) struct FakeHost {
    moved_millis: AtomicI64,
    drawn: AtomicU64,
}

impl FakeHost {
    pub(crate) fn advance(&self, by: Duration) {
        self.moved_millis.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Host for FakeHost {
    fn now(&self) -> Timestamp {
        let moved = SignedDuration::from_millis(self.moved_millis.load(Ordering::SeqCst));
        Timestamp::from_second(1_750_000_000).unwrap() + moved
    }

    fn random(&self, buf: &mut [u8]) {
        for byte in buf {
            // SplitMix64, a byte at a time.
            let mut z =
                self.drawn.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)) as u8;
        }
    }
}

/// The queue as far as the store knows it: it takes messages, or refuses some first.
#[derive(Clone, Default)]
pub(crate) struct FakeQueue {
    pub(crate) messages: Arc<Mutex<Vec<Value>>>,
    /// What changed how long messages stay hidden.
    pub(crate) visibilities: Arc<Mutex<Vec<Value>>>,
    pub(crate) refuse: Arc<AtomicUsize>,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl FakeQueue {
    pub(crate) fn bodies(&self) -> Vec<TaskMessage> {
        let messages = self.messages.lock().unwrap();
        messages
            .iter()
            .map(|message| TaskMessage::parse(message["MessageBody"].as_str().unwrap()).unwrap())
            .collect()
    }

    /// The `DelaySeconds` of each message, 0 when there are none.
    pub(crate) fn delays(&self) -> Vec<u64> {
        let messages = self.messages.lock().unwrap();
        messages.iter().map(|message| message["DelaySeconds"].as_u64().unwrap_or(0)).collect()
    }

    async fn receive(State(queue): State<Self>, headers: HeaderMap, body: String) -> (StatusCode, String) {
        queue.calls.fetch_add(1, Ordering::SeqCst);
        let refused =
            queue.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if refused.is_ok() {
            return (StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned());
        }
        let body: Value = serde_json::from_str(&body).unwrap();
        if headers["x-amz-target"] == "AmazonSQS.ChangeMessageVisibility" {
            return queue.change_visibility(body);
        }
        let mut messages = queue.messages.lock().unwrap();
        messages.push(body);
        (StatusCode::OK, json!({"MessageId": messages.len().to_string()}).to_string())
    }

    /// A receipt handle `old` is of a message that is gone.
    fn change_visibility(&self, body: Value) -> (StatusCode, String) {
        if body["ReceiptHandle"] == "old" {
            let fault = json!({"__type": "com.amazonaws.sqs#ReceiptHandleIsInvalid", "message": "gone"});
            return (StatusCode::BAD_REQUEST, fault.to_string());
        }
        self.visibilities.lock().unwrap().push(body);
        (StatusCode::OK, "{}".to_owned())
    }
}

/// Objects by key: bytes, and the headers that came with them.
type Objects = BTreeMap<String, (Vec<u8>, HeaderMap)>;

/// A bucket that takes objects, with the headers that came with them, and gives them back.
#[derive(Clone, Default)]
pub(crate) struct FakeBucket {
    pub(crate) objects: Arc<Mutex<Objects>>,
}

impl FakeBucket {
    async fn answer(State(bucket): State<Self>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let key = parts.uri.path().trim_start_matches("/objects/").to_owned();
        if parts.method == "PUT" {
            let bytes = to_bytes(body, 10_000_000).await.unwrap().to_vec();
            bucket.objects.lock().unwrap().insert(key, (bytes, parts.headers));
            return StatusCode::OK.into_response();
        }
        match bucket.objects.lock().unwrap().get(&key) {
            Some((bytes, headers)) => {
                let name = headers.get("x-amz-meta-name").map(|name| ("x-amz-meta-name", name.clone()));
                let mut response = bytes.clone().into_response();
                response
                    .headers_mut()
                    .extend(name.map(|(name, value)| (axum::http::HeaderName::from_static(name), value)));
                response
            }
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        }
    }
}

/// Delivers requests, and loses the replies to as many as it is told, after it has passed on others.
#[derive(Debug, Clone, Default)]
pub(crate) struct LossyWire {
    pub(crate) lose: Arc<AtomicUsize>,
    pass: Arc<AtomicUsize>,
    refuse: Arc<AtomicUsize>,
}

impl LossyWire {
    /// Passes on so many replies, and loses the one after them.
    pub(crate) fn answer_then_lose(&self, answered: usize) {
        self.pass.store(answered, Ordering::SeqCst);
        self.lose.store(1, Ordering::SeqCst);
    }

    /// Passes on so many replies, and does not deliver the requests after them.
    pub(crate) fn answer_then_refuse(&self, answered: usize, refused: usize) {
        self.pass.store(answered, Ordering::SeqCst);
        self.refuse.store(refused, Ordering::SeqCst);
    }

    pub(crate) fn client(&self) -> SharedHttpClient {
        let wire = self.clone();
        let inner = SharedHttpConnector::new(Connector::builder().build_http());
        http_client_fn(move |_, _| {
            SharedHttpConnector::new(LossyConnector { wire: wire.clone(), inner: inner.clone() })
        })
    }
}

#[derive(Debug)]
struct LossyConnector {
    wire: LossyWire,
    inner: SharedHttpConnector,
}

impl HttpConnector for LossyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.wire.clone();
        let one_of = |left: &AtomicUsize| {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        };
        if wire.pass.load(Ordering::SeqCst) == 0 && one_of(&wire.refuse) {
            return HttpConnectorFuture::ready(Err(ConnectorError::io("the request was lost".into())));
        }
        let reply = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let reply = reply.await?;
            if !one_of(&wire.pass) && one_of(&wire.lose) {
                return Err(ConnectorError::io("the reply was lost".into()));
            }
            Ok(reply)
        })
    }
}

/// One empty installation.
pub(crate) struct Cloud {
    pub(crate) store: Store,
    pub(crate) host: Arc<FakeHost>,
    pub(crate) queue: FakeQueue,
    pub(crate) meter: Meter,
    pub(crate) wire: LossyWire,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    sqs: aws_sdk_sqs::Client,
    /// What [`Cloud::with_bucket`] puts objects into.
    pub(crate) bucket: FakeBucket,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let table_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));

        let queue = FakeQueue::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let queue_url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(FakeQueue::receive)).with_state(queue.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });

        let (meter, wire, host) = (Meter::new(), LossyWire::default(), Arc::new(FakeHost::default()));
        let credentials = Credentials::new("test", "test", None, None, "test");
        let dynamodb = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials.clone())
            .endpoint_url(table_url)
            .http_client(wire.client())
            .interceptor(meter.clone());
        let sqs = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .endpoint_url(&queue_url)
            .http_client(LossyWire::default().client())
            .interceptor(meter.clone());
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
        let sqs = aws_sdk_sqs::Client::from_conf(sqs.build());
        create_table_if_absent(&dynamodb, TABLE).await.unwrap();
        meter.take();
        let config = StoreConfig {
            master_key: millrace_store::MasterKey::local([7; 32]),
            ..StoreConfig::new(TABLE, format!("{queue_url}/000000000000/tasks"))
        };
        let store = Store::new(dynamodb.clone(), sqs.clone(), config, host.clone());
        Self { store, host, queue, meter, wire, dynamodb, sqs, bucket: FakeBucket::default() }
    }

    /// The same installation with a bucket.
    pub(crate) async fn with_bucket() -> Self {
        let cloud = Self::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(FakeBucket::answer).with_state(cloud.bucket.clone());
        let router = router.layer(DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(url)
            .force_path_style(true)
            .request_checksum_calculation(aws_sdk_s3::config::RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(aws_sdk_s3::config::ResponseChecksumValidation::WhenRequired)
            .http_client(LossyWire::default().client());
        let store = cloud.store.clone().with_bucket(aws_sdk_s3::Client::from_conf(s3.build()), "objects");
        Self { store, ..cloud }
    }

    /// A second environment over the same table, with a configuration changed by `change`.
    pub(crate) fn another(&self, change: impl FnOnce(&mut StoreConfig)) -> Store {
        let mut config = self.store.config().clone();
        change(&mut config);
        Store::new(self.dynamodb.clone(), self.sqs.clone(), config, self.host.clone())
    }

    pub(crate) fn new_task(&self, tenant: &TenantId, input: Value) -> NewTask {
        NewTask::new(
            self.store.new_task_id(),
            tenant.clone(),
            FlowId::new(self.host.as_ref()),
            "0123456789abcdef0123456789abcdef",
            "a conversation",
            input,
        )
    }

    /// A task whose owner is to be called back.
    pub(crate) fn new_task_with_callback(&self, tenant: &TenantId) -> NewTask {
        NewTask { callback: true, ..self.new_task(tenant, json!({"text": "hello"})) }
    }

    /// Whether a text stands anywhere in the table, as it is or in base64.
    pub(crate) async fn holds(&self, text: &str) -> bool {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        let all = self.dynamodb.scan().table_name(TABLE).send().await.unwrap();
        all.items().iter().flat_map(|row| row.values()).any(|value| {
            let bytes = match value {
                AttributeValue::S(text) => text.clone().into_bytes(),
                AttributeValue::B(blob) => blob.as_ref().to_vec(),
                _ => Vec::new(),
            };
            [text, &encoded].iter().any(|text| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        })
    }

    /// How many rows have an attribute.
    pub(crate) async fn attributes_called(&self, name: &str) -> usize {
        let all = self.dynamodb.scan().table_name(TABLE).send().await.unwrap();
        all.items().iter().filter(|row| row.contains_key(name)).count()
    }

    /// The tasks that stand in the index of open tasks, whenever they are due.
    pub(crate) async fn open(&self) -> Vec<TaskId> {
        let rows = self.dynamodb.scan().table_name(TABLE).index_name("open").send().await.unwrap();
        let partition = |row: &HashMap<String, AttributeValue>| row["pk"].as_s().unwrap().clone();
        rows.items().iter().map(|row| partition(row).rsplit('#').next().unwrap().parse().unwrap()).collect()
    }

    /// Submits a task and returns it.
    pub(crate) async fn submitted(&self, tenant: &TenantId) -> NewTask {
        let task = self.new_task(tenant, json!({"text": "hello"}));
        self.store.submit(&task).await.unwrap();
        task
    }
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::try_from(name).unwrap()
}

pub(crate) fn succeeded(result: Value) -> Outcome {
    Outcome::Succeeded { result }
}

pub(crate) fn failed(message: &str) -> Outcome {
    let error = TaskError { kind: "timeout".to_owned(), message: message.to_owned(), retryable: true };
    Outcome::Failed { error }
}

/// JSON of about `bytes` that no compression shrinks much.
pub(crate) fn noise(bytes: usize) -> Value {
    let (host, mut drawn) = (FakeHost::default(), vec![0; bytes]);
    host.random(&mut drawn);
    let text: String = drawn.iter().map(|byte| char::from(33 + byte % 90)).collect();
    Value::from(text)
}
