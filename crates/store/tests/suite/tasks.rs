//! The life of a task.

use std::time::Duration;

use millrace_store::{
    Cancelled, Claim, Finished, Lease, NewTask, Refusal, State, Store, StoreError, TaskError,
};
use serde_json::{Value, json};

use crate::cloud::{Cloud, failed, noise, succeeded, tenant};

pub(crate) async fn granted(store: &Store, task: &NewTask) -> Lease {
    match store.claim(&task.tenant, task.id).await.unwrap() {
        Claim::Granted(lease) => lease,
        Claim::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

async fn refused(store: &Store, task: &NewTask) -> Refusal {
    match store.claim(&task.tenant, task.id).await.unwrap() {
        Claim::Refused(refusal) => refusal,
        Claim::Granted(lease) => panic!("granted: {lease:?}"),
    }
}

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_submitted_claimed_run_and_polled() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let task = cloud.new_task(&acme, json!({"inputs": {"text": "hello"}}));
    assert!(cloud.store.submit(&task).await.unwrap().sent);
    let queued = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
    assert_eq!((queued.state, queued.attempt, queued.started_at), (State::Queued, 0, None));

    let message = cloud.queue.bodies().pop().unwrap();
    assert_eq!((&message.tenant, message.task), (&acme, task.id));
    assert_eq!(cloud.queue.messages.lock().unwrap()[0]["MessageGroupId"], "acme");

    cloud.host.advance(Duration::from_secs(2));
    let lease = granted(&cloud.store, &task).await;
    assert_eq!(lease.token, 1);
    assert_eq!((lease.flow, lease.flow_version.as_str()), (task.flow, task.flow_version.as_str()));
    assert_eq!(lease.session, "a conversation");
    assert_eq!(cloud.store.input(&lease).await.unwrap(), task.input);
    assert_eq!(cloud.store.task(&acme, task.id).await.unwrap().unwrap().state, State::Running);

    cloud.host.advance(Duration::from_secs(3));
    let finished = cloud.store.finish(&lease, &succeeded(json!({"text": "hi"}))).await.unwrap();
    assert_eq!(finished, Finished::Recorded);
    let done = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
    assert_eq!((done.state, done.result, done.error), (State::Succeeded, Some(json!({"text": "hi"})), None));
    let waited = done.started_at.unwrap().duration_since(done.created_at);
    let ran = done.ended_at.unwrap().duration_since(done.started_at.unwrap());
    assert_eq!((waited.as_secs(), ran.as_secs()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_carries_its_error() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.store.finish(&lease, &failed("took too long")).await.unwrap();
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    let error = TaskError { kind: "timeout".into(), message: "took too long".into(), retryable: true };
    assert_eq!((record.state, record.result, record.error), (State::Failed, None, Some(error)));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reason_to_refuse_a_claim_has_a_name() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let never = cloud.new_task(&acme, json!(null));
    assert_eq!(refused(&cloud.store, &never).await, Refusal::Unknown);

    let task = cloud.submitted(&acme).await;
    let lease = granted(&cloud.store, &task).await;
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: lease.expires_at });

    cloud.store.finish(&lease, &succeeded(json!(1))).await.unwrap();
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Terminal(State::Succeeded));

    let waiting = cloud.submitted(&acme).await;
    cloud.host.advance(cloud.store.config().retention);
    assert_eq!(refused(&cloud.store, &waiting).await, Refusal::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_can_change_nothing() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let paused = granted(&cloud.store, &task).await;
    cloud.host.advance(LEASE);
    let lease = granted(&cloud.store, &task).await;
    assert_eq!((paused.token, lease.token), (1, 2));
    assert_eq!(lease.started_at, paused.started_at);

    let running = Finished::Refused(Refusal::Running { until: lease.expires_at });
    for outcome in [succeeded(json!("late")), succeeded(noise(3_000)), failed("late")] {
        assert_eq!(cloud.store.finish(&paused, &outcome).await.unwrap(), running);
    }
    assert_eq!(cloud.store.renew(&paused).await.unwrap(), None);
    cloud.store.release(&paused).await.unwrap();
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: lease.expires_at });

    assert_eq!(cloud.store.finish(&lease, &succeeded(json!("right"))).await.unwrap(), Finished::Recorded);
    let late = cloud.store.finish(&paused, &succeeded(noise(3_000))).await.unwrap();
    assert_eq!(late, Finished::Refused(Refusal::Terminal(State::Succeeded)));
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    assert_eq!((record.result, record.attempt), (Some(json!("right")), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_result_item_never_replaces_the_one_that_counts() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let paused = granted(&cloud.store, &task).await;
    cloud.host.advance(LEASE);
    let lease = granted(&cloud.store, &task).await;
    let (early, right) = (noise(3_000), noise(4_000));
    cloud.store.finish(&paused, &succeeded(early.clone())).await.unwrap();
    cloud.store.finish(&lease, &succeeded(right.clone())).await.unwrap();
    cloud.store.finish(&paused, &succeeded(early)).await.unwrap();
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    assert_eq!(record.result, Some(right));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_state_never_changes() {
    let cloud = Cloud::start().await;
    for outcome in [succeeded(json!("first")), failed("first")] {
        let task = cloud.submitted(&tenant("acme")).await;
        let lease = granted(&cloud.store, &task).await;
        cloud.store.finish(&lease, &outcome).await.unwrap();
        let before = cloud.store.task(&task.tenant, task.id).await.unwrap();

        cloud.store.release(&lease).await.unwrap();
        assert_eq!(cloud.store.renew(&lease).await.unwrap(), None);
        let again = cloud.store.cancel(&task.tenant, task.id).await.unwrap();
        assert!(matches!(again, Cancelled::Refused(Refusal::Terminal(_))));
        cloud.host.advance(LEASE);
        assert!(matches!(refused(&cloud.store, &task).await, Refusal::Terminal(_)));
        for other in [succeeded(json!("second")), failed("second")] {
            cloud.store.finish(&lease, &other).await.unwrap();
        }
        assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_task_is_claimed_again_with_the_next_token() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.store.release(&lease).await.unwrap();
    let outcome = succeeded(json!("too late"));
    assert_eq!(cloud.store.finish(&lease, &outcome).await.unwrap(), Finished::Refused(Refusal::LeaseLost));
    assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().state, State::Queued);
    assert_eq!(granted(&cloud.store, &task).await.token, 2);
    assert_eq!(cloud.queue.bodies().len(), 1, "a release sends no message");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_lease_holds_longer() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.host.advance(LEASE / 2);
    let renewed = cloud.store.renew(&lease).await.unwrap().unwrap();
    cloud.host.advance(LEASE / 2);
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: renewed.expires_at });
    cloud.host.advance(LEASE / 2);
    assert_eq!(granted(&cloud.store, &task).await.token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_ends_before_or_while_it_runs() {
    let cloud = Cloud::start().await;
    let waiting = cloud.submitted(&tenant("acme")).await;
    assert_eq!(cloud.store.cancel(&waiting.tenant, waiting.id).await.unwrap(), Cancelled::Done);
    assert_eq!(refused(&cloud.store, &waiting).await, Refusal::Terminal(State::Cancelled));

    let running = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &running).await;
    assert_eq!(cloud.store.cancel(&running.tenant, running.id).await.unwrap(), Cancelled::Done);
    let finished = cloud.store.finish(&lease, &succeeded(noise(2_000))).await.unwrap();
    assert_eq!(finished, Finished::Refused(Refusal::Terminal(State::Cancelled)));
    let record = cloud.store.task(&running.tenant, running.id).await.unwrap().unwrap();
    assert_eq!((record.state, record.result), (State::Cancelled, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_every_size_come_back() {
    let cloud = Cloud::start().await;
    for result in [Value::Null, json!({"text": "x".repeat(20_000)}), noise(300), noise(2_000), noise(390_000)]
    {
        let task = cloud.submitted(&tenant("acme")).await;
        let lease = granted(&cloud.store, &task).await;
        cloud.store.finish(&lease, &succeeded(result.clone())).await.unwrap();
        let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
        assert_eq!(record.result, Some(result));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_before_anything_is_written() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let huge = cloud.new_task(&acme, noise(600_000));
    assert!(matches!(cloud.store.submit(&huge).await, Err(StoreError::TooLarge { what: "input", .. })));
    assert!(cloud.store.task(&acme, huge.id).await.unwrap().is_none());

    let task = cloud.submitted(&acme).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.meter.take();
    let refused = cloud.store.finish(&lease, &succeeded(noise(600_000))).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { what: "result", limit: 409_600, .. })));
    assert!(cloud.meter.take().calls.is_empty());
    assert_eq!(cloud.store.finish(&lease, &failed("result too large")).await.unwrap(), Finished::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenant_sees_nothing() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let other = tenant("other");
    assert!(cloud.store.task(&other, task.id).await.unwrap().is_none());
    let foreign = NewTask { tenant: other.clone(), ..task.clone() };
    assert_eq!(refused(&cloud.store, &foreign).await, Refusal::Unknown);
    assert_eq!(cloud.store.cancel(&other, task.id).await.unwrap(), Cancelled::Refused(Refusal::Unknown));
    assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().state, State::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_task_is_gone_however_late_the_service_deletes_it() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.host.advance(Duration::from_secs(3600));
    cloud.store.finish(&lease, &succeeded(noise(2_000))).await.unwrap();
    let retention = cloud.store.config().retention;
    cloud.host.advance(retention - Duration::from_secs(1));
    assert!(cloud.store.task(&task.tenant, task.id).await.unwrap().is_some(), "kept from its end on");
    cloud.host.advance(Duration::from_secs(1));
    assert!(cloud.store.task(&task.tenant, task.id).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_run_leaves_a_task_that_can_be_polled() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    for result in [json!({"text": "hi"}), noise(3_000), noise(50_000)] {
        let task = cloud.new_task(&acme, json!(null));
        cloud.host.advance(Duration::from_secs(5));
        cloud.store.record_sync(&task, &succeeded(result.clone())).await.unwrap();
        cloud.store.record_sync(&task, &succeeded(result.clone())).await.unwrap();
        let record = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
        assert_eq!((record.state, record.result), (State::Succeeded, Some(result)));
        assert_eq!(record.ended_at.unwrap().duration_since(record.created_at).as_secs(), 5);
        assert_eq!(refused(&cloud.store, &task).await, Refusal::Terminal(State::Succeeded));
    }
    let task = cloud.new_task(&acme, json!(null));
    cloud.store.record_sync(&task, &failed("no")).await.unwrap();
    assert_eq!(cloud.store.task(&acme, task.id).await.unwrap().unwrap().state, State::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_task_is_accepted_once_and_another_under_its_id_never() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.store.submit(&task).await.unwrap();
    assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().state, State::Running);

    let other_input = NewTask { input: json!("other"), ..task.clone() };
    let other_session = NewTask { session: "other".into(), ..task.clone() };
    for other in [other_input, other_session] {
        assert!(matches!(cloud.store.submit(&other).await, Err(StoreError::Conflict { what: "task" })));
    }
    assert_eq!(cloud.store.input(&lease).await.unwrap(), task.input);
}
