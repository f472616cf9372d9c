//! Every refusal is the error that the real SDK gives a type to.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use millrace_local::{LocalCloud, LocalConfig};

async fn start() -> (LocalCloud, Client, String) {
    let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
    let (client, url) = (cloud.sqs_client(), cloud.queue_url());
    (cloud, client, url)
}

/// The typed error of a request that must be refused.
macro_rules! refusal {
    ($request:expr) => {
        $request.send().await.unwrap_err().into_service_error()
    };
}

fn entries(count: usize, body: &str) -> Option<Vec<SendMessageBatchRequestEntry>> {
    let entry =
        |i: usize| SendMessageBatchRequestEntry::builder().id(format!("id-{i}")).message_body(body).build();
    Some((0..count).map(|i| entry(i).unwrap()).collect())
}

fn one(id: &str) -> Option<Vec<SendMessageBatchRequestEntry>> {
    Some(vec![SendMessageBatchRequestEntry::builder().id(id).message_body("x").build().unwrap()])
}

#[tokio::test]
async fn a_queue_that_does_not_exist() {
    let (cloud, client, url) = start().await;
    let missing = format!("{url}-not");
    assert!(refusal!(client.get_queue_url().queue_name("not")).is_queue_does_not_exist());
    assert!(refusal!(client.send_message().queue_url(&missing).message_body("x")).is_queue_does_not_exist());
    assert!(refusal!(client.receive_message().queue_url(&missing)).is_queue_does_not_exist());
    assert!(
        refusal!(client.delete_message().queue_url(&missing).receipt_handle("x")).is_queue_does_not_exist()
    );
    let batch = client.send_message_batch().queue_url(&missing).set_entries(one("a"));
    assert!(refusal!(batch).is_queue_does_not_exist());
    assert!(refusal!(client.purge_queue().queue_url(&missing)).is_queue_does_not_exist());
    assert!(refusal!(client.delete_queue().queue_url(&missing)).is_queue_does_not_exist());
    assert!(refusal!(client.get_queue_attributes().queue_url(&missing)).is_queue_does_not_exist());
    let set =
        client.set_queue_attributes().queue_url(&missing).attributes(QueueAttributeName::DelaySeconds, "1");
    assert!(refusal!(set).is_queue_does_not_exist());
    cloud.shutdown().await;
}

#[tokio::test]
async fn handles_and_visibility() {
    let (cloud, client, url) = start().await;
    let delete = client.delete_message().queue_url(&url).receipt_handle("nonsense");
    assert!(refusal!(delete).is_receipt_handle_is_invalid());
    let change = |handle: &str, seconds| {
        client.change_message_visibility().queue_url(&url).receipt_handle(handle).visibility_timeout(seconds)
    };
    assert!(refusal!(change("nonsense", 1)).is_receipt_handle_is_invalid());

    client.send_message().queue_url(&url).message_body("x").send().await.unwrap();
    let received = client.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
    let handle = received.messages.unwrap().remove(0).receipt_handle.unwrap();
    assert!(refusal!(change(&handle, 10)).is_message_not_inflight());
    let received = client.receive_message().queue_url(&url).send().await.unwrap();
    let handle = received.messages.unwrap().remove(0).receipt_handle.unwrap();
    change(&handle, 40_000).send().await.unwrap();
    assert_eq!(refusal!(change(&handle, 43_201)).code(), Some("InvalidParameterValue"));
    client.delete_message().queue_url(&url).receipt_handle(&handle).send().await.unwrap();
    assert_eq!(refusal!(change(&handle, 10)).code(), Some("InvalidParameterValue"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn batches() {
    let (cloud, client, url) = start().await;
    let send = |entries| client.send_message_batch().queue_url(&url).set_entries(entries);
    assert!(refusal!(send(entries(11, "x"))).is_too_many_entries_in_batch_request());
    assert!(refusal!(send(entries(0, "x"))).is_empty_batch_request());
    assert!(refusal!(send(entries(2, &"x".repeat(600_000)))).is_batch_request_too_long());
    assert!(refusal!(send(one("two words"))).is_invalid_batch_entry_id());
    let twice = [one("a"), one("a")].into_iter().flatten().flatten().collect();
    assert!(refusal!(send(Some(twice))).is_batch_entry_ids_not_distinct());

    let entry = || DeleteMessageBatchRequestEntry::builder().id("a").receipt_handle("x").build().unwrap();
    let delete =
        |count| client.delete_message_batch().queue_url(&url).set_entries(Some(vec![entry(); count]));
    assert!(refusal!(delete(0)).is_empty_batch_request());
    assert!(refusal!(delete(2)).is_batch_entry_ids_not_distinct());
    assert!(refusal!(delete(11)).is_too_many_entries_in_batch_request());

    let entry =
        || ChangeMessageVisibilityBatchRequestEntry::builder().id("a").receipt_handle("x").build().unwrap();
    let change = |count| {
        client.change_message_visibility_batch().queue_url(&url).set_entries(Some(vec![entry(); count]))
    };
    assert!(refusal!(change(0)).is_empty_batch_request());
    assert!(refusal!(change(2)).is_batch_entry_ids_not_distinct());
    assert!(refusal!(change(11)).is_too_many_entries_in_batch_request());
    cloud.shutdown().await;
}

#[tokio::test]
async fn messages() {
    let (cloud, client, url) = start().await;
    let send = |body: &str| client.send_message().queue_url(&url).message_body(body);
    assert!(refusal!(send("\u{b}")).is_invalid_message_contents());
    assert_eq!(refusal!(send("")).code(), Some("MissingParameter"));
    assert_eq!(refusal!(send(&"x".repeat(1_048_577))).code(), Some("InvalidParameterValue"));
    assert_eq!(refusal!(send("x").delay_seconds(901)).code(), Some("InvalidParameterValue"));
    assert_eq!(refusal!(send("x").message_deduplication_id("d")).code(), Some("InvalidParameterValue"));
    let receive = || client.receive_message().queue_url(&url);
    assert_eq!(refusal!(receive().max_number_of_messages(11)).code(), Some("InvalidParameterValue"));
    assert_eq!(refusal!(receive().wait_time_seconds(21)).code(), Some("InvalidParameterValue"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn queues() {
    let (cloud, client, url) = start().await;
    let create = |name: &str, seconds: &str| {
        client.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, seconds)
    };
    create("new", "10").send().await.unwrap();
    create("new", "10").send().await.unwrap();
    assert!(refusal!(create("new", "11")).is_queue_name_exists());
    assert!(refusal!(create("newer", "soon")).is_invalid_attribute_value());
    assert!(refusal!(create("newer", "10").attributes("Colour".into(), "red")).is_invalid_attribute_name());
    assert!(refusal!(create("new.fifo", "10")).is_unsupported_operation());
    assert_eq!(refusal!(create("two words", "10")).code(), Some("InvalidParameterValue"));
    let redrive =
        r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:nowhere","maxReceiveCount":3}"#;
    let set =
        client.set_queue_attributes().queue_url(&url).attributes(QueueAttributeName::RedrivePolicy, redrive);
    assert_eq!(refusal!(set).code(), Some("InvalidParameterValue"));
    client.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(refusal!(client.purge_queue().queue_url(&url)).is_purge_queue_in_progress());
    client.delete_queue().queue_url(&url).send().await.unwrap();
    assert!(refusal!(create("millrace-tasks", "10")).is_queue_deleted_recently());
    let unknown = refusal!(client.list_queue_tags().queue_url(&url));
    assert_eq!(unknown.code(), Some("InvalidAction"));
    cloud.shutdown().await;
}
