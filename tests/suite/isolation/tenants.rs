//! A tenant that has everything a tenant can have, and what there is of it in the table, the bucket and the queue.

use std::collections::BTreeMap;

use millrace_store::TenantId;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::provider::Reply;
use crate::stack::{Row, Setup, Stack, send};

pub const ENDPOINT: &str = "canary-endpoint";
pub const SESSION: &str = "canary-session";

/// Texts of the owner that must not be seen by anybody else, besides ids and keys.
const TEXTS: [&str; 9] = [
    "canary flow",
    ENDPOINT,
    SESSION,
    "canary question",
    "canary answer",
    "canary file",
    "canary key",
    "canary variable",
    "canary value",
];

/// A stack and the tenant whose it all is. There is no worker: what is queued stays so.
pub struct Owner {
    pub stack: Stack,
    pub tenant: TenantId,
    /// Another tenant of the installation.
    pub other: TenantId,
    /// A flow with a memory, 0.x.
    pub flow: String,
    pub user: Json,
    pub ended: String,
    pub failed: String,
    pub queued: [String; 2],
    /// The id of a key besides that of the stack.
    pub key: String,
    /// The id of a variable.
    pub variable: String,
    /// What else is a secret: ids, references, keys.
    named: Vec<String>,
}

impl Owner {
    /// A new stack with all that is to be kept from others.
    pub async fn settled() -> Self {
        Self::settled_in(Setup::default()).await
    }

    /// The same in a stack of another make.
    pub async fn settled_in(setup: Setup) -> Self {
        let stack = Stack::with(Setup { worker: false, plain_keys: false, ..setup }).await;
        let create = async |name: &str, endpoint: Json, drawn: &str| {
            let flow = json!({"name": name, "endpoint_name": endpoint, "data": stack.drawn(drawn)});
            stack.post("/api/v1/flows/", &flow).await.body
        };
        let made = create("canary flow", Json::Null, "buffer_memory").await;
        let newer = create("canary flow of 1.x", json!(ENDPOINT), "v1_prompt_model").await;
        let flow = text(&made["id"]);
        let reference = stack.upload(&flow, "canary.txt", b"canary file".to_vec()).await;
        let question =
            |sync: bool| json!({"inputs": {"text": "canary question"}, "session_id": SESSION, "sync": sync});
        let path = format!("/api/v1/process/{flow}");
        stack.provider.script([Reply::next(json!("canary answer"))]);
        let request = stack.request(Method::POST, &path).header("x-api-key", &stack.key);
        let request = request.header("idempotency-key", "canary-idempotency");
        let ended = send(request.json(&question(true))).await.task().unwrap();
        let failed = stack.post(&path, &json!({"inputs": {"wrong": "canary question"}, "sync": false})).await;
        let failed = failed.task().unwrap();
        run(&stack, "default", &failed).await;
        let mut queued = [String::new(), String::new()];
        for task in &mut queued {
            *task = stack.post(&path, &question(false)).await.task().unwrap();
        }
        let key = stack.post("/api/v1/api_key/", &json!({"name": "canary key"})).await.body;
        let variable = json!({"name": "canary variable", "value": "canary value", "type": "Generic"});
        let variable = text(&stack.post("/api/v1/variables/", &variable).await.body["id"]);
        let secret = stack.call(Method::GET, "/api/v1/callback_secret", None).await.body;
        let named = [&newer["id"], &key["api_key"], &secret["secret"], &key["user_id"]].map(text);
        let named = named.into_iter().chain([reference, stack.key.clone()]).collect();
        let (tenant, other) = ("default".parse().unwrap(), "other".parse().unwrap());
        let (user, key) = (made["user_id"].clone(), text(&key["id"]));
        Self { stack, tenant, other, flow, user, ended, failed, queued, key, variable, named }
    }

    /// What no answer to anybody else may hold.
    pub async fn secrets(&self) -> Vec<String> {
        let ids = [&self.flow, &self.ended, &self.failed, &self.queued[0], &self.queued[1], &self.key];
        let ids = ids.into_iter().chain([&self.variable]).chain(&self.named).cloned();
        TEXTS.map(str::to_owned).into_iter().chain(ids).collect()
    }

    /// Everything that is the owner's, byte for byte.
    pub async fn belongings(&self) -> Belongings {
        let mut kept = BTreeMap::new();
        for row in self.stack.rows().await {
            if let Some((place, content)) = self.of_owner(row) {
                kept.insert(place, content);
            }
        }
        for object in self.stack.objects().await {
            if object.starts_with(&format!("{}/", self.tenant)) {
                kept.insert(object.clone(), format!("{:?}", self.stack.object(&object).await));
            }
        }
        kept.insert("calls of the provider".to_owned(), self.stack.provider.seen().len().to_string());
        Belongings(kept)
    }

    /// A row of the owner, by its place. When a key was used, and how often, is the doing of whoever has the key.
    fn of_owner(&self, mut row: Row) -> Option<(String, String)> {
        let (pk, sk) = (row["pk"].as_s().unwrap().clone(), row["sk"].as_s().unwrap().clone());
        let (kind, rest) = pk.split_once('#').unwrap();
        let tenant = match kind {
            "K" => row["tenant"].as_s().unwrap().as_str(),
            _ => rest.split('#').next().unwrap(),
        };
        if tenant != self.tenant.as_str() || kind == "R" {
            return None;
        }
        if kind == "KT" {
            row.retain(|name, _| name != "used" && name != "uses");
        }
        Some((format!("{pk} {sk}"), format!("{row:?}")))
    }
}

/// Rows, objects and calls, by their place.
#[derive(PartialEq, Eq)]
pub struct Belongings(BTreeMap<String, String>);

impl Belongings {
    /// The places that differ.
    pub fn difference(&self, other: &Self) -> String {
        let places = self.0.keys().chain(other.0.keys());
        let differ: Vec<_> =
            places.filter(|place| self.0.get(*place) != other.0.get(*place)).cloned().collect();
        differ.join(", ")
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Gives a message to the worker, and whether it is reported as failed.
pub async fn run(stack: &Stack, tenant: &str, task: &str) -> bool {
    let body = json!({"v": 1, "tenant": tenant, "task": task}).to_string();
    let batch = json!({"Records": [{"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}]});
    let answer =
        millrace_worker::handle_json(&stack.worker, batch.to_string().as_bytes(), None).await.unwrap();
    serde_json::from_slice::<Json>(&answer).unwrap()["batchItemFailures"] != json!([])
}

pub fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}
