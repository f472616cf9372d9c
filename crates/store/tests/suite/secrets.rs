//! What of a task's input is sealed, and what goes with its end.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millrace_store::{Cancelled, Claim, Finished, MasterKey, NewTask, Outcome, State, Store, StoreError};
use serde_json::{Value, json};

use crate::cloud::{Cloud, failed, noise, succeeded, tenant};

const CANARY: &str = "canary-abcdefghijkl";

fn secret_task(cloud: &Cloud) -> NewTask {
    let task = cloud.new_task(&tenant("acme"), json!({"tweak": format!("{CANARY}-kept")}));
    NewTask { sealed: true, secrets: json!({"key": format!("{CANARY}-erased")}), ..task }
}

async fn lease(cloud: &Cloud, task: &NewTask) -> millrace_store::Lease {
    match cloud.store.claim(&task.tenant, task.id).await.unwrap() {
        Claim::Granted(lease) => lease,
        Claim::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test]
async fn secrets_reach_the_worker_sealed_and_go_with_the_end() {
    for outcome in [succeeded(json!("done")), failed("late"), succeeded(noise(5_000))] {
        let cloud = Cloud::start().await;
        let task = secret_task(&cloud);
        cloud.store.submit(&task).await.unwrap();
        // A reply was lost, and it is submitted again.
        cloud.store.submit(&task).await.unwrap();
        assert!(!cloud.holds(CANARY).await);
        let lease = lease(&cloud, &task).await;
        let input = cloud.store.input(&lease).await.unwrap();
        assert_eq!((&input.value, &input.secrets), (&task.input, &task.secrets));
        assert_eq!(cloud.store.finish(&lease, &outcome, None).await.unwrap(), Finished::Recorded);
        assert_eq!(cloud.store.finish(&lease, &outcome, None).await.unwrap(), Finished::Recorded);
        let input = cloud.store.task_input(&task.tenant, task.id).await.unwrap().unwrap();
        assert_eq!((&input.value, &input.secrets), (&task.input, &Value::Null));
        assert!(cloud.open().await.is_empty());
        assert_eq!(cloud.attributes_called("secrets").await, 0);
    }
}

#[tokio::test]
async fn a_cancelled_task_keeps_no_secret() {
    for callback in [false, true] {
        let cloud = Cloud::start().await;
        let task = NewTask { callback, ..secret_task(&cloud) };
        cloud.store.submit(&task).await.unwrap();
        assert_eq!(cloud.store.cancel(&task.tenant, task.id).await.unwrap(), Cancelled::Done);
        assert!(matches!(
            cloud.store.cancel(&task.tenant, task.id).await.unwrap(),
            Cancelled::Refused(millrace_store::Refusal::Terminal(State::Cancelled))
        ));
        assert_eq!(cloud.attributes_called("secrets").await, 0);
        assert_eq!(cloud.open().await.len(), usize::from(callback));
    }
}

#[tokio::test]
async fn a_task_that_recovery_gives_up_keeps_no_secret() {
    let cloud = Cloud::start().await;
    let task = secret_task(&cloud);
    cloud.store.submit(&task).await.unwrap();
    lease(&cloud, &task).await;
    cloud.host.advance(std::time::Duration::from_secs(2 * 60 * 60));
    let mut due = Vec::new();
    for shard in 0..16 {
        due.extend(cloud.store.due(shard, None, 10).await.unwrap());
    }
    cloud.store.recover(&due).await.unwrap();
    let state = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().state;
    assert_eq!(state, State::Failed);
    assert_eq!(cloud.attributes_called("secrets").await, 0);
}

#[tokio::test]
async fn a_large_input_is_sealed_beside_its_row() {
    for cloud in [Cloud::start().await, Cloud::with_bucket().await] {
        let input = json!({"tweak": CANARY, "noise": noise(700_000)});
        let task = NewTask { sealed: true, ..cloud.new_task(&tenant("acme"), input) };
        cloud.store.submit(&task).await.unwrap();
        cloud.store.submit(&task).await.unwrap();
        assert!(!cloud.holds(CANARY).await);
        let read = cloud.store.task_input(&task.tenant, task.id).await.unwrap().unwrap();
        assert!(read.value == task.input);
    }
}

#[tokio::test]
async fn without_a_master_key_nothing_is_kept() {
    let cloud = Cloud::start().await;
    let store = cloud.another(|config| config.master_key = MasterKey::None);
    let task = secret_task(&cloud);
    assert!(matches!(store.submit(&task).await, Err(StoreError::Misconfigured(_))));
    assert_eq!(store.task(&task.tenant, task.id).await.unwrap(), None);
    let too_many = NewTask { secrets: noise(200_000), ..task };
    let refused = cloud.store.submit(&too_many).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { limit: 131_072, .. })), "{refused:?}");
    store.submit(&cloud.new_task(&tenant("acme"), json!("plain"))).await.unwrap();
}

#[tokio::test]
async fn another_master_key_opens_nothing() {
    let cloud = Cloud::start().await;
    let task = secret_task(&cloud);
    cloud.store.submit(&task).await.unwrap();
    let store = cloud.another(|config| config.master_key = MasterKey::local([8; 32]));
    assert!(matches!(store.task_input(&task.tenant, task.id).await, Err(StoreError::Corrupt { .. })));
}

/// What KMS was asked.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A stand-in for the two operations of KMS: the wrapped key is the key behind its context.
async fn kms(asked: Asked) -> aws_sdk_kms::Client {
    let answer = move |headers: HeaderMap, body: Bytes| {
        let asked = asked.clone();
        async move {
            let target = headers["x-amz-target"].to_str().unwrap().to_owned();
            let request: Value = serde_json::from_slice(&body).unwrap();
            asked.lock().unwrap().push((target.clone(), request.clone()));
            let context = request["EncryptionContext"].to_string();
            let plain = STANDARD.encode([5; 32]);
            let reply = match target.as_str() {
                "TrentService.GenerateDataKey" => {
                    json!({"CiphertextBlob": STANDARD.encode(&context), "Plaintext": plain, "KeyId": "k"})
                }
                _ if request["CiphertextBlob"] == STANDARD.encode(&context) => {
                    json!({"Plaintext": plain, "KeyId": "k"})
                }
                _ => {
                    let error = json!({"__type": "InvalidCiphertextException"}).to_string();
                    return (axum::http::StatusCode::BAD_REQUEST, error);
                }
            };
            (axum::http::StatusCode::OK, reply.to_string())
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
        .region(aws_sdk_kms::config::Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_kms::config::Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .http_client(crate::cloud::LossyWire::default().client());
    aws_sdk_kms::Client::from_conf(config.build())
}

#[tokio::test]
async fn kms_wraps_one_key_a_tenant_and_is_asked_once_in_five_minutes() {
    let (cloud, asked) = (Cloud::start().await, Asked::default());
    let client = kms(asked.clone()).await;
    let with_kms = |cloud: &Cloud| {
        let store = cloud.another(|config| config.master_key = MasterKey::Kms("alias/millrace".to_owned()));
        Store::with_kms(store, client.clone())
    };
    let store = with_kms(&cloud);
    let task = secret_task(&cloud);
    store.submit(&task).await.unwrap();
    store.callback_secret(&task.tenant).await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 1, "one key for all that a tenant has");
    let (target, request) = asked.lock().unwrap()[0].clone();
    assert_eq!(target, "TrentService.GenerateDataKey");
    assert_eq!(request["KeyId"], "alias/millrace");
    assert_eq!(request["EncryptionContext"], json!({"millrace:tenant": "acme"}));

    let worker = with_kms(&cloud);
    let read = || async { worker.task_input(&task.tenant, task.id).await.unwrap().unwrap().secrets };
    assert_eq!(read().await, task.secrets);
    assert_eq!(read().await, task.secrets);
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(asked.lock().unwrap()[1].0, "TrentService.Decrypt");
    cloud.host.advance(std::time::Duration::from_secs(5 * 60));
    assert_eq!(read().await, task.secrets);
    assert_eq!(asked.lock().unwrap().len(), 3);
    let outcome: Outcome = succeeded(json!(1));
    assert!(matches!(outcome, Outcome::Succeeded { .. }));
}
