//! Tasks that got stuck, and what moves them on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_store::schema::OPEN_SHARDS;
use millrace_store::{
    Claim, Due, Finished, NewTask, Reason, Recovered, Refusal, State, Store, StoreError, TaskId,
};
use serde_json::json;

use crate::cloud::{Cloud, TABLE, failed, noise, succeeded, tenant};
use crate::tasks::granted;

const MINUTE: Duration = Duration::from_secs(60);

async fn all_due(store: &Store) -> Vec<Due> {
    let mut due = Vec::new();
    for shard in 0..OPEN_SHARDS {
        due.extend(store.due(shard, None, 1000).await.unwrap());
    }
    due
}

/// The tasks that are due.
pub(crate) async fn due(cloud: &Cloud) -> Vec<TaskId> {
    all_due(&cloud.store).await.iter().map(|due| due.task).collect()
}

/// Does what the sweeper does, and says what came of one task; `None` when it was not due.
pub(crate) async fn swept(cloud: &Cloud, task: &NewTask) -> Option<Recovered> {
    let recovered = cloud.store.recover(&all_due(&cloud.store).await).await.unwrap();
    let ours = recovered.into_iter().find(|(due, _)| due.task == task.id);
    ours.map(|(_, recovered)| recovered.unwrap())
}

/// Makes the row of a task unreadable.
async fn corrupt(cloud: &Cloud, task: &NewTask) {
    let update = cloud.dynamodb.update_item().table_name(TABLE).key("sk", AttributeValue::S("META".into()));
    update
        .key("pk", AttributeValue::S(format!("T#{}#{}", task.tenant, task.id)))
        .update_expression("SET created = :wrong")
        .expression_attribute_values(":wrong", AttributeValue::S("yesterday".into()))
        .send()
        .await
        .unwrap();
}

async fn delete(cloud: &Cloud, task: &NewTask) {
    let delete = cloud.dynamodb.delete_item().table_name(TABLE).key("sk", AttributeValue::S("META".into()));
    let partition = format!("T#{}#{}", task.tenant, task.id);
    delete.key("pk", AttributeValue::S(partition)).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_never_sent_is_sent_in_slowing_steps() {
    let cloud = Cloud::start().await;
    cloud.queue.refuse.store(usize::MAX, Ordering::SeqCst);
    let task = cloud.submitted(&tenant("acme")).await;
    for (sent, minutes) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
        assert_eq!(swept(&cloud, &task).await, Some(Recovered::Resent(Reason::Waiting)), "even in vain");
        assert_eq!(cloud.queue.bodies().len(), sent);
        cloud.queue.refuse.store(0, Ordering::SeqCst);
        cloud.host.advance(MINUTE * minutes - Duration::from_millis(1));
        assert_eq!(swept(&cloud, &task).await, None, "{minutes}");
        let dead = cloud.store.recover_dead_letter(&task.tenant, task.id).await.unwrap();
        assert_eq!(dead, Recovered::Left(Reason::NotDue));
        cloud.host.advance(Duration::from_millis(1));
    }
    assert_eq!(granted(&cloud.store, &task).await.token, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_noticed_when_the_lease_is_over_each_time() {
    let cloud = Cloud::start().await;
    let (lease, task) = (cloud.store.config().lease, cloud.submitted(&tenant("acme")).await);
    for attempt in 1..5 {
        assert_eq!(granted(&cloud.store, &task).await.token, attempt);
        cloud.host.advance(lease - Duration::from_millis(1));
        // The first time it is still due since it was accepted; later its due time is the lease's end.
        let left = (attempt == 1).then_some(Recovered::Left(Reason::Running));
        assert_eq!(swept(&cloud, &task).await, left);
        cloud.host.advance(Duration::from_millis(1));
        assert_eq!(swept(&cloud, &task).await, Some(Recovered::Resent(Reason::LeaseExpired)), "{attempt}");
        assert_eq!(swept(&cloud, &task).await, None, "only once");
    }
    assert_eq!(cloud.queue.bodies().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_due_time_could_not_be_moved_is_set_right_by_its_renewal() {
    let cloud = Cloud::start().await;
    let (lease, task) = (cloud.store.config().lease, cloud.submitted(&tenant("acme")).await);
    cloud.host.advance(MINUTE);
    swept(&cloud, &task).await;
    // The claim is answered; the write after it never is, however often the SDK tries.
    cloud.wire.answer_then_refuse(1, 3);
    let held = granted(&cloud.store, &task).await;
    assert!(matches!(cloud.store.renew(&held).await.unwrap(), millrace_store::Renewal::Extended(_)));
    cloud.host.advance(lease);
    assert_eq!(swept(&cloud, &task).await, Some(Recovered::Resent(Reason::LeaseExpired)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_crashes_too_often_is_ended_and_stays_so() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let mut last = None;
    for _ in 0..cloud.store.config().max_failures {
        last = Some(granted(&cloud.store, &task).await);
        cloud.host.advance(cloud.store.config().lease);
    }
    assert_eq!(swept(&cloud, &task).await, Some(Recovered::Ended(Reason::AttemptsExhausted)));
    let record = cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
    let error = record.error.clone().unwrap();
    assert_eq!((record.state, error.kind.as_str()), (State::Failed, "attempts_exhausted"));
    assert!(record.ended_at.is_some() && cloud.open().await.is_empty());

    // The last worker was only paused: its end, even a failure like this one, is not this end.
    let last = last.unwrap();
    for outcome in [failed("late"), succeeded(noise(3_000))] {
        let late = cloud.store.finish(&last, &outcome, None).await.unwrap();
        assert_eq!(late, Finished::Refused(Refusal::Terminal(State::Failed)));
    }
    assert_eq!(cloud.store.task(&task.tenant, task.id).await.unwrap(), Some(record));
    let dead = cloud.store.recover_dead_letter(&task.tenant, task.id).await.unwrap();
    assert_eq!(dead, Recovered::Left(Reason::Ended));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_ends_a_task_that_nobody_works_on() {
    let cloud = Cloud::start().await;
    let (running, abandoned, waiting) = {
        let acme = tenant("acme");
        (cloud.submitted(&acme).await, cloud.submitted(&acme).await, cloud.submitted(&acme).await)
    };
    let mut held = granted(&cloud.store, &running).await;
    granted(&cloud.store, &abandoned).await;
    cloud.host.advance(cloud.store.config().task_timeout);
    if let millrace_store::Renewal::Extended(lease) = cloud.store.renew(&held).await.unwrap() {
        held = lease;
    }
    assert_eq!(swept(&cloud, &running).await, Some(Recovered::Left(Reason::Running)), "its worker ends it");
    assert_eq!(swept(&cloud, &abandoned).await, None, "it was ended by the sweep before");
    let record = cloud.store.task(&abandoned.tenant, abandoned.id).await.unwrap().unwrap();
    assert_eq!(record.error.unwrap().kind, "timeout");
    cloud.store.finish(&held, &succeeded(json!(1)), None).await.unwrap();

    cloud.host.advance(cloud.store.config().retention / 2);
    assert_eq!(swept(&cloud, &waiting).await, Some(Recovered::Ended(Reason::NotStarted)));
    cloud.host.advance(cloud.store.config().retention - MINUTE);
    let record = cloud.store.task(&waiting.tenant, waiting.id).await.unwrap().unwrap();
    assert_eq!(record.error.unwrap().kind, "not_started", "kept from its end on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_dead_letter_decides() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let dead = async |task: TaskId| cloud.store.recover_dead_letter(&acme, task).await.unwrap();
    assert_eq!(dead(cloud.store.new_task_id()).await, Recovered::Left(Reason::Gone));
    let task = cloud.submitted(&acme).await;
    assert_eq!(dead(task.id).await, Recovered::Resent(Reason::Waiting));
    let lease = granted(&cloud.store, &task).await;
    assert_eq!(dead(task.id).await, Recovered::Left(Reason::Running));
    cloud.store.finish(&lease, &succeeded(json!(1)), None).await.unwrap();
    assert_eq!(dead(task.id).await, Recovered::Left(Reason::Ended));
    let old = cloud.submitted(&acme).await;
    cloud.host.advance(cloud.store.config().retention);
    assert_eq!(dead(old.id).await, Recovered::Left(Reason::Expired));
    assert_eq!(cloud.queue.bodies().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_that_cannot_be_read_stops_no_other() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let mut tasks = Vec::new();
    // More than one batch of reads.
    for _ in 0..130 {
        tasks.push(cloud.submitted(&acme).await);
    }
    let (gone, wrong) = (&tasks[3], &tasks[50]);
    let due = all_due(&cloud.store).await;
    assert_eq!(due.len(), tasks.len());
    delete(&cloud, gone).await;
    corrupt(&cloud, wrong).await;
    let recovered = cloud.store.recover(&due).await.unwrap();
    assert_eq!(recovered.len(), tasks.len());
    for ((entry, recovered), asked) in recovered.into_iter().zip(&due) {
        assert_eq!(&entry, asked);
        match recovered {
            Ok(Recovered::Left(Reason::Gone)) => assert_eq!(entry.task, gone.id),
            Err(StoreError::Corrupt { what: "task" }) => assert_eq!(entry.task, wrong.id),
            other => assert_eq!(other.unwrap(), Recovered::Resent(Reason::Waiting)),
        }
    }
    assert_eq!(cloud.queue.bodies().len(), 130 + 128);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_that_look_at_once_one_sends() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(cloud.submitted(&acme).await);
    }
    let due = all_due(&cloud.store).await;
    cloud.host.advance(MINUTE);
    let others = cloud.another(|_| {});
    let (ours, theirs) = tokio::join!(cloud.store.recover(&due), others.recover(&due));
    let all = ours.unwrap().into_iter().chain(theirs.unwrap());
    let sent = all.filter(|(_, recovered)| matches!(recovered, Ok(Recovered::Resent(_))));
    assert_eq!((sent.count(), cloud.queue.bodies().len()), (20, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_due_are_named_first_and_no_more_than_asked_for() {
    let cloud = Cloud::start().await;
    let mut made = Vec::new();
    for _ in 0..40 {
        made.push(cloud.submitted(&tenant("acme")).await.id);
        cloud.host.advance(Duration::from_secs(1));
    }
    let mut found = Vec::new();
    for shard in 0..OPEN_SHARDS {
        let due = cloud.store.due(shard, None, 1000).await.unwrap();
        assert!(due.is_sorted_by_key(|due| due.due));
        let mut pages: Vec<Due> = Vec::new();
        for _ in 0..=due.len() {
            let page = cloud.store.due(shard, pages.last(), 2).await.unwrap();
            assert!(page.len() <= 2);
            pages.extend(page);
        }
        assert_eq!(pages, due, "page by page");
        found.extend(due.into_iter().map(|due| due.task));
    }
    found.sort();
    assert_eq!(found, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_lost_changes_nothing() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    cloud.wire.answer_then_lose(1);
    let resent = cloud.store.recover_dead_letter(&task.tenant, task.id).await.unwrap();
    assert_eq!((resent, cloud.queue.bodies().len()), (Recovered::Resent(Reason::Waiting), 2));

    cloud.host.advance(cloud.store.config().retention / 2);
    cloud.wire.answer_then_lose(1);
    let ended = cloud.store.recover_dead_letter(&task.tenant, task.id).await.unwrap();
    assert_eq!(ended, Recovered::Ended(Reason::NotStarted));
    assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "every fault was met");
    assert!(matches!(cloud.store.claim(&task.tenant, task.id).await.unwrap(), Claim::Refused(_)));
}
