//! DynamoDB in this process: requests go to the embedded database without HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dynoxide::storage_backend::Clock;
use dynoxide::{Database, DynoxideError};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::call::{rows, task_of};
use super::watch::Watch;

/// The table's name.
pub const TABLE: &str = "millrace";
/// When every run starts: 2026-01-01T00:00:00Z, in seconds since 1970.
pub const EPOCH: u64 = 1_767_225_600;

/// An answer of a service.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The error's code, if it is one.
    pub code: Option<String>,
    /// The body.
    pub body: String,
    /// The state that a write led a task to.
    pub change: Option<String>,
}

impl Reply {
    /// An error as DynamoDB says it.
    pub fn error(status: u16, code: &str) -> Self {
        let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
        let body = json!({"__type": kind, "message": "drawn by the simulation"}).to_string();
        Self { status, code: Some(code.to_owned()), body, change: None }
    }

    /// An answer that is no error.
    pub fn ok(body: String) -> Self {
        Self { status: 200, code: None, body, change: None }
    }
}

/// The one table, and who watches what is written to it.
pub struct Table {
    database: Database,
    /// What was last answered to the same query of an index.
    snapshots: Mutex<HashMap<String, String>>,
    /// Judges each write of a task's state.
    pub watch: Mutex<Watch>,
}

struct VirtualTime(Instant);

impl Clock for VirtualTime {
    fn now_unix_secs(&self) -> u64 {
        EPOCH + self.0.elapsed().as_secs()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        EPOCH as f64 + self.0.elapsed().as_secs_f64()
    }
}

impl Table {
    /// An empty database, whose time is the runtime's.
    pub fn new(watch: Watch) -> Self {
        let database = Database::memory_with_clock(Arc::new(VirtualTime(Instant::now()))).unwrap();
        Self { database, snapshots: Mutex::default(), watch: Mutex::new(watch) }
    }

    /// Applies a request. `by` is who sent it.
    pub fn apply(&self, by: &str, operation: &str, body: &Json) -> Reply {
        let tasks = written_tasks(operation, body);
        let before: Vec<Json> = tasks.iter().map(|key| self.row(key)).collect();
        let mut reply = self.perform(operation, &body.to_string());
        if reply.status == 200 {
            let mut watch = self.watch.lock().unwrap();
            for (key, before) in tasks.iter().zip(before) {
                watch.wrote(by, &key.0, &key.1, &before, &self.row(key));
            }
            reply.change = watch.take_change();
        }
        reply
    }

    /// What this partition of an index answered before, or nothing: as a replica that lags behind would.
    pub fn stale(&self, place: &str, dice: &mut fastrand::Rng) -> Reply {
        let before = self.snapshots.lock().unwrap().get(place).cloned();
        let nothing = || json!({"Items": [], "Count": 0, "ScannedCount": 0}).to_string();
        let body = before.filter(|_| dice.bool()).unwrap_or_else(nothing);
        Reply::ok(body)
    }

    /// Remembers what a partition of an index answered, for [`Table::stale`].
    pub fn remember(&self, place: &str, reply: &Reply) {
        self.snapshots.lock().unwrap().insert(place.to_owned(), reply.body.clone());
    }

    /// All rows, as `{"pk": {"S": …}, …}`.
    pub fn all(&self) -> Vec<Json> {
        self.scan(json!({"TableName": TABLE}))
    }

    /// All entries of an index.
    pub fn index(&self, name: &str) -> Vec<Json> {
        self.scan(json!({"TableName": TABLE, "IndexName": name}))
    }

    fn scan(&self, mut request: Json) -> Vec<Json> {
        let mut rows = Vec::new();
        loop {
            let reply = self.perform("Scan", &request.to_string());
            assert_eq!(reply.status, 200, "{}", reply.body);
            let mut page: Json = serde_json::from_str(&reply.body).unwrap();
            rows.extend(page["Items"].as_array().cloned().unwrap_or_default());
            match page["LastEvaluatedKey"].take() {
                Json::Null => return rows,
                last => request["ExclusiveStartKey"] = last,
            }
        }
    }

    fn row(&self, (pk, sk): &(String, String)) -> Json {
        let key = json!({"pk": {"S": pk}, "sk": {"S": sk}});
        let request = json!({"TableName": TABLE, "Key": key, "ConsistentRead": true});
        let reply = self.perform("GetItem", &request.to_string());
        serde_json::from_str::<Json>(&reply.body).unwrap()["Item"].take()
    }

    fn perform(&self, operation: &str, body: &str) -> Reply {
        match perform(&self.database, operation, body) {
            Ok(body) => Reply::ok(body),
            Err(error) => {
                let code = error.error_type().rsplit('#').next().map(str::to_owned);
                Reply { status: error.status_code(), code, body: error.to_json(), change: None }
            }
        }
    }
}

/// The rows of tasks that a write names.
fn written_tasks(operation: &str, body: &Json) -> Vec<(String, String)> {
    if !matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
    {
        return Vec::new();
    }
    rows(operation, body).into_iter().filter(|(pk, _)| task_of(pk).is_some()).collect()
}

/// The dispatch of the database's own HTTP server, which it keeps to itself.
fn perform(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    macro_rules! operations {
        ($($name:literal => $method:ident),* $(,)?) => {
            match operation {
                $($name => {
                    let request = serde_json::from_str(body)
                        .map_err(|error| DynoxideError::SerializationException(error.to_string()))?;
                    serde_json::to_string(&database.$method(request)?)
                        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
                })*
                other => Err(DynoxideError::ValidationException(format!("{other} is not known here"))),
            }
        };
    }
    operations! {
        "BatchGetItem" => batch_get_item,
        "BatchWriteItem" => batch_write_item,
        "CreateTable" => create_table,
        "DeleteItem" => delete_item,
        "DescribeTable" => describe_table,
        "GetItem" => get_item,
        "PutItem" => put_item,
        "Query" => query,
        "Scan" => scan,
        "TransactWriteItems" => transact_write_items,
        "UpdateItem" => update_item,
        "UpdateTimeToLive" => update_time_to_live,
    }
}
