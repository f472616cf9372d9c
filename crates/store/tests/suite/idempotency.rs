//! Idempotency keys: one request, one task, one runner at a time.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use millrace_store::{Host, IdempotencyKey, Reservation, Reserved, TaskId};

use crate::cloud::{Cloud, tenant};

const HOLD: Duration = Duration::from_secs(30);

fn key(text: &str) -> IdempotencyKey {
    text.parse().unwrap()
}

/// A request, as another call of the API brings it each time.
fn request(cloud: &Cloud, hash: &str, held: Option<Duration>) -> Reservation {
    let task = cloud.store.new_task_id();
    Reservation { request_hash: hash.to_owned(), task, session: format!("session of {task}"), held }
}

fn same(first: &Reservation, free: bool, until: Option<Timestamp>) -> Reserved {
    Reserved::Same { task: first.task, session: first.session.clone(), free, until }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_its_first_request() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let first = request(&cloud, "hash", None);
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &first).await.unwrap(), Reserved::New);

    let again = request(&cloud, "hash", None);
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &again).await.unwrap(), same(&first, true, None));
    let other = request(&cloud, "another hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &other).await.unwrap(), Reserved::OtherRequest);
    assert_eq!(cloud.store.reserve(&acme, &key("K"), &other).await.unwrap(), Reserved::New);
    assert_eq!(cloud.store.reserve(&tenant("other"), &key("k"), &other).await.unwrap(), Reserved::New);
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &first).await.unwrap(), Reserved::New, "its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_free_again_when_its_retention_is_over() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let first = request(&cloud, "hash", None);
    cloud.store.reserve(&acme, &key("k"), &first).await.unwrap();
    cloud.host.advance(cloud.store.config().retention - Duration::from_secs(1));
    let early = request(&cloud, "another hash", None);
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &early).await.unwrap(), Reserved::OtherRequest);
    // The row still stands: nothing has deleted it.
    cloud.host.advance(Duration::from_secs(1));
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &early).await.unwrap(), Reserved::New);
    assert_eq!(cloud.store.reserve(&acme, &key("k"), &first).await.unwrap(), Reserved::OtherRequest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_is_respected_until_it_is_over_and_then_taken_over() {
    let cloud = Cloud::start().await;
    let (acme, k) = (tenant("acme"), key("k"));
    let first = request(&cloud, "hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &k, &first).await.unwrap(), Reserved::New);
    let until = Some(cloud.host.now() + HOLD);

    cloud.host.advance(HOLD - Duration::from_millis(1));
    for held in [None, Some(HOLD)] {
        let early = request(&cloud, "hash", held);
        assert_eq!(cloud.store.reserve(&acme, &k, &early).await.unwrap(), same(&first, false, until));
    }
    cloud.host.advance(Duration::from_millis(1));
    let looking = request(&cloud, "hash", None);
    assert_eq!(cloud.store.reserve(&acme, &k, &looking).await.unwrap(), same(&first, true, None));
    let other = request(&cloud, "another hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &k, &other).await.unwrap(), Reserved::OtherRequest);

    let second = request(&cloud, "hash", Some(HOLD));
    let until = Some(cloud.host.now() + HOLD);
    // The second call is a repetition; it is its own hold that stands there.
    for _ in 0..2 {
        assert_eq!(cloud.store.reserve(&acme, &k, &second).await.unwrap(), same(&first, true, until));
    }
    let third = request(&cloud, "hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &k, &third).await.unwrap(), same(&first, false, until));
    let back = cloud.store.reserve(&acme, &k, &first).await.unwrap();
    assert_eq!(back, same(&first, false, until), "the first holder has lost it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_request_can_be_held_by_one_that_runs_it_at_once() {
    let cloud = Cloud::start().await;
    let (acme, k) = (tenant("acme"), key("k"));
    let queued = request(&cloud, "hash", None);
    cloud.store.reserve(&acme, &k, &queued).await.unwrap();
    let until = Some(cloud.host.now() + HOLD);
    let at_once = request(&cloud, "hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &k, &at_once).await.unwrap(), same(&queued, true, until));
    let late = request(&cloud, "hash", Some(HOLD));
    assert_eq!(cloud.store.reserve(&acme, &k, &late).await.unwrap(), same(&queued, false, until));
}

/// What 20 requests with one key, sent at once, are answered.
async fn at_once(cloud: &Cloud) -> (Vec<Reservation>, Vec<Reserved>) {
    let requests: Vec<_> = (0..20).map(|_| request(cloud, "hash", Some(HOLD))).collect();
    let calls = requests.iter().cloned().map(|request| {
        let store = cloud.store.clone();
        tokio::spawn(async move { store.reserve(&tenant("acme"), &key("k"), &request).await.unwrap() })
    });
    let calls: Vec<_> = calls.collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    (requests, answers)
}

fn tasks(answers: &[Reserved]) -> BTreeSet<TaskId> {
    let task = |answer: &Reserved| match answer {
        Reserved::Same { task, .. } => Some(*task),
        _ => None,
    };
    answers.iter().filter_map(task).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_is_new_and_later_one_takes_over() {
    let cloud = Cloud::start().await;
    let (requests, answers) = at_once(&cloud).await;
    let winner = answers.iter().position(|answer| *answer == Reserved::New).unwrap();
    assert_eq!(answers.iter().filter(|answer| **answer == Reserved::New).count(), 1);
    assert_eq!(tasks(&answers), BTreeSet::from([requests[winner].task]));
    assert!(!answers.iter().any(|answer| matches!(answer, Reserved::Same { free: true, .. })));

    cloud.host.advance(HOLD);
    let (_, later) = at_once(&cloud).await;
    assert_eq!(tasks(&later), BTreeSet::from([requests[winner].task]));
    let free = later.iter().filter(|answer| matches!(answer, Reserved::Same { free: true, .. }));
    assert_eq!((free.count(), later.len()), (1, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_whose_reply_is_lost_is_still_the_callers() {
    let cloud = Cloud::start().await;
    let (acme, k) = (tenant("acme"), key("k"));
    let first = request(&cloud, "hash", Some(HOLD));
    cloud.wire.lose.store(1, Ordering::SeqCst);
    assert_eq!(cloud.store.reserve(&acme, &k, &first).await.unwrap(), Reserved::New);
    assert_eq!(cloud.meter.take().calls_of("PutItem"), 2);

    cloud.host.advance(HOLD);
    let second = request(&cloud, "hash", Some(HOLD));
    let until = Some(cloud.host.now() + HOLD);
    // First the reply to the update that takes over, then that to the put that is refused.
    for answered in [1, 0] {
        cloud.wire.answer_then_lose(answered);
        assert_eq!(cloud.store.reserve(&acme, &k, &second).await.unwrap(), same(&first, true, until));
        assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "the fault was met");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_is_one_write_unit() {
    let cloud = Cloud::start().await;
    let acme = tenant(&"t".repeat(64));
    let longest = |held| {
        let session = "s".repeat(512);
        let request_hash = "0".repeat(64);
        Reservation { request_hash, task: cloud.store.new_task_id(), session, held }
    };
    for (i, held) in [None, Some(HOLD)].into_iter().enumerate() {
        let k = key(&format!("{}{i}", "k".repeat(254)));
        assert_eq!(cloud.store.reserve(&acme, &k, &longest(held)).await.unwrap(), Reserved::New);
        let usage = cloud.meter.take();
        assert_eq!((usage.calls_of("PutItem"), usage.calls.len()), (1, 1));
        assert_eq!((usage.write_units, usage.read_units), (1, 0.0));

        cloud.store.reserve(&acme, &k, &longest(None)).await.unwrap();
        assert_eq!(cloud.meter.take().write_units, 1, "a repetition");
    }
}
