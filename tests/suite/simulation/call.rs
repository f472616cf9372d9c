//! A request to a service, as far as faults and transcripts tell requests apart.

use serde_json::Value as Json;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// DynamoDB.
    Table,
    /// SQS.
    Queue,
    /// S3.
    Bucket,
    /// The model provider, or whoever else is reached over HTTP.
    Web,
    /// Lambda: an invocation by a queue or by a schedule.
    Lambda,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who is asked.
    pub service: Service,
    /// The operation, such as `PutItem`, `SendMessage` or `POST`.
    pub operation: String,
    /// Partition key, index and shard, queue or host.
    pub place: String,
    /// Sort key, or what stands for it: `J#*` for all that begin with `J#`.
    pub row: String,
}

impl Call {
    /// A call of an AWS service by its `x-amz-target` and body, or what stands for them, see `bucket.rs`.
    pub fn read(target: &str, body: &Json) -> Self {
        let (service, operation) = target.split_once('.').unwrap_or(("", target));
        let (service, (place, row)) = match service {
            "S3" => (Service::Bucket, object(body)),
            _ if service.starts_with("DynamoDB") => {
                (Service::Table, rows(operation, body).into_iter().next().unwrap_or_default())
            }
            _ => (Service::Queue, message(body)),
        };
        Self { service, operation: operation.to_owned(), place, row }
    }

    /// What the row is: `META`, `J#`, `open` for the index, `tasks` for the queue, `K#` for a key and so on.
    pub fn kind(&self) -> &str {
        match self.service {
            Service::Table if !self.place.starts_with("T#") => before_hash(&self.place),
            Service::Table => before_hash(&self.row),
            _ => &self.place,
        }
    }

    /// The task that it is about, by its id.
    pub fn task(&self) -> Option<&str> {
        match self.service {
            Service::Table => task_of(&self.place),
            _ => Some(self.row.as_str()).filter(|row| row.len() == 36),
        }
    }
}

/// `J#call/0#0000` is a `J#`; what has no `#` is what it is.
fn before_hash(key: &str) -> &str {
    key.find('#').map_or(key, |at| &key[..=at])
}

/// The id in a task's partition key.
pub fn task_of(place: &str) -> Option<&str> {
    place.strip_prefix("T#")?.rsplit('#').next().filter(|id| id.len() == 36)
}

/// `values` of `tenant/values/digest`, and the rest.
fn object(body: &Json) -> (String, String) {
    let key = body["Key"].as_str().unwrap_or_default();
    let mut segments = key.splitn(3, '/').skip(1).map(str::to_owned);
    (segments.next().unwrap_or_default(), segments.next().unwrap_or_default())
}

/// Queue and task.
fn message(body: &Json) -> (String, String) {
    let queue = body["QueueUrl"].as_str().unwrap_or_default();
    let text = body["MessageBody"].as_str().unwrap_or_default();
    let message: Json = serde_json::from_str(text).unwrap_or_default();
    let task = message["task"].as_str().unwrap_or_default();
    (queue.rsplit('/').next().unwrap_or_default().to_owned(), task.to_owned())
}

/// Every row that a request names: partition key and sort key.
pub fn rows(operation: &str, body: &Json) -> Vec<(String, String)> {
    match operation {
        "PutItem" => vec![key(&body["Item"])],
        "Query" => vec![range(body)],
        "BatchGetItem" => tables(body).flat_map(|table| items(&table["Keys"]).map(key)).collect(),
        "BatchWriteItem" => tables(body).flat_map(items).map(written).collect(),
        "TransactWriteItems" => items(&body["TransactItems"]).map(written).collect(),
        _ => vec![key(&body["Key"])],
    }
}

fn tables(body: &Json) -> impl Iterator<Item = &Json> {
    body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values())
}

fn items(list: &Json) -> impl Iterator<Item = &Json> {
    list.as_array().into_iter().flatten()
}

/// One write of a batch or a transaction.
fn written(write: &Json) -> (String, String) {
    let inner = write.as_object().and_then(|write| write.values().next()).unwrap_or(&Json::Null);
    match &inner["Item"] {
        Json::Null => key(&inner["Key"]),
        item => key(item),
    }
}

fn key(attributes: &Json) -> (String, String) {
    let text = |name: &str| attributes[name]["S"].as_str().unwrap_or_default().to_owned();
    (text("pk"), text("sk"))
}

fn range(body: &Json) -> (String, String) {
    let values = &body["ExpressionAttributeValues"];
    let value = |name: &str| values[name]["S"].as_str();
    let place = value(":pk").unwrap_or_default().to_owned();
    let row = match (value(":prefix"), value(":first"), value(":last")) {
        (Some(prefix), ..) => format!("{prefix}*"),
        (_, Some(first), Some(last)) => format!("{first}..{last}"),
        _ => "*".to_owned(),
    };
    (place, row)
}
