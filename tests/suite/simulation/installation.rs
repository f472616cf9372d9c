//! One installation of Millrace in a world, and the promises that it makes to its callers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_store::{FlowId, TenantId, create_table_if_absent};
use serde_json::{Value as Json, json};
use tokio::time::timeout;

use super::flows::Drawn;
use super::lambda::{EventSource, Failure, Function, schedule};
use super::node::Node;
use super::process::Kind;
use super::table::TABLE;
use super::wire::Wire;
use super::world::{DEAD, QUEUE, World};

/// The two tenants.
pub const TENANTS: [&str; 2] = ["ann", "bob"];
/// What a gateway waits for its function.
const GATEWAY: Duration = Duration::from_secs(30);

/// A task that a caller was told of.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Its id.
    pub task: String,
    /// Whose.
    pub tenant: &'static str,
    /// The word in its inputs.
    pub marker: String,
    /// What it runs.
    pub flow: Drawn,
    /// The caller's name for it.
    pub key: Option<String>,
    /// Whether its end is posted somewhere.
    pub callback: bool,
    /// When the caller was told.
    pub at: Duration,
    /// Whether it does once more what failed.
    pub retry: bool,
}

/// An answer to a caller.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `retry-after`, in seconds.
    pub retry_after: Option<String>,
    /// The task that it is about.
    pub task: Option<String>,
    /// The body.
    pub body: Json,
}

/// Functions, queue and table, as they are deployed.
pub struct Installation {
    /// Where it stands.
    pub world: Arc<World>,
    /// The functions.
    pub api: Arc<Function>,
    /// The one that runs tasks.
    pub worker: Arc<Function>,
    /// The one that recovers them.
    pub sweeper: Arc<Function>,
    /// Prepares and inspects; nothing of it fails.
    pub operator: Arc<Node>,
    /// What was promised.
    pub promises: Mutex<Vec<Promise>>,
    /// What callers saw that they should not have seen.
    pub complaints: Mutex<Vec<String>>,
    /// How often a call was sent whose caller waits for the result, by the word in its inputs.
    pub runs: Mutex<BTreeMap<String, usize>>,
    flows: BTreeMap<(&'static str, String), FlowId>,
}

impl Installation {
    /// Sets up table, keys and flows, and starts event sources and schedule.
    pub async fn start(world: &Arc<World>, flows: &[Drawn]) -> Arc<Self> {
        let operator = Node::boot(world, Kind::Operator);
        let wire = Wire::new(world.clone(), operator.process.clone(), jiff::SignedDuration::ZERO);
        create_table_if_absent(&wire.dynamodb(), TABLE).await.unwrap();
        let function = |kind, timeout| Function::new(world, kind, timeout);
        let mut installation = Self {
            world: world.clone(),
            api: function(Kind::Api, world.setting.api_timeout),
            worker: function(Kind::Worker, world.setting.worker_timeout),
            sweeper: function(Kind::Sweeper, Duration::from_secs(55)),
            operator,
            promises: Mutex::default(),
            complaints: Mutex::default(),
            runs: Mutex::default(),
            flows: BTreeMap::new(),
        };
        for tenant in TENANTS {
            let owner: TenantId = tenant.parse().unwrap();
            installation.operator.store().seed_key(&owner, &key_of(tenant), "simulated").await.unwrap();
            for flow in flows {
                let id = installation.create(tenant, *flow).await;
                installation.flows.insert((tenant, flow.name()), id);
            }
        }
        EventSource::start(world, QUEUE, installation.worker.clone(), world.setting.concurrency);
        if world.setting.sweeps {
            EventSource::start(world, DEAD, installation.sweeper.clone(), 1);
            tokio::spawn(schedule(world.clone(), installation.sweeper.clone()));
        }
        Arc::new(installation)
    }

    async fn create(&self, tenant: &str, flow: Drawn) -> FlowId {
        let body = json!({"name": flow.name(), "data": flow.data()});
        let event = event(tenant, "POST", "/api/v1/flows/", &[], Some(&body));
        let answer = millrace_api::handle(&self.operator.router, &event).await.unwrap();
        let answer = read(&answer);
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["id"].as_str().unwrap().parse().unwrap()
    }

    /// The id of a tenant's flow.
    pub fn flow(&self, tenant: &'static str, flow: Drawn) -> FlowId {
        self.flows[&(tenant, flow.name())]
    }

    /// A request through the gateway.
    pub async fn request(
        &self,
        tenant: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> Answer {
        let event = event(tenant, method, path, headers, body);
        let answer = match timeout(GATEWAY, self.api.invoke(event)).await {
            Ok(Ok(answer)) => read(&answer),
            Ok(Err(Failure::TimedOut)) | Err(_) => failed(503),
            Ok(Err(Failure::Crashed | Failure::Refused(_))) => failed(500),
        };
        self.world.say(tenant, &format!("{method} {path}"), &answer.status.to_string());
        answer
    }

    /// The same without anything going wrong.
    pub async fn ask(&self, tenant: &str, method: &str, path: &str) -> Answer {
        let event = event(tenant, method, path, &[], None);
        read(&millrace_api::handle(&self.operator.router, &event).await.unwrap())
    }

    /// Notes what a caller should not have seen.
    pub fn complain(&self, what: String) {
        self.complaints.lock().unwrap().push(what);
    }
}

fn key_of(tenant: &str) -> String {
    format!("key-of-{tenant}")
}

fn failed(status: u16) -> Answer {
    Answer { status, retry_after: None, task: None, body: Json::Null }
}

/// An event of an HTTP API, payload format 2.0.
fn event(tenant: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Json>) -> Vec<u8> {
    let host = "api.example";
    let mut all = json!({"host": host, "x-api-key": key_of(tenant), "content-type": "application/json"});
    for (name, value) in headers {
        all[*name] = json!(value);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let http = json!({"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
        "userAgent": "simulation"});
    let context = json!({"accountId": "000000000000", "apiId": "simulated", "domainName": host,
        "domainPrefix": "simulated", "http": http, "requestId": "simulated", "routeKey": "$default",
        "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64});
    let event = json!({"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
        "headers": all, "requestContext": context, "body": body.map(Json::to_string), "isBase64Encoded": false});
    event.to_string().into_bytes()
}

fn read(answer: &[u8]) -> Answer {
    let answer: Json = serde_json::from_slice(answer).unwrap();
    let text = answer["body"].as_str().unwrap_or_default();
    Answer {
        status: u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap(),
        retry_after: answer["headers"]["retry-after"].as_str().map(str::to_owned),
        task: answer["headers"]["x-millrace-task"].as_str().map(str::to_owned),
        body: serde_json::from_str(text).unwrap_or_default(),
    }
}
