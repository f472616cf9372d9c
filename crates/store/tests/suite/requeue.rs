//! Tasks that wait again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use millrace_store::{Counts, Finished, Refusal, Requeue, Requeued, State};
use serde_json::json;

use crate::cloud::{Cloud, succeeded, tenant};
use crate::recovery::due;
use crate::tasks::granted;

const YIELD: Requeue = Requeue { counts: Counts::Yield, delay: Duration::ZERO };
const FAILURE: Requeue = Requeue { counts: Counts::Failure, delay: Duration::ZERO };

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_given_back_is_claimed_again_and_counted() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let mut lease = granted(&cloud.store, &task).await;
    let turns = [(YIELD, 1, 0), (FAILURE, 1, 1), (FAILURE, 1, 2), (YIELD, 2, 2)];
    for (token, (how, yields, failures)) in (1..).zip(turns) {
        assert_eq!(lease.token, token);
        assert_eq!(cloud.store.requeue(&lease, how).await.unwrap(), Requeued::Sent);
        let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
        assert_eq!((record.state, record.failures), (State::Queued, failures));
        let late = cloud.store.finish(&lease, &succeeded(json!("late")), None).await.unwrap();
        assert_eq!(late, Finished::Refused(Refusal::LeaseLost));
        assert_eq!(cloud.store.lost(&lease).await.unwrap(), Some(Refusal::LeaseLost));

        lease = granted(&cloud.store, &task).await;
        assert_eq!((lease.yields, lease.failures), (yields, failures));
        let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
        assert_eq!(record.failures, failures, "the claim that is held has not failed");
    }
    assert_eq!(cloud.queue.bodies().len(), 1 + turns.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_lost_counts_nothing_twice() {
    let cloud = Cloud::start().await;
    // One is repeated by the SDK, three are all its tries, and the row is read.
    for lost in [1, 3] {
        let task = cloud.submitted(&tenant("acme")).await;
        let lease = granted(&cloud.store, &task).await;
        let messages = cloud.queue.bodies().len();
        cloud.wire.lose.store(lost, Ordering::SeqCst);
        assert_eq!(cloud.store.requeue(&lease, YIELD).await.unwrap(), Requeued::Sent);
        assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "every fault was met");
        assert_eq!(cloud.store.requeue(&lease, YIELD).await.unwrap(), Requeued::Sent, "called again");
        assert_eq!(cloud.queue.bodies().len(), messages + 2);
        let next = granted(&cloud.store, &task).await;
        assert_eq!((next.token, next.yields, next.failures), (2, 1, 0));
        let taken = Requeued::Lost(Refusal::Running { until: next.expires_at });
        assert_eq!(cloud.store.requeue(&lease, YIELD).await.unwrap(), taken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_the_messages_and_recovery_waits_for_it() {
    let cloud = Cloud::start().await;
    for (delay, seconds) in [(1_200, 2), (45_000, 45), (3_600_000, 900)] {
        let task = cloud.submitted(&tenant("acme")).await;
        let lease = granted(&cloud.store, &task).await;
        let how = Requeue { delay: Duration::from_millis(delay), ..FAILURE };
        assert_eq!(cloud.store.requeue(&lease, how).await.unwrap(), Requeued::Sent);
        assert_eq!(cloud.queue.delays().pop(), Some(seconds));
        let waits = Duration::from_millis(delay).min(Duration::from_secs(900));
        cloud.host.advance(waits - Duration::from_millis(1));
        assert!(!due(&cloud).await.contains(&task.id), "{delay}");
        cloud.host.advance(Duration::from_millis(1));
        assert!(due(&cloud).await.contains(&task.id), "{delay}");
        let next = granted(&cloud.store, &task).await;
        cloud.store.finish(&next, &succeeded(json!(1)), None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_given_back_while_the_queue_is_down() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.queue.refuse.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(cloud.store.requeue(&lease, YIELD).await.unwrap(), Requeued::Stored);
    assert!(due(&cloud).await.contains(&task.id));
    assert_eq!(granted(&cloud.store, &task).await.token, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_task_that_waits_is_put_off() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let task = cloud.submitted(&acme).await;
    let delay = Duration::from_secs(20);
    cloud.store.defer(&acme, task.id, delay).await.unwrap();
    assert_eq!(cloud.queue.delays(), [0, 20]);
    cloud.host.advance(Duration::from_secs(20 + 59));
    assert!(due(&cloud).await.is_empty());
    cloud.host.advance(Duration::from_secs(1));
    assert_eq!(due(&cloud).await, [task.id]);

    let lease = granted(&cloud.store, &task).await;
    cloud.store.defer(&acme, task.id, delay).await.unwrap();
    cloud.store.defer(&acme, cloud.store.new_task_id(), delay).await.unwrap();
    assert_eq!(cloud.queue.delays().len(), 2, "neither worked on nor unknown");
    cloud.host.advance(cloud.store.config().lease);
    cloud.store.defer(&acme, task.id, delay).await.unwrap();
    assert_eq!(cloud.queue.delays().len(), 3, "abandoned");
    cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
    cloud.store.defer(&acme, task.id, delay).await.unwrap();
    assert_eq!(cloud.queue.delays().len(), 3, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_hidden_for_longer_while_it_is_in_flight() {
    let cloud = Cloud::start().await;
    cloud.store.extend_visibility("receipt", Duration::from_millis(30_500)).await.unwrap();
    cloud.store.extend_visibility("receipt", Duration::from_secs(99_999)).await.unwrap();
    cloud.store.extend_visibility("old", Duration::from_secs(30)).await.unwrap();
    let changes = cloud.queue.visibilities.lock().unwrap().clone();
    let seconds: Vec<_> =
        changes.iter().map(|change| change["VisibilityTimeout"].as_u64().unwrap()).collect();
    assert_eq!((seconds, &changes[0]["ReceiptHandle"]), (vec![31, 43_200], &json!("receipt")));
}
