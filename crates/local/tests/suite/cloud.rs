//! The cloud as a whole: what survives a stop, and what stands in the way of a start.

use std::path::PathBuf;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use millrace_local::{LocalCloud, LocalConfig, LocalError};
use uuid::Uuid;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("millrace-local-{}", Uuid::new_v4())))
    }

    fn config(&self) -> LocalConfig {
        LocalConfig { data: Some(self.0.clone()), ..LocalConfig::default() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn create_table(client: &aws_sdk_dynamodb::Client) {
    let key =
        AttributeDefinition::builder().attribute_name("pk").attribute_type(ScalarAttributeType::S).build();
    let schema = KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build();
    let request = client.create_table().table_name("millrace").billing_mode(BillingMode::PayPerRequest);
    request.attribute_definitions(key.unwrap()).key_schema(schema.unwrap()).send().await.unwrap();
}

fn key() -> AttributeValue {
    AttributeValue::S("one".into())
}

#[tokio::test]
async fn tables_and_queues_survive_a_stop() {
    let folder = Folder::new();
    let cloud = LocalCloud::start(folder.config()).await.unwrap();
    let (client, url) = (cloud.sqs_client(), cloud.queue_url());
    create_table(&cloud.dynamodb_client()).await;
    cloud.dynamodb_client().put_item().table_name("millrace").item("pk", key()).send().await.unwrap();
    for (body, delay) in [("in flight", 0), ("waiting", 0), ("delayed", 900), ("deleted", 0)] {
        client.send_message().queue_url(&url).message_body(body).delay_seconds(delay).send().await.unwrap();
    }
    let handle = async |seconds: i32| {
        let received =
            client.receive_message().queue_url(&url).visibility_timeout(seconds).send().await.unwrap();
        received.messages.unwrap().remove(0).receipt_handle.unwrap()
    };
    let in_flight = handle(600).await;
    handle(0).await; // "waiting", which is visible again behind "deleted"
    let deleted = handle(600).await;
    client.delete_message().queue_url(&url).receipt_handle(deleted).send().await.unwrap();
    cloud.shutdown().await;

    let cloud = LocalCloud::start(folder.config()).await.unwrap();
    let (client, url) = (cloud.sqs_client(), cloud.queue_url());
    let item =
        cloud.dynamodb_client().get_item().table_name("millrace").key("pk", key()).send().await.unwrap();
    assert_eq!(item.item.unwrap()["pk"], key());
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    ];
    let request = client.get_queue_attributes().queue_url(&url).set_attribute_names(Some(names.to_vec()));
    let counts = request.send().await.unwrap().attributes.unwrap();
    assert_eq!(names.map(|name| counts[&name].clone()), ["1", "1", "1"]);
    client.delete_message().queue_url(&url).receipt_handle(in_flight).send().await.unwrap();
    let request = client.receive_message().queue_url(&url).max_number_of_messages(10);
    let request = request.message_system_attribute_names("ApproximateReceiveCount".into());
    let [message] = request.send().await.unwrap().messages.unwrap().try_into().unwrap();
    assert_eq!(message.body(), Some("waiting"));
    assert_eq!(message.attributes.unwrap()[&"ApproximateReceiveCount".into()], "2");
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_folder_has_one_process() {
    let folder = Folder::new();
    let cloud = LocalCloud::start(folder.config()).await.unwrap();
    let refused = LocalCloud::start(folder.config()).await.err().unwrap();
    assert!(matches!(&refused, LocalError::FolderInUse { path } if *path == folder.0), "{refused}");
    cloud.shutdown().await;
    LocalCloud::start(folder.config()).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_taken_port_is_named_with_what_wanted_it() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let cases = [
        (LocalConfig { sqs_port: port, ..LocalConfig::default() }, "SQS"),
        (LocalConfig { dynamodb_port: port, ..LocalConfig::default() }, "DynamoDB"),
    ];
    for (config, who) in cases {
        let refused = LocalCloud::start(config).await.err().unwrap().to_string();
        assert!(refused.contains(&port.to_string()) && refused.contains(who), "{refused}");
    }
}

#[tokio::test]
async fn function_variables_lead_to_the_services() {
    let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
    let env = cloud.function_env();
    let value = |name: &str| env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap();
    assert_eq!(value("AWS_ENDPOINT_URL_DYNAMODB"), cloud.dynamodb_url());
    assert_eq!(
        value("MILLRACE_QUEUE_URL"),
        format!("{}/000000000000/millrace-tasks", value("AWS_ENDPOINT_URL_SQS"))
    );
    assert_eq!(value("MILLRACE_TABLE"), "millrace");
    cloud.shutdown().await;
}
