//! Everything between a client and a model provider, on loopback ports of its own: what the functions are, they
//! are here too, over real Lambda events.

// Paths, since the test of the logs has this file at a place of its own.
#[path = "stack/functions.rs"]
mod functions;
#[path = "stack/setup.rs"]
mod setup;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use millrace_api::{App, router};
use millrace_local::{EventSource, EventSourceConfig, Front, FrontConfig, LocalCloud, LocalConfig, Schedule};
use millrace_runner::Runner;
use millrace_store::metering::Meter;
use millrace_store::{TenantId, create_table_if_absent};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::provider::Provider;
use functions::{Runners, api, sweeper_function, worker_function};
pub use setup::Setup;

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
        functions::runner(&self.cloud, &self.provider, &self.meter, setup, None)
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
