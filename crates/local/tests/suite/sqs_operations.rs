//! Every operation, through the real SDK.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use millrace_local::{LocalCloud, LocalConfig};

async fn start() -> (LocalCloud, Client, String) {
    let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
    let (client, url) = (cloud.sqs_client(), cloud.queue_url());
    (cloud, client, url)
}

async fn send(client: &Client, url: &str, body: &str) -> String {
    client.send_message().queue_url(url).message_body(body).send().await.unwrap().message_id.unwrap()
}

async fn receive(client: &Client, url: &str, max: i32) -> Vec<Message> {
    let names = MessageSystemAttributeName::All;
    let request = client.receive_message().queue_url(url).max_number_of_messages(max);
    let request = request.message_system_attribute_names(names).message_attribute_names("All");
    request.send().await.unwrap().messages.unwrap_or_default()
}

async fn counts(client: &Client, url: &str) -> [i64; 3] {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let request = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
    let attributes = request.send().await.unwrap().attributes.unwrap();
    names.map(|name| attributes[&name].parse().unwrap())
}

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let (cloud, client, url) = start().await;
    let text = MessageAttributeValue::builder().data_type("String").string_value("wörd").build().unwrap();
    let bytes = MessageAttributeValue::builder().data_type("Binary.raw").binary_value(Blob::new([0, 255]));
    let request = client.send_message().queue_url(&url).message_body("grüße").message_group_id("tenant-1");
    let request =
        request.message_attributes("text", text).message_attributes("bytes", bytes.build().unwrap());
    let sent = request.send().await.unwrap();

    let [message] = receive(&client, &url, 10).await.try_into().unwrap();
    assert_eq!(message.message_id, sent.message_id);
    assert_eq!(message.body(), Some("grüße"));
    assert_eq!(message.md5_of_body, sent.md5_of_message_body);
    assert_eq!(message.md5_of_body().unwrap(), format!("{:x}", md5::compute("grüße")));
    assert!(sent.md5_of_message_attributes.is_some());
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    let attributes = message.message_attributes.unwrap();
    assert_eq!(attributes["text"].string_value(), Some("wörd"));
    assert_eq!(attributes["bytes"].binary_value().unwrap().as_ref(), [0, 255]);
    assert_eq!(attributes["bytes"].data_type(), "Binary.raw");
    let system = message.attributes.unwrap();
    assert_eq!(system[&MessageSystemAttributeName::MessageGroupId], "tenant-1");
    assert_eq!(system[&MessageSystemAttributeName::ApproximateReceiveCount], "1");
    for time in [
        MessageSystemAttributeName::SentTimestamp,
        MessageSystemAttributeName::ApproximateFirstReceiveTimestamp,
    ] {
        assert!(system[&time].parse::<u64>().unwrap() > 1_600_000_000_000, "{time}");
    }
    assert_eq!(counts(&client, &url).await, [0, 1, 0]);

    let handle = message.receipt_handle.unwrap();
    client.delete_message().queue_url(&url).receipt_handle(handle).send().await.unwrap();
    assert_eq!(counts(&client, &url).await, [0, 0, 0]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn batches_answer_for_each_entry() {
    let (cloud, client, url) = start().await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).build().unwrap()
    };
    let entries = vec![entry("a", "1"), entry("bad", "\u{1}"), entry("b", "2"), entry("c", "3")];
    let sent = client.send_message_batch().queue_url(&url).set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful.iter().map(|s| s.id()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(sent.successful[0].md5_of_message_body(), format!("{:x}", md5::compute("1")));
    let [failed] = sent.failed.try_into().unwrap();
    assert_eq!((failed.id(), failed.code(), failed.sender_fault()), ("bad", "InvalidMessageContents", true));

    let received = receive(&client, &url, 10).await;
    let handles: Vec<String> = received.iter().map(|m| m.receipt_handle.clone().unwrap()).collect();
    let entries = handles.iter().enumerate().map(|(i, handle)| {
        let entry =
            ChangeMessageVisibilityBatchRequestEntry::builder().id(i.to_string()).receipt_handle(handle);
        entry.visibility_timeout(if i == 0 { 0 } else { 600 }).build().unwrap()
    });
    let request =
        client.change_message_visibility_batch().queue_url(&url).set_entries(Some(entries.collect()));
    assert_eq!(request.send().await.unwrap().successful.len(), 3);
    assert_eq!(counts(&client, &url).await, [1, 2, 0]);

    let entries = [&handles[1], "nonsense"].into_iter().enumerate().map(|(i, handle)| {
        DeleteMessageBatchRequestEntry::builder().id(i.to_string()).receipt_handle(handle).build().unwrap()
    });
    let request = client.delete_message_batch().queue_url(&url).set_entries(Some(entries.collect()));
    let deleted = request.send().await.unwrap();
    assert_eq!(deleted.successful.len(), 1);
    assert_eq!((deleted.failed[0].id(), deleted.failed[0].code()), ("1", "ReceiptHandleIsInvalid"));
    assert_eq!(counts(&client, &url).await, [1, 1, 0]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_stale_handle_deletes_nothing() {
    let (cloud, client, url) = start().await;
    send(&client, &url, "again").await;
    let receive_for = async |seconds| {
        let request = client.receive_message().queue_url(&url).visibility_timeout(seconds);
        request.send().await.unwrap().messages.unwrap().remove(0).receipt_handle.unwrap()
    };
    let (stale, fresh) = (receive_for(0).await, receive_for(60).await);
    assert_ne!(stale, fresh);
    client.delete_message().queue_url(&url).receipt_handle(&stale).send().await.unwrap();
    assert_eq!(counts(&client, &url).await, [0, 1, 0]);
    client.delete_message().queue_url(&url).receipt_handle(&fresh).send().await.unwrap();
    client.delete_message().queue_url(&url).receipt_handle(&fresh).send().await.unwrap();
    assert_eq!(counts(&client, &url).await, [0, 0, 0]);
    cloud.shutdown().await;
}

#[tokio::test]
async fn queues_are_created_listed_changed_purged_and_deleted() {
    let (cloud, client, url) = start().await;
    for name in ["extra-1", "extra-2", "other"] {
        let created = client.create_queue().queue_name(name).send().await.unwrap();
        let found = client.get_queue_url().queue_name(name).send().await.unwrap();
        assert_eq!(created.queue_url, found.queue_url);
    }
    let page = client.list_queues().queue_name_prefix("extra").max_results(1).send().await.unwrap();
    let next =
        client.list_queues().queue_name_prefix("extra").max_results(1).next_token(page.next_token.unwrap());
    let next = next.send().await.unwrap();
    assert!(page.queue_urls.unwrap()[0].ends_with("/extra-1"));
    assert!(next.queue_urls.unwrap()[0].ends_with("/extra-2"));
    assert_eq!(next.next_token, None);

    let extra = client.get_queue_url().queue_name("extra-1").send().await.unwrap().queue_url.unwrap();
    let set =
        client.set_queue_attributes().queue_url(&extra).attributes(QueueAttributeName::DelaySeconds, "900");
    set.send().await.unwrap();
    let all = client.get_queue_attributes().queue_url(&extra).attribute_names(QueueAttributeName::All);
    let all: HashMap<_, _> = all.send().await.unwrap().attributes.unwrap();
    assert_eq!(all[&QueueAttributeName::DelaySeconds], "900");
    assert_eq!(all[&QueueAttributeName::QueueArn], "arn:aws:sqs:us-east-1:000000000000:extra-1");
    assert_eq!(all[&QueueAttributeName::VisibilityTimeout], "30");
    assert_eq!(all[&QueueAttributeName::MaximumMessageSize], "1048576");
    send(&client, &extra, "later").await;
    assert_eq!(counts(&client, &extra).await, [0, 0, 1]);
    client.purge_queue().queue_url(&extra).send().await.unwrap();
    assert_eq!(counts(&client, &extra).await, [0, 0, 0]);
    client.delete_queue().queue_url(&extra).send().await.unwrap();
    assert!(client.get_queue_url().queue_name("extra-1").send().await.is_err());

    let policy =
        client.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::RedrivePolicy);
    let policy =
        policy.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::RedrivePolicy).unwrap();
    assert!(
        policy.contains(&cloud.dead_letter_arn()) && policy.contains("\"maxReceiveCount\":5"),
        "{policy}"
    );
    cloud.shutdown().await;
}

#[tokio::test]
async fn what_is_received_too_often_becomes_a_dead_letter() {
    let (cloud, client, url) = start().await;
    let id = send(&client, &url, "poison").await;
    for _ in 0..5 {
        let received = client.receive_message().queue_url(&url).visibility_timeout(0).send().await.unwrap();
        assert_eq!(received.messages.unwrap()[0].message_id(), Some(id.as_str()));
    }
    assert!(receive(&client, &url, 10).await.is_empty());
    assert_eq!(counts(&client, &url).await, [0, 0, 0]);
    let [dead] = receive(&client, &cloud.dead_letter_url(), 10).await.try_into().unwrap();
    assert_eq!((dead.message_id(), dead.body()), (Some(id.as_str()), Some("poison")));
    let system = dead.attributes.unwrap();
    assert_eq!(system[&MessageSystemAttributeName::DeadLetterQueueSourceArn], cloud.queue_arn());
    cloud.shutdown().await;
}

/// The wait is 20 s and the patience 10: only a wake-up can end this in time.
#[tokio::test]
async fn a_long_poll_wakes_when_a_message_arrives() {
    let (cloud, client, url) = start().await;
    let poll = client.receive_message().queue_url(&url).wait_time_seconds(20).send();
    let (received, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), poll), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        send(&client, &url, "at last").await;
    });
    assert_eq!(received.unwrap().unwrap().messages.unwrap()[0].body(), Some("at last"));
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_stop_ends_long_polls() {
    let (cloud, client, url) = start().await;
    let poll = tokio::spawn(client.receive_message().queue_url(&url).wait_time_seconds(20).send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(Duration::from_secs(10), cloud.shutdown()).await.unwrap();
    assert_eq!(poll.await.unwrap().unwrap().messages, None);
}

#[tokio::test]
async fn a_message_of_1_mib_passes() {
    let (cloud, client, url) = start().await;
    let body = "\u{20ac}\"\n".repeat(1_048_576 / 5) + "x";
    assert_eq!(body.len(), 1_048_576);
    send(&client, &url, &body).await;
    assert_eq!(receive(&client, &url, 1).await[0].body(), Some(body.as_str()));
    cloud.shutdown().await;
}

#[tokio::test]
async fn groups_take_turns() {
    let (cloud, client, url) = start().await;
    for (group, count) in [("loud", 8), ("quiet", 2)] {
        for _ in 0..count {
            let request = client.send_message().queue_url(&url).message_body(group).message_group_id(group);
            request.send().await.unwrap();
        }
    }
    let bodies: Vec<_> =
        receive(&client, &url, 4).await.iter().map(|m| m.body().unwrap().to_owned()).collect();
    assert_eq!(bodies, ["loud", "quiet", "loud", "quiet"]);
    cloud.shutdown().await;
}
