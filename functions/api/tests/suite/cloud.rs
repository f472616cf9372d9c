//! What the tests run against.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use millrace_api::{App, handle, router};
use millrace_local::{LocalCloud, LocalConfig};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::{
    Claim, Lease, Outcome, Store, StoreConfig, SystemHost, TaskError, TenantId, create_table_if_absent,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// The largest body that the API reads.
pub(crate) const MAX_BODY_BYTES: usize = 5_000_000;

const TABLE: &str = "millrace";

/// The key of the tenant that the tests are about; another tenant's is [`OTHER`].
pub(crate) const KEY: &str = "local-key";
pub(crate) const OTHER: &str = "other-key";

/// The bodies of the messages that were sent.
type Messages = Arc<Mutex<Vec<Value>>>;

/// One empty installation.
pub(crate) struct Api {
    router: Router,
    runner: Runner,
    messages: Messages,
    /// Only its bucket is used.
    _cloud: LocalCloud,
}

/// How a task is to end.
pub(crate) enum End {
    /// With this result.
    Result(Value),
    /// With an error of this kind and sentence.
    Error(&'static str, &'static str),
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(RunnerConfig::default(), OutboundConfig::default()).await
    }

    pub(crate) async fn with(config: RunnerConfig, outbound: OutboundConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let table_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));

        let messages = Messages::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let queue_url = format!("http://{}", listener.local_addr().unwrap());
        let queue = Router::new().route("/", post(receive)).with_state(messages.clone());
        tokio::spawn(async move { axum::serve(listener, queue).await });

        let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
        let store = store(&table_url, &queue_url).await.with_bucket(cloud.s3_client(), cloud.bucket());
        for (tenant, key) in [("acme", KEY), ("other", OTHER)] {
            store.seed_key(&tenant.parse().unwrap(), key, "test").await.unwrap();
        }
        let outbound = Outbound::new(outbound).unwrap();
        let runner = Runner::new(store, millrace_components::registry(), outbound, config);
        Self {
            router: router(Arc::new(App::new(runner.clone(), MAX_BODY_BYTES))),
            runner,
            messages,
            _cloud: cloud,
        }
    }

    /// Sends a request with these headers besides the key.
    pub(crate) async fn with_headers(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path).header("x-api-key", KEY);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.reply(request.body(Body::from(body)).unwrap()).await
    }

    /// Sends a request with JSON, or with a body of another content type.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: &str,
        content_type: &str,
    ) -> Reply {
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        let request = request.header(CONTENT_TYPE, content_type).body(Body::from(body.to_owned())).unwrap();
        self.reply(request).await
    }

    async fn reply(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, KEY, "", "application/json").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, KEY, &body.to_string(), "application/json").await
    }

    /// Answers a Lambda event as the local cloud does.
    pub(crate) async fn event(&self, event: &str) -> Value {
        serde_json::from_slice(&handle(&self.router, event.as_bytes()).await.unwrap()).unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, KEY, "", "").await
    }

    /// A queued task of this flow.
    pub(crate) async fn queue(&self, flow: &str) -> String {
        let body = json!({"inputs": {"text": "hi"}, "sync": false});
        let answer = self.post(&format!("/api/v1/process/{flow}"), body).await.json();
        answer["task"]["id"].as_str().unwrap().to_owned()
    }

    /// Claims a task as a worker would.
    pub(crate) async fn claim(&self, task: &str) -> Lease {
        match self.store().claim(&tenant(), task.parse().unwrap()).await.unwrap() {
            Claim::Granted(lease) => lease,
            Claim::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    /// Claims and ends a task as a worker would.
    pub(crate) async fn finish(&self, task: &str, end: End) {
        let outcome = match end {
            End::Result(result) => Outcome::Succeeded { result },
            End::Error(kind, message) => {
                let (kind, message) = (kind.to_owned(), message.to_owned());
                Outcome::Failed { error: TaskError { kind, message, retryable: false } }
            }
        };
        self.store().finish(&self.claim(task).await, &outcome, None).await.unwrap();
    }

    pub(crate) fn store(&self) -> &Store {
        self.runner.store()
    }

    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// What the queue was given.
    pub(crate) fn messages(&self) -> Vec<Value> {
        self.messages.lock().unwrap().clone()
    }

    /// Creates a flow from the event of this name and returns its id.
    pub(crate) async fn create(&self, event: &str) -> String {
        let answer = self.event(&event_text(event)).await;
        let flow: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        flow["id"].as_str().unwrap().to_owned()
    }
}

/// The tenant that the tests are about.
pub(crate) fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

/// The text of an event that the project keeps.
pub(crate) fn event_text(name: &str) -> String {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

async fn receive(State(messages): State<Messages>, body: String) -> String {
    let request: Value = serde_json::from_str(&body).unwrap();
    let mut messages = messages.lock().unwrap();
    messages.push(serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap());
    json!({"MessageId": messages.len().to_string()}).to_string()
}

async fn store(table_url: &str, queue_url: &str) -> Store {
    let region = Region::new("eu-central-1");
    let credentials = Credentials::new("test", "test", None, None, "test");
    let http = aws_smithy_http_client::Builder::new().build_http();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.clone())
        .credentials_provider(credentials.clone())
        .http_client(http.clone())
        .endpoint_url(table_url);
    let sqs = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(credentials)
        .http_client(http)
        .endpoint_url(queue_url);
    let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.build());
    create_table_if_absent(&dynamodb, TABLE).await.unwrap();
    let config = StoreConfig {
        plain_keys: true,
        master_key: millrace_store::MasterKey::local([7; 32]),
        ..StoreConfig::new(TABLE, format!("{queue_url}/000000000000/tasks"))
    };
    Store::new(dynamodb, aws_sdk_sqs::Client::from_conf(sqs.build()), config, Arc::new(SystemHost))
}
