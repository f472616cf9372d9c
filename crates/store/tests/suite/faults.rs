//! Replies that are lost, and a queue that refuses.

use std::sync::atomic::Ordering;
use std::time::Duration;

use millrace_store::{Claim, Finished, FlowDraft, FlowPatch, State, StoreError};
use serde_json::json;

use crate::cloud::{Cloud, noise, succeeded, tenant};
use crate::tasks::granted;

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_reply_is_lost_is_done_once() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let lose_next = || cloud.wire.lose.store(1, Ordering::SeqCst);

    lose_next();
    let task = cloud.submitted(&acme).await;
    lose_next();
    let lease = granted(&cloud.store, &task).await;
    assert_eq!(lease.token, 1);
    lose_next();
    let finished = cloud.store.finish(&lease, &succeeded(json!("once")), None).await.unwrap();
    assert_eq!(finished, Finished::Recorded);
    let record = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
    assert_eq!((record.result, record.attempt), (Some(json!("once")), 1));

    lose_next();
    let synchronous = cloud.new_task(&acme, json!(null));
    cloud.store.record_sync(&synchronous, &succeeded(noise(9_000)), None).await.unwrap();

    lose_next();
    let draft = FlowDraft { name: "flow".into(), endpoint_name: Some("chat".into()), ..FlowDraft::default() };
    let flow = cloud.store.create_flow(&acme, draft, Vec::new()).await.unwrap();
    lose_next();
    let patch = FlowPatch { name: Some("renamed".into()), ..FlowPatch::default() };
    let patched = cloud.store.update_flow(&acme, flow.id, patch).await.unwrap().unwrap();
    assert_eq!(patched.name, "renamed");
    assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "every fault was met");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_every_reply_is_lost_the_end_is_read_back() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    // As many as the SDK tries; the read that follows is answered.
    cloud.wire.lose.store(3, Ordering::SeqCst);
    let finished = cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
    assert_eq!(finished, Finished::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_unknown_outcome_is_an_error_and_lets_nobody_in() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    cloud.wire.lose.store(3, Ordering::SeqCst);
    let claim = cloud.store.claim(&task.tenant, task.id).await;
    assert!(matches!(claim, Err(StoreError::Unavailable(_))));
    assert!(matches!(cloud.store.claim(&task.tenant, task.id).await, Ok(Claim::Refused(_))));
    cloud.host.advance(cloud.store.config().lease);
    assert_eq!(granted(&cloud.store, &task).await.token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_refuses_twice_gets_the_message_with_the_third_try() {
    let cloud = Cloud::start().await;
    cloud.queue.refuse.store(2, Ordering::SeqCst);
    let task = cloud.new_task(&tenant("acme"), json!(null));
    assert!(cloud.store.submit(&task).await.unwrap().sent);
    assert_eq!(cloud.queue.calls.load(Ordering::SeqCst), 3);
    assert_eq!(cloud.queue.bodies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_accepted_while_the_queue_is_down() {
    let cloud = Cloud::start().await;
    cloud.queue.refuse.store(usize::MAX, Ordering::SeqCst);
    let task = cloud.new_task(&tenant("acme"), json!(null));
    assert!(!cloud.store.submit(&task).await.unwrap().sent);
    assert_eq!(cloud.queue.calls.load(Ordering::SeqCst), 3, "the SDK does not multiply the tries");
    assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().state, State::Queued);

    cloud.queue.refuse.store(0, Ordering::SeqCst);
    cloud.store.enqueue(&task.tenant, task.id, Duration::ZERO, None).await.unwrap();
    assert_eq!(cloud.queue.bodies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_the_operators_business() {
    let cloud = Cloud::start().await;
    let store = cloud.another(|config| config.table = "elsewhere".to_owned());
    let error = store.flows(&tenant("acme")).await.unwrap_err();
    assert!(matches!(error, StoreError::Misconfigured(_)), "{error:?}");
    assert_eq!(error.to_string(), "the service is not set up correctly");
}
