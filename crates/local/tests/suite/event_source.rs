//! The event source mapping between a real queue and a function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use millrace_local::{
    EventSource, EventSourceConfig, Function, FunctionError, LocalCloud, LocalConfig, from_async,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

async fn cloud(max_receive_count: u32) -> LocalCloud {
    let config = LocalConfig {
        visibility_timeout: Duration::from_secs(1),
        max_receive_count,
        ..LocalConfig::default()
    };
    LocalCloud::start(config).await.unwrap()
}

fn source(cloud: &LocalCloud, function: Arc<dyn Function>) -> EventSource {
    let config = EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn());
    EventSource::start(cloud.sqs_client(), config, function)
}

async fn send(cloud: &LocalCloud, body: &str) {
    cloud.sqs_client().send_message().queue_url(cloud.queue_url()).message_body(body).send().await.unwrap();
}

/// All messages of the queue, whatever their state.
fn left(cloud: &LocalCloud, queue: &str) -> usize {
    cloud.sqs().with(|account, _| Ok(account.queue(queue)?.messages().count())).unwrap()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("within 30 s it should hold that {what}");
}

fn records(event: &Bytes) -> Vec<Value> {
    let event: Value = serde_json::from_slice(event).unwrap();
    event["Records"].as_array().unwrap().clone()
}

#[tokio::test]
async fn only_the_failed_one_of_ten_comes_back() {
    let cloud = cloud(5).await;
    for i in 0..10 {
        send(&cloud, &i.to_string()).await;
    }
    let seen = Arc::new(Mutex::new(BTreeMap::<String, Vec<String>>::new()));
    let noted = seen.clone();
    let function = from_async(move |event| {
        let failures: Vec<Value> = records(&event)
            .iter()
            .filter_map(|record| {
                let body = record["body"].as_str().unwrap().to_owned();
                let count = record["attributes"]["ApproximateReceiveCount"].as_str().unwrap().to_owned();
                let fails = body == "3" && count == "1";
                noted.lock().unwrap().entry(body).or_default().push(count);
                fails.then(|| json!({"itemIdentifier": record["messageId"]}))
            })
            .collect();
        async move { Ok(json!({"batchItemFailures": failures}).to_string().into()) }
    });
    let source = source(&cloud, Arc::new(function));
    eventually("the queue is empty", || left(&cloud, "millrace-tasks") == 0).await;
    source.stop().await;
    for (body, counts) in &*seen.lock().unwrap() {
        let expected: &[&str] = if body == "3" { &["1", "2"] } else { &["1"] };
        assert_eq!(counts, expected, "message {body}");
    }
    assert_eq!(seen.lock().unwrap().len(), 10);
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_always_fails_ends_as_a_dead_letter() {
    let cloud = cloud(2).await;
    send(&cloud, "error").await;
    let (calls, mut called) = mpsc::unbounded_channel();
    let function = from_async(move |event: Bytes| {
        calls.send(records(&event).len()).unwrap();
        async { Err::<Bytes, _>(FunctionError::new("Oh", "no")) }
    });
    let source = source(&cloud, Arc::new(function));
    eventually("it is a dead letter", || left(&cloud, "millrace-tasks-dead") == 1).await;
    source.stop().await;
    assert_eq!(left(&cloud, "millrace-tasks"), 0);
    let mut counts = Vec::new();
    while let Some(count) = called.recv().await {
        counts.push(count);
    }
    assert_eq!(counts, [1, 1]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn dead_letters_can_be_an_event_source_too() {
    let cloud = cloud(1).await;
    send(&cloud, "error").await;
    let tasks = source(&cloud, Arc::new(from_async(|_| async { Err(FunctionError::new("Oh", "no")) })));
    let (events, mut received) = mpsc::unbounded_channel();
    let function = from_async(move |event: Bytes| {
        events.send(event).unwrap();
        async { Ok(Bytes::new()) }
    });
    let config = EventSourceConfig::new(cloud.dead_letter_url(), cloud.dead_letter_arn());
    let dead = EventSource::start(cloud.sqs_client(), config, Arc::new(function));
    let [record] = records(&received.recv().await.unwrap()).try_into().unwrap();
    assert_eq!(record["body"], "error");
    assert_eq!(record["eventSourceARN"], cloud.dead_letter_arn());
    assert_eq!(record["attributes"]["DeadLetterQueueSourceArn"], cloud.queue_arn());
    tasks.stop().await;
    dead.stop().await;
    assert_eq!((left(&cloud, "millrace-tasks"), left(&cloud, "millrace-tasks-dead")), (0, 0));
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_stop_waits_for_what_runs_and_deletes_what_succeeded() {
    let cloud = cloud(5).await;
    send(&cloud, "slow").await;
    let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (started.clone(), go.clone());
    let function = from_async(move |_| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            Ok(Bytes::new())
        }
    });
    let source = source(&cloud, Arc::new(function));
    started.notified().await;
    let stop = tokio::spawn(source.stop());
    tokio::task::yield_now().await;
    assert_eq!(left(&cloud, "millrace-tasks"), 1);
    go.notify_one();
    stop.await.unwrap();
    assert_eq!(left(&cloud, "millrace-tasks"), 0);
    cloud.shutdown().await;
}

#[tokio::test]
async fn the_event_is_the_one_of_lambda() {
    let cloud = cloud(5).await;
    let text =
        aws_sdk_sqs::types::MessageAttributeValue::builder().data_type("String").string_value("v").build();
    let request = cloud.sqs_client().send_message().queue_url(cloud.queue_url()).message_body("{\"a\":1}");
    let request = request.message_group_id("tenant-1").message_attributes("name", text.unwrap());
    let sent = request.send().await.unwrap();
    let (events, mut received) = mpsc::unbounded_channel();
    let function = from_async(move |event: Bytes| {
        events.send(event).unwrap();
        async { Ok(Bytes::from_static(b"null")) }
    });
    let source = source(&cloud, Arc::new(function));
    let event = received.recv().await.unwrap();
    source.stop().await;
    let [mut record] = records(&event).try_into().unwrap();
    assert_eq!(record["messageId"].as_str(), sent.message_id());
    assert_eq!(record["md5OfMessageAttributes"].as_str(), sent.md5_of_message_attributes());
    for (parent, varying) in [
        ("", "messageId"),
        ("", "receiptHandle"),
        ("/attributes", "SentTimestamp"),
        ("/attributes", "ApproximateFirstReceiveTimestamp"),
    ] {
        let removed = record.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(varying);
        assert!(removed.is_some_and(|value| value.is_string()), "{varying}");
    }
    insta::assert_json_snapshot!(record);
    cloud.shutdown().await;
}
