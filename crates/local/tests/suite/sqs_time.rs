//! What depends on time, in process and under a virtual clock: hours pass at once, and every wait is exact.

use std::sync::Arc;
use std::time::Duration;

use millrace_local::sqs::{Account, Sqs, VirtualClock};
use serde_json::{Value, json};
use tokio::time::Instant;

const QUEUE: &str = "http://sqs.local/000000000000/q";

async fn queue(attributes: Value) -> Sqs {
    let sqs =
        Sqs::new(Account::new(1), "http://sqs.local", Arc::new(VirtualClock::starting_at(1_700_000_000_000)));
    let created = call(&sqs, "CreateQueue", json!({"QueueName": "q", "Attributes": attributes})).await;
    assert_eq!(created["QueueUrl"], QUEUE);
    sqs
}

async fn call(sqs: &Sqs, operation: &str, mut request: Value) -> Value {
    if operation != "CreateQueue" {
        request["QueueUrl"] = QUEUE.into();
    }
    let reply = sqs.call(&format!("AmazonSQS.{operation}"), request.to_string().as_bytes()).await;
    assert_eq!(reply.status, 200, "{operation}: {reply:?}");
    serde_json::from_slice(&reply.body).unwrap()
}

async fn receive(sqs: &Sqs, wait: u64) -> Option<Value> {
    let request = json!({"WaitTimeSeconds": wait, "AttributeNames": ["ApproximateReceiveCount"]});
    call(sqs, "ReceiveMessage", request).await["Messages"].get(0).cloned()
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_wakes_a_long_poll_when_it_is_due() {
    let sqs = queue(json!({"DelaySeconds": "7"})).await;
    let start = Instant::now();
    call(&sqs, "SendMessage", json!({"MessageBody": "by the queue's delay"})).await;
    call(&sqs, "SendMessage", json!({"MessageBody": "by its own", "DelaySeconds": 3})).await;
    assert_eq!(receive(&sqs, 0).await, None);
    assert_eq!(receive(&sqs, 20).await.unwrap()["Body"], "by its own");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(receive(&sqs, 20).await.unwrap()["Body"], "by the queue's delay");
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_received_message_comes_back_after_its_visibility_timeout() {
    let sqs = queue(json!({"VisibilityTimeout": "12"})).await;
    let start = Instant::now();
    call(&sqs, "SendMessage", json!({"MessageBody": "x"})).await;
    let first = receive(&sqs, 0).await.unwrap();
    let second = receive(&sqs, 20).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(12));
    assert_eq!(first["MessageId"], second["MessageId"]);
    assert_ne!(first["ReceiptHandle"], second["ReceiptHandle"]);
    assert_eq!(second["Attributes"]["ApproximateReceiveCount"], "2");
    let change = |seconds| json!({"ReceiptHandle": second["ReceiptHandle"], "VisibilityTimeout": seconds});
    call(&sqs, "ChangeMessageVisibility", change(15)).await;
    assert!(receive(&sqs, 14).await.is_none());
    assert_eq!(start.elapsed(), Duration::from_secs(26));
    assert!(receive(&sqs, 20).await.is_some());
    assert_eq!(start.elapsed(), Duration::from_secs(27));
}

#[tokio::test(start_paused = true)]
async fn an_empty_long_poll_ends_on_time_and_the_queue_has_a_default() {
    let sqs = queue(json!({"ReceiveMessageWaitTimeSeconds": "5"})).await;
    let start = Instant::now();
    assert_eq!(receive(&sqs, 20).await, None);
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    assert_eq!(call(&sqs, "ReceiveMessage", json!({})).await, json!({}));
    assert_eq!(start.elapsed(), Duration::from_secs(25));
}

#[tokio::test(start_paused = true)]
async fn a_visibility_of_zero_wakes_another_poll() {
    let sqs = queue(json!({})).await;
    let start = Instant::now();
    call(&sqs, "SendMessage", json!({"MessageBody": "x"})).await;
    let handle = receive(&sqs, 0).await.unwrap()["ReceiptHandle"].clone();
    let (again, ()) = tokio::join!(receive(&sqs, 20), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        call(&sqs, "ChangeMessageVisibility", json!({"ReceiptHandle": handle, "VisibilityTimeout": 0})).await;
    });
    assert!(again.is_some());
    assert_eq!(start.elapsed(), Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn messages_outlive_their_retention_nowhere() {
    let sqs = queue(json!({"MessageRetentionPeriod": "60"})).await;
    call(&sqs, "SendMessage", json!({"MessageBody": "x"})).await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    let attributes = json!({"AttributeNames": ["ApproximateNumberOfMessages"]});
    let shown = call(&sqs, "GetQueueAttributes", attributes.clone()).await;
    assert_eq!(shown["Attributes"]["ApproximateNumberOfMessages"], "1");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shown = call(&sqs, "GetQueueAttributes", attributes).await;
    assert_eq!(shown["Attributes"]["ApproximateNumberOfMessages"], "0");
}

/// What the simulation rests on: the same calls at the same times give the same bytes.
#[tokio::test(start_paused = true)]
async fn two_runs_give_the_same_answers() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let sqs = queue(json!({})).await;
        let mut transcript = Vec::new();
        for i in 0..5 {
            let sent = json!({"MessageBody": format!("{i}"), "MessageGroupId": format!("g{}", i % 2)});
            transcript.push(call(&sqs, "SendMessage", sent).await);
        }
        transcript.push(call(&sqs, "ReceiveMessage", json!({"MaxNumberOfMessages": 10})).await);
        runs.push(transcript);
    }
    assert_eq!(runs[0], runs[1]);
}
