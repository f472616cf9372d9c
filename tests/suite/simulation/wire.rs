//! The SDKs' way to the services: no socket, and whatever the plan says goes wrong on it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use tokio::time::sleep;

use super::bucket;
use super::call::{Call, Service};
use super::fault::Fault;
use super::process::Process;
use super::table::Reply;
use super::world::World;

/// One process's way out.
#[derive(Clone)]
pub struct Wire {
    world: Arc<World>,
    process: Arc<Process>,
    skew: SignedDuration,
}

impl Wire {
    /// The way of a process whose clock is off by `skew`.
    pub fn new(world: Arc<World>, process: Arc<Process>, skew: SignedDuration) -> Self {
        Self { world, process, skew }
    }

    /// A client of the table. Tries and timeouts are those of a deployed function.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(millrace_local::REGION))
            .credentials_provider(credentials())
            .endpoint_url("http://dynamodb.invalid")
            .http_client(self.client())
            .sleep_impl(TokioSleep::new())
            .time_source(self.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            // The default one is shared by the whole process: other runs would drain its tokens.
            .retry_partition(RetryPartition::custom("dynamodb").build())
            .timeout_config(timeouts());
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of the queue.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(millrace_local::REGION))
            .credentials_provider(credentials())
            .endpoint_url("http://sqs.invalid")
            .http_client(self.client())
            .sleep_impl(TokioSleep::new())
            .time_source(self.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .retry_partition(RetryPartition::custom("sqs").build())
            .timeout_config(timeouts());
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A client of the bucket.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(millrace_local::REGION))
            .credentials_provider(credentials())
            .endpoint_url("http://s3.invalid")
            .force_path_style(true)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .http_client(self.client())
            .sleep_impl(TokioSleep::new())
            .time_source(self.clone())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .retry_partition(RetryPartition::custom("s3").build())
            .timeout_config(timeouts());
        aws_sdk_s3::Client::from_conf(config.build())
    }

    fn client(&self) -> SharedHttpClient {
        let wire = self.clone();
        http_client_fn(move |_, _| SharedHttpConnector::new(wire.clone()))
    }

    /// A request that is on its way arrives, whatever becomes of who sent it.
    async fn exchange(self, target: String, body: Json) -> Result<Reply, ConnectorError> {
        let process = self.process.clone();
        process.gate().await;
        let reply = tokio::spawn(self.travel(target, body)).await.unwrap();
        process.gate().await;
        reply
    }

    async fn travel(self, target: String, body: Json) -> Result<Reply, ConnectorError> {
        let call = Call::read(&target, &body);
        let Self { world, process, .. } = &self;
        self.count(&call, |(tried, _)| *tried += 1);
        let fault = world.fault(process, &call);
        if let Some(fault) = fault
            && let Some(reply) = self.before(fault, &call, &target, &body).await
        {
            return reply;
        }
        sleep(world.latency()).await;
        if process.is_dead() && world.draw(fastrand::Rng::bool) {
            world.note(process, &call, "LOST with its process");
            return Err(lost());
        }
        let reply = self.apply(&target, &body, &call).await;
        match fault {
            Some(fault) => self.after(fault, &call, &reply, &target, &body).await?,
            None => world.note(process, &call, &outcome(&reply)),
        }
        sleep(world.latency()).await;
        Ok(reply)
    }

    /// What goes wrong before a request is applied: `Some` is all that comes of it.
    async fn before(
        &self,
        fault: Fault,
        call: &Call,
        target: &str,
        body: &Json,
    ) -> Option<Result<Reply, ConnectorError>> {
        let Self { world, process, .. } = self;
        let note = |outcome: &str| world.note(process, call, outcome);
        match fault {
            Fault::RequestLost => {
                note("LOST on its way");
                return Some(Err(lost()));
            }
            Fault::HangBefore => {
                note("HANGS, not applied");
                std::future::pending::<()>().await;
            }
            Fault::Late(seconds) => {
                note("HANGS, applied later");
                tokio::spawn(self.clone().apply_later(seconds, target.to_owned(), body.clone()));
                std::future::pending::<()>().await;
            }
            Fault::CrashBefore => {
                note("CRASH before");
                process.crash();
                std::future::pending::<()>().await;
            }
            Fault::PauseBefore(seconds) => {
                note("STANDS STILL before");
                process.pause(Duration::from_secs(seconds));
                process.gate().await;
            }
            Fault::Slow(seconds) => sleep(Duration::from_secs(seconds)).await,
            _ => {
                let reply = self.refusal(fault, call, body)?;
                note(&outcome(&reply));
                return Some(Ok(reply));
            }
        }
        None
    }

    /// What a service answers that does not do what it is asked.
    fn refusal(&self, fault: Fault, call: &Call, body: &Json) -> Option<Reply> {
        let table = call.service == Service::Table;
        if call.service == Service::Bucket {
            return match fault {
                Fault::Throttled => Some(bucket::error(503, "SlowDown")),
                Fault::ServerError => Some(bucket::error(500, "InternalError")),
                _ => None,
            };
        }
        match fault {
            Fault::Throttled if table => Some(Reply::error(400, "ThrottlingException")),
            Fault::Throttled => Some(Reply::error(403, "RequestThrottled")),
            Fault::ServerError if table => Some(Reply::error(500, "InternalServerError")),
            Fault::ServerError => Some(Reply::error(500, "InternalError")),
            Fault::Conflict if call.operation == "TransactWriteItems" => Some(conflict(body)),
            Fault::Conflict => Some(Reply::error(400, "TransactionConflictException")),
            Fault::Unprocessed => Some(unprocessed(&call.operation, body)),
            Fault::StaleIndex => Some(self.world.draw(|dice| self.world.table.stale(&call.place, dice))),
            _ => None,
        }
    }

    /// What goes wrong after a request was applied.
    async fn after(
        &self,
        fault: Fault,
        call: &Call,
        reply: &Reply,
        target: &str,
        body: &Json,
    ) -> Result<(), ConnectorError> {
        let Self { world, process, .. } = self;
        let note = |what: &str| world.note(process, call, &format!("{}{what}", outcome(reply)));
        match fault {
            Fault::ReplyLost => {
                note(", REPLY LOST");
                return Err(lost());
            }
            Fault::HangAfter => {
                note(", then HANGS");
                std::future::pending::<()>().await;
            }
            Fault::CrashAfter => {
                note(", CRASH after");
                process.crash();
            }
            Fault::PauseAfter(seconds) => {
                note(", STANDS STILL after");
                process.pause(Duration::from_secs(seconds));
            }
            Fault::Twice => {
                note(", TWICE");
                self.apply(target, body, call).await;
            }
            Fault::Slow(_) => note(", SLOW"),
            _ => note(""),
        }
        Ok(())
    }

    async fn apply(&self, target: &str, body: &Json, call: &Call) -> Reply {
        let world = &self.world;
        if call.service == Service::Table {
            let heedless = (!world.setting.heeds).then(|| without_condition(body.clone()));
            let body = heedless.as_ref().unwrap_or(body);
            let reply = world.table.apply(&self.process.name, &call.operation, body);
            if call.operation == "Query" && call.kind() == "open#" {
                world.table.remember(&call.place, &reply);
            }
            return reply;
        }
        if call.service == Service::Bucket {
            return world.bucket.apply(&call.operation, body);
        }
        let reply = world.queue.call(target, body.to_string().as_bytes()).await;
        self.count(call, |(_, arrived)| *arrived += 1);
        let code = reply.query_error.map(|error| error.split(';').next().unwrap_or_default().to_owned());
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        Reply { status: reply.status, code, body, change: None }
    }

    fn count(&self, call: &Call, what: impl FnOnce(&mut (usize, usize))) {
        if call.operation == "SendMessage" {
            what(self.world.sent.lock().unwrap().entry(call.row.clone()).or_default());
        }
    }

    async fn apply_later(self, seconds: u64, target: String, body: Json) {
        sleep(Duration::from_secs(seconds)).await;
        let call = Call::read(&target, &body);
        let reply = self.apply(&target, &body, &call).await;
        self.world.note(&self.process, &call, &format!("{}, LATE", outcome(&reply)));
    }
}

/// What stands in a transcript for an answer.
fn outcome(reply: &Reply) -> String {
    match reply.code.as_deref() {
        None => reply.change.as_ref().map_or_else(|| "ok".to_owned(), |change| format!("ok: {change}")),
        Some("ConditionalCheckFailedException") => "refused".to_owned(),
        Some(code) => code.to_owned(),
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("the connection broke".into())
}

/// The same write on a condition that always holds, and names all that the real one names.
fn without_condition(mut body: Json) -> Json {
    if let Some(condition) = body["ConditionExpression"].as_str() {
        let any = format!("({condition}) OR attribute_exists(pk) OR attribute_not_exists(pk)");
        body["ConditionExpression"] = json!(any);
    }
    body
}

fn conflict(body: &Json) -> Reply {
    let count = body["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons: Vec<Json> = (0..count)
        .map(|index| json!({"Code": if index == 0 { "TransactionConflict" } else { "None" }}))
        .collect();
    let code = "TransactionCanceledException";
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    let body = json!({"__type": kind, "Message": "conflict", "CancellationReasons": reasons}).to_string();
    Reply { status: 400, code: Some(code.to_owned()), body, change: None }
}

fn unprocessed(operation: &str, body: &Json) -> Reply {
    let body = match operation {
        "BatchGetItem" => json!({"Responses": {}, "UnprocessedKeys": body["RequestItems"]}),
        _ => json!({"UnprocessedItems": body["RequestItems"]}),
    };
    Reply::ok(body.to_string())
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if let Some((target, body)) = bucket::asked(&request) {
            let exchange = self.clone().exchange(target, body);
            return HttpConnectorFuture::new(async move { exchange.await.map(bucket::answered) });
        }
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        let exchange = self.clone().exchange(target, body);
        HttpConnectorFuture::new(async move { exchange.await.map(response) })
    }
}

fn response(reply: Reply) -> HttpResponse {
    let status = StatusCode::try_from(reply.status).unwrap();
    let mut response = HttpResponse::new(status, SdkBody::from(reply.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    if let Some(code) = reply.code {
        response.headers_mut().insert("x-amzn-query-error", format!("{code};Sender"));
    }
    response
}

impl TimeSource for Wire {
    fn now(&self) -> SystemTime {
        let millis = self.world.now(self.skew).as_millisecond();
        UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("process", &self.process.name).finish_non_exhaustive()
    }
}

fn credentials() -> Credentials {
    Credentials::new("simulated", "simulated", None, None, "simulation")
}

/// What `Store::connect` sets.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build()
}
