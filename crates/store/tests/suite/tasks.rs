//! The life of a task.

use std::time::Duration;

use millrace_store::{
    Cancelled, Claim, Counts, Finished, JournalMode, Lease, NewTask, Refusal, Renewal, Requeue, Requeued,
    State, Store, StoreError, TaskError,
};
use serde_json::json;

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

const LEASE: Duration = Duration::from_secs(30);

const AT_ONCE: Requeue = Requeue { counts: Counts::Yield, delay: Duration::ZERO };

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
    assert_eq!(cloud.store.input(&lease).await.unwrap().value, task.input);
    assert_eq!(cloud.store.task(&acme, task.id).await.unwrap().unwrap().state, State::Running);

    cloud.host.advance(Duration::from_secs(3));
    let finished = cloud.store.finish(&lease, &succeeded(json!({"text": "hi"})), None).await.unwrap();
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
    cloud.store.finish(&lease, &failed("took too long"), None).await.unwrap();
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

    cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
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
        assert_eq!(cloud.store.finish(&paused, &outcome, None).await.unwrap(), running);
    }
    let refusal = Refusal::Running { until: lease.expires_at };
    assert_eq!(cloud.store.renew(&paused).await.unwrap(), Renewal::Lost(refusal.clone()));
    assert_eq!(cloud.store.requeue(&paused, AT_ONCE).await.unwrap(), Requeued::Lost(refusal.clone()));
    assert_eq!(cloud.store.lost(&paused).await.unwrap(), Some(refusal));
    assert_eq!(cloud.store.lost(&lease).await.unwrap(), None);
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: lease.expires_at });

    assert_eq!(
        cloud.store.finish(&lease, &succeeded(json!("right")), None).await.unwrap(),
        Finished::Recorded
    );
    let late = cloud.store.finish(&paused, &succeeded(noise(3_000)), None).await.unwrap();
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
    cloud.store.finish(&paused, &succeeded(early.clone()), None).await.unwrap();
    cloud.store.finish(&lease, &succeeded(right.clone()), None).await.unwrap();
    cloud.store.finish(&paused, &succeeded(early), None).await.unwrap();
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    assert_eq!(record.result, Some(right));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_state_never_changes() {
    let cloud = Cloud::start().await;
    for outcome in [succeeded(json!("first")), failed("first")] {
        let task = cloud.submitted(&tenant("acme")).await;
        let lease = granted(&cloud.store, &task).await;
        cloud.store.finish(&lease, &outcome, None).await.unwrap();
        let before = cloud.store.task(&task.tenant, task.id).await.unwrap();

        let state = Refusal::Terminal(before.as_ref().unwrap().state);
        assert_eq!(cloud.store.requeue(&lease, AT_ONCE).await.unwrap(), Requeued::Lost(state.clone()));
        assert_eq!(cloud.store.renew(&lease).await.unwrap(), Renewal::Lost(state));
        cloud.store.defer(&task.tenant, task.id, LEASE).await.unwrap();
        let again = cloud.store.cancel(&task.tenant, task.id).await.unwrap();
        assert!(matches!(again, Cancelled::Refused(Refusal::Terminal(_))));
        cloud.host.advance(LEASE);
        assert!(matches!(refused(&cloud.store, &task).await, Refusal::Terminal(_)));
        for other in [succeeded(json!("second")), failed("second")] {
            cloud.store.finish(&lease, &other, None).await.unwrap();
        }
        assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_lease_holds_longer() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.host.advance(LEASE / 2);
    let Renewal::Extended(renewed) = cloud.store.renew(&lease).await.unwrap() else { panic!("lost") };
    cloud.host.advance(LEASE / 2);
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: renewed.expires_at });
    cloud.host.advance(LEASE / 2);
    let late = granted(&cloud.store, &task).await;
    assert_eq!(late.token, 2);
    cloud.host.advance(2 * LEASE);
    assert!(matches!(cloud.store.renew(&late).await.unwrap(), Renewal::Extended(_)), "nobody took it");
    assert!(matches!(refused(&cloud.store, &task).await, Refusal::Running { .. }));
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
    let finished = cloud.store.finish(&lease, &succeeded(noise(2_000)), None).await.unwrap();
    assert_eq!(finished, Finished::Refused(Refusal::Terminal(State::Cancelled)));
    let record = cloud.store.task(&running.tenant, running.id).await.unwrap().unwrap();
    assert_eq!((record.state, record.result), (State::Cancelled, None));
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
    cloud.store.finish(&lease, &succeeded(noise(2_000)), None).await.unwrap();
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
        cloud.store.record_sync(&task, &succeeded(result.clone()), None).await.unwrap();
        cloud.store.record_sync(&task, &succeeded(result.clone()), None).await.unwrap();
        let record = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
        assert_eq!((record.state, record.result), (State::Succeeded, Some(result)));
        assert_eq!(record.ended_at.unwrap().duration_since(record.created_at).as_secs(), 5);
        assert_eq!(refused(&cloud.store, &task).await, Refusal::Terminal(State::Succeeded));
    }
    let task = cloud.new_task(&acme, json!(null));
    cloud.store.record_sync(&task, &failed("no"), None).await.unwrap();
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
    assert_eq!(cloud.store.input(&lease).await.unwrap().value, task.input);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_run_as_it_was_accepted() {
    let cloud = Cloud::start().await;
    let plain = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &plain).await;
    assert_eq!((lease.origin, lease.mode, lease.callback), (plain.id, JournalMode::Effects, false));
    assert_eq!(lease.deadline.duration_since(lease.started_at).as_secs(), 3600);

    let asked = |timeout| NewTask {
        origin: plain.id,
        mode: JournalMode::Memory,
        timeout: Some(timeout),
        callback: true,
        ..cloud.new_task(&plain.tenant, json!(null))
    };
    for (timeout, seconds) in [(90_000, 90), (1, 1), (1_500, 2), (999_999_999, 86_400)] {
        let task = asked(Duration::from_millis(timeout));
        cloud.store.submit(&task).await.unwrap();
        let lease = granted(&cloud.store, &task).await;
        assert_eq!((lease.origin, lease.mode, lease.callback), (plain.id, JournalMode::Memory, true));
        assert_eq!(lease.deadline.duration_since(lease.started_at).as_secs(), seconds, "{timeout}");
        let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
        assert_eq!((record.origin, record.deadline), (plain.id, Some(lease.deadline)));
        assert_eq!(cloud.store.task_input(&task.tenant, task.id).await.unwrap().unwrap().value, task.input);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_run_so_far_is_accepted_claimed() {
    let cloud = Cloud::start().await;
    let task = cloud.new_task(&tenant("acme"), json!({"text": "hello"}));
    let started = cloud.store.host().now();
    cloud.host.advance(Duration::from_secs(25));
    let lease = cloud.store.submit_claimed(&task, started).await.unwrap();
    assert_eq!((lease.token, lease.started_at, lease.failures), (1, started, 0));
    assert_eq!(lease.expires_at.duration_since(started).as_secs(), 25 + 30);
    assert_eq!(refused(&cloud.store, &task).await, Refusal::Running { until: lease.expires_at });
    assert_eq!(cloud.store.submit_claimed(&task, started).await.unwrap(), lease, "the reply may get lost");
    assert!(cloud.queue.bodies().is_empty());
    assert_eq!(cloud.store.input(&lease).await.unwrap().value, task.input);

    assert_eq!(cloud.store.requeue(&lease, AT_ONCE).await.unwrap(), Requeued::Sent);
    let again = cloud.store.submit_claimed(&task, started).await;
    assert!(matches!(again, Err(StoreError::Conflict { what: "task" })));
    let next = granted(&cloud.store, &task).await;
    assert_eq!((next.token, next.yields, next.failures, next.started_at), (2, 1, 0, started));
    cloud.store.finish(&next, &succeeded(json!("hi")), None).await.unwrap();
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    assert_eq!((record.state, record.created_at), (State::Succeeded, started));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_shown_while_a_task_runs_and_only_of_the_newest_claim() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let progress = || async { cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap().progress };
    let paused = granted(&cloud.store, &task).await;
    assert_eq!(progress().await, None);
    cloud.store.put_progress(&paused, &json!({"done": 1})).await.unwrap();
    assert_eq!(progress().await, Some(json!({"done": 1})));
    cloud.store.put_progress(&paused, &json!({"done": 2})).await.unwrap();
    assert_eq!(progress().await, Some(json!({"done": 2})));

    cloud.host.advance(LEASE);
    let lease = granted(&cloud.store, &task).await;
    cloud.store.put_progress(&lease, &json!({"done": 0})).await.unwrap();
    cloud.store.put_progress(&paused, &json!({"done": 3})).await.unwrap();
    assert_eq!(progress().await, Some(json!({"done": 0})));

    cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
    cloud.store.put_progress(&lease, &json!({"done": 4})).await.unwrap();
    assert_eq!(progress().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_used_stands_beside_its_outcome() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let usage = json!({"input_tokens": 12, "output_tokens": 7});
    let large = json!({"models": "m".repeat(2_000)});
    let outcomes = [succeeded(json!(1)), succeeded(noise(3_000)), failed("no")];
    for (outcome, usage) in outcomes.iter().flat_map(|outcome| [(outcome, &usage), (outcome, &large)]) {
        let task = cloud.submitted(&acme).await;
        let lease = granted(&cloud.store, &task).await;
        cloud.store.finish(&lease, outcome, Some(usage)).await.unwrap();
        let synchronous = cloud.new_task(&acme, json!(null));
        cloud.store.record_sync(&synchronous, outcome, Some(usage)).await.unwrap();
        for id in [task.id, synchronous.id] {
            let record = cloud.store.task(&acme, id).await.unwrap().unwrap();
            assert_eq!(record.usage.as_ref(), Some(usage));
            assert!(record.result.is_some() || record.error.is_some());
        }
    }
}
