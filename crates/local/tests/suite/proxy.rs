//! The fault proxy between real SDK clients and the services.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use bytes::Bytes;
use futures::FutureExt;
use millrace_local::{
    Call, EventSource, EventSourceConfig, FaultProxy, LocalCloud, LocalConfig, Phase, Verdict, from_async,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

async fn cloud() -> LocalCloud {
    let config = LocalConfig { visibility_timeout: Duration::from_secs(1), ..LocalConfig::default() };
    LocalCloud::start(config).await.unwrap()
}

/// A client that tries once.
fn client(cloud: &LocalCloud, proxy: &FaultProxy) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(&cloud.sdk_config());
    let config = config.endpoint_url(proxy.url()).retry_config(RetryConfig::disabled());
    aws_sdk_sqs::Client::from_conf(config.build())
}

fn messages(cloud: &LocalCloud) -> usize {
    cloud.sqs().with(|account, _| Ok(account.queue("millrace-tasks")?.messages().count())).unwrap()
}

#[tokio::test]
async fn a_verdict_says_what_the_service_does_and_what_the_client_sees() {
    let cloud = cloud().await;
    let throttled = json!({"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"});
    let reply = || Verdict::Reply(400, throttled.to_string().into());
    let cases = [
        (Phase::Before, Verdict::Pass, 1, "sent"),
        (Phase::Before, Verdict::Drop, 0, "no answer"),
        (Phase::After, Verdict::Drop, 1, "no answer"),
        (Phase::Before, reply(), 0, "RequestThrottled"),
        (Phase::After, reply(), 1, "RequestThrottled"),
    ];
    for (phase, verdict, done, expected) in cases {
        let before = messages(&cloud);
        let told = verdict.clone();
        let proxy = FaultProxy::start(cloud.sqs_url(), move |call: &Call<'_>| {
            let body: Value = serde_json::from_slice(call.body).unwrap();
            assert_eq!((call.operation, &body["MessageBody"]), ("SendMessage", &json!("m")));
            let verdict = if call.phase == phase { told.clone() } else { Verdict::Pass };
            async move { verdict }.boxed()
        });
        let proxy = proxy.await.unwrap();
        let request = client(&cloud, &proxy).send_message().queue_url(cloud.queue_url()).message_body("m");
        let seen = match request.send().await {
            Ok(_) => "sent".to_owned(),
            Err(error) => match error.as_service_error() {
                Some(error) => error.meta().code().unwrap_or_default().to_owned(),
                None => "no answer".to_owned(),
            },
        };
        assert_eq!((messages(&cloud) - before, seen.as_str()), (done, expected), "{phase:?} {verdict:?}");
        proxy.stop().await;
    }
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_call_that_was_received_goes_on_without_its_client() {
    let cloud = cloud().await;
    let (received, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (received.clone(), go.clone());
    let proxy = FaultProxy::start(cloud.sqs_url(), move |call: &Call<'_>| {
        let (tell, wait, first) = (tell.clone(), wait.clone(), call.phase == Phase::Before);
        async move {
            if first {
                tell.notify_one();
                wait.notified().await;
            }
            Verdict::Pass
        }
        .boxed()
    });
    let proxy = proxy.await.unwrap();
    let request = client(&cloud, &proxy).send_message().queue_url(cloud.queue_url()).message_body("m");
    let calling = tokio::spawn(request.send());
    received.notified().await;
    calling.abort();
    assert!(calling.await.unwrap_err().is_cancelled());
    assert_eq!(messages(&cloud), 0);
    go.notify_one();
    proxy.stop().await;
    assert_eq!(messages(&cloud), 1);
    cloud.shutdown().await;
}

#[tokio::test]
async fn a_service_that_is_gone_is_a_closed_connection() {
    let cloud = cloud().await;
    let proxy = FaultProxy::start(cloud.sqs_url(), |_| async { Verdict::Pass }.boxed()).await.unwrap();
    let client = client(&cloud, &proxy);
    let request = client.get_queue_url().queue_name("millrace-tasks");
    assert!(request.clone().send().await.is_ok());
    cloud.shutdown().await;
    assert!(request.send().await.unwrap_err().as_service_error().is_none());
    proxy.stop().await;
}

#[tokio::test]
async fn a_batch_whose_delete_is_lost_comes_again() {
    let cloud = cloud().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let (counted, noted) = (calls.clone(), seen.clone());
    let proxy = FaultProxy::start(cloud.sqs_url(), move |call: &Call<'_>| {
        *noted.lock().unwrap().entry(call.operation.to_owned()).or_default() += 1;
        let lost = call.operation == "DeleteMessageBatch" && counted.load(Ordering::SeqCst) < 2;
        async move { if lost { Verdict::Drop } else { Verdict::Pass } }.boxed()
    });
    let proxy = proxy.await.unwrap();
    client(&cloud, &proxy)
        .send_message()
        .queue_url(cloud.queue_url())
        .message_body("m")
        .send()
        .await
        .unwrap();
    let (handled, twice) = (calls.clone(), Arc::new(Notify::new()));
    let tell = twice.clone();
    let function = from_async(move |_| {
        if handled.fetch_add(1, Ordering::SeqCst) == 1 {
            tell.notify_one();
        }
        async { Ok(Bytes::new()) }
    });
    let config = EventSourceConfig::new(cloud.queue_url(), cloud.queue_arn());
    let source = EventSource::start(client(&cloud, &proxy), config, Arc::new(function));
    twice.notified().await;
    source.stop().await;
    assert_eq!((calls.load(Ordering::SeqCst), messages(&cloud)), (2, 0));
    let names: Vec<String> = seen.lock().unwrap().keys().cloned().collect();
    assert_eq!(names, ["DeleteMessageBatch", "ReceiveMessage", "SendMessage"]);
    proxy.stop().await;
    cloud.shutdown().await;
}
