//! Tasks whose owner is to be called back.

use std::time::Duration;

use millrace_store::{
    CallbackState, Cancelled, NewTask, Reason, Recovered, Refusal, State, StoreError, TaskRecord,
};
use serde_json::json;

use crate::cloud::{Cloud, failed, noise, succeeded, tenant};
use crate::recovery::{due, swept};
use crate::tasks::granted;

async fn record(cloud: &Cloud, task: &NewTask) -> TaskRecord {
    cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap()
}

/// Brings a task to its end in one of the ways there are.
async fn ended(cloud: &Cloud, how: &str) -> NewTask {
    let task = cloud.new_task_with_callback(&tenant("acme"));
    if how == "synchronous" {
        cloud.store.record_sync(&task, &succeeded(json!(1)), None).await.unwrap();
        return task;
    }
    cloud.store.submit(&task).await.unwrap();
    if how == "cancelled while it waits" {
        assert_eq!(cloud.store.cancel(&task.tenant, task.id).await.unwrap(), Cancelled::Done);
        return task;
    }
    let lease = granted(&cloud.store, &task).await;
    assert!(lease.callback);
    assert_eq!(record(cloud, &task).await.callback, Some(CallbackState::Pending { tries: 0 }));
    match how {
        "succeeded" => {
            cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
        }
        "succeeded with much" => {
            cloud.store.finish(&lease, &succeeded(noise(3_000)), None).await.unwrap();
        }
        "failed" => {
            cloud.store.finish(&lease, &failed("no"), None).await.unwrap();
        }
        "cancelled" => {
            cloud.store.cancel(&task.tenant, task.id).await.unwrap();
        }
        "given up" => {
            cloud.host.advance(cloud.store.config().task_timeout);
            assert_eq!(swept(cloud, &task).await, Some(Recovered::Ended(Reason::Timeout)));
        }
        other => panic!("{other}"),
    }
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_its_end_a_callback_is_due_until_it_is_delivered() {
    let cloud = Cloud::start().await;
    let ends = [
        "succeeded",
        "succeeded with much",
        "failed",
        "cancelled",
        "cancelled while it waits",
        "given up",
        "synchronous",
    ];
    for how in ends {
        let task = ended(&cloud, how).await;
        let before = record(&cloud, &task).await;
        assert!(before.state.is_terminal(), "{how}");
        for _ in 0..2 {
            assert_eq!(swept(&cloud, &task).await, Some(Recovered::CallbackDue { tries: 0 }), "{how}");
        }
        let tried = cloud.store.callback_tried(&task.tenant, task.id, true).await.unwrap();
        assert_eq!(tried, CallbackState::Delivered);
        assert!(cloud.open().await.is_empty(), "{how}");
        let late = cloud.store.callback_tried(&task.tenant, task.id, false).await.unwrap();
        assert_eq!(late, CallbackState::Delivered, "settled is settled");
        let after = TaskRecord { callback: Some(CallbackState::Delivered), ..before };
        assert_eq!(record(&cloud, &task).await, after, "{how}");
        let again = cloud.store.cancel(&task.tenant, task.id).await.unwrap();
        assert_eq!(again, Cancelled::Refused(Refusal::Terminal(after.state)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_tried_eight_times_in_slowing_steps() {
    let cloud = Cloud::start().await;
    let task = ended(&cloud, "succeeded").await;
    let tried = async |delivered| cloud.store.callback_tried(&task.tenant, task.id, delivered).await.unwrap();
    for (tries, minutes) in (1..).zip([1, 2, 4, 8, 16, 32, 64]) {
        assert_eq!(tried(false).await, CallbackState::Pending { tries });
        cloud.host.advance(Duration::from_secs(60 * minutes) - Duration::from_millis(1));
        assert!(due(&cloud).await.is_empty(), "{tries}");
        cloud.host.advance(Duration::from_millis(1));
        assert_eq!(swept(&cloud, &task).await, Some(Recovered::CallbackDue { tries }));
    }
    assert_eq!(tried(false).await, CallbackState::Failed);
    assert!(cloud.open().await.is_empty());
    assert_eq!(tried(true).await, CallbackState::Failed);
    let record = record(&cloud, &task).await;
    assert_eq!((record.state, record.callback), (State::Succeeded, Some(CallbackState::Failed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_the_same_time_and_lost_replies_count_once() {
    let cloud = Cloud::start().await;
    let task = ended(&cloud, "failed").await;
    let tried = async |delivered| cloud.store.callback_tried(&task.tenant, task.id, delivered).await.unwrap();
    cloud.wire.answer_then_lose(1);
    assert_eq!(tried(false).await, CallbackState::Pending { tries: 1 });
    let (one, other) = tokio::join!(tried(false), tried(true));
    assert_eq!(other, CallbackState::Delivered, "a delivery counts whatever else there was");
    assert!(matches!(one, CallbackState::Pending { tries: 2 } | CallbackState::Delivered));
    assert_eq!(tried(false).await, CallbackState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_a_callback_that_is_due_has_none_to_count() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let (plain, open) = (cloud.submitted(&acme).await, cloud.new_task_with_callback(&acme));
    cloud.store.submit(&open).await.unwrap();
    let lease = granted(&cloud.store, &plain).await;
    cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
    assert_eq!(record(&cloud, &plain).await.callback, None);
    let unknown = cloud.store.new_task_id();
    for id in [plain.id, open.id, unknown] {
        let tried = cloud.store.callback_tried(&acme, id, true).await;
        assert!(matches!(tried, Err(StoreError::Invalid { .. })), "{tried:?}");
    }
}
