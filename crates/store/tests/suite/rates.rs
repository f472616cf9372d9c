//! Requests a minute: at the limit and one above, in one process and in several, and with a table that is away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_store::{KeyTerms, OverLimit, Principal, Store};

use crate::cloud::{Cloud, TABLE, tenant};

/// A key with this limit, as a process sees it that has just read it.
async fn caller(cloud: &Cloud, limit: u32) -> Principal {
    let terms = KeyTerms { requests_per_minute: Some(limit), ..KeyTerms::default() };
    let key = cloud.store.create_key_with(&tenant("acme"), "test", &terms).await.unwrap();
    let caller = cloud.store.authenticate(&key.text).await.unwrap().unwrap();
    cloud.meter.take();
    caller
}

/// How many of so many requests pass.
async fn passed(store: &Store, caller: &Principal, requests: u32) -> u32 {
    let mut passed = 0;
    for _ in 0..requests {
        passed += u32::from(store.admit(caller).await.is_ok());
    }
    passed
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_admits_exactly_the_limit_in_every_minute() {
    let cloud = Cloud::start().await;
    for limit in [1, 5, 40, 103, 600] {
        let caller = caller(&cloud, limit).await;
        for _ in 0..2 {
            assert_eq!(passed(&cloud.store, &caller, limit).await, limit);
            let refused = cloud.store.admit(&caller).await;
            // The clock stands 40 s into a minute.
            assert_eq!(refused, Err(OverLimit { limit, seconds: 20 }));
            cloud.host.advance(Duration::from_secs(60));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_is_the_clock_s() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 1).await;
    cloud.store.admit(&caller).await.unwrap();
    cloud.host.advance(Duration::from_millis(19_999));
    assert_eq!(cloud.store.admit(&caller).await, Err(OverLimit { limit: 1, seconds: 1 }));
    cloud.host.advance(Duration::from_millis(1));
    cloud.store.admit(&caller).await.unwrap();
    assert_eq!(cloud.store.admit(&caller).await, Err(OverLimit { limit: 1, seconds: 60 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_limit_is_exact_over_many_processes() {
    let cloud = Cloud::start().await;
    let processes: Vec<_> = (0..7).map(|_| cloud.another(|_| {})).collect();
    for limit in [1, 5, 39] {
        let caller = caller(&cloud, limit).await;
        let mut admitted = 0;
        for _ in 0..10 {
            for process in &processes {
                admitted += passed(process, &caller, 1).await;
            }
        }
        assert_eq!(admitted, limit);
        // Once a process has been refused, it refuses by itself.
        cloud.meter.take();
        for process in &processes {
            assert!(process.admit(&caller).await.is_err());
        }
        assert!(cloud.meter.take().calls.is_empty());
    }
}

/// The bound that `rate.rs` states, with requests that are spread as badly as can be.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_limit_is_exceeded_by_less_than_a_share_for_each_process() {
    const LIMIT: u32 = 200;
    const SHARE: u32 = 10;
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, LIMIT).await;
    let processes: Vec<_> = (0..8).map(|_| cloud.another(|_| {})).collect();
    let mut admitted = 0;
    for _ in 0..60 {
        for process in &processes {
            admitted += passed(process, &caller, 1).await;
        }
    }
    assert!((LIMIT..=LIMIT + 8 * (SHARE - 1)).contains(&admitted), "{admitted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_the_same_time_are_each_counted_once() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 30).await;
    let calls = (0..60).map(|_| {
        let (store, caller) = (cloud.store.clone(), caller.clone());
        tokio::spawn(async move { store.admit(&caller).await.is_ok() })
    });
    let calls: Vec<_> = calls.collect();
    let mut admitted = 0;
    for call in calls {
        admitted += u32::from(call.await.unwrap());
    }
    assert_eq!(admitted, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_requests_than_a_share_cost_nothing_and_a_share_one_write() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 600).await;
    assert_eq!(passed(&cloud.store, &caller, 24).await, 24);
    assert!(cloud.meter.take().calls.is_empty());
    assert_eq!(passed(&cloud.store, &caller, 1).await, 1);
    let usage = cloud.meter.take();
    assert_eq!((usage.calls_of("UpdateItem"), usage.write_units), (1, 1));
    assert_eq!(passed(&cloud.store, &caller, 1_000).await, 575);
    assert_eq!(cloud.meter.take().write_units, 23, "600 requests, 24 writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_a_limit_is_not_counted() {
    let cloud = Cloud::start().await;
    let key = cloud.store.create_key(&tenant("acme"), "test").await.unwrap();
    let caller = cloud.store.authenticate(&key.text).await.unwrap().unwrap();
    cloud.meter.take();
    assert_eq!(passed(&cloud.store, &caller, 2_000).await, 2_000);
    assert!(cloud.meter.take().calls.is_empty());
    // The operator's default is for those that have none of their own.
    let limited = cloud.another(|config| config.requests_per_minute = 3);
    assert_eq!((limited.limit_of(&caller), passed(&limited, &caller, 9).await), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_refused_because_the_table_is_away() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 5).await;
    cloud.wire.answer_then_refuse(0, 1_000);
    assert_eq!(passed(&cloud.store, &caller, 9).await, 5, "by its own count");
    cloud.wire.answer_then_refuse(0, 0);
    cloud.host.advance(Duration::from_secs(60));
    assert_eq!(passed(&cloud.store, &caller, 9).await, 5);
}

/// The SDK adds again, so that the limit is met early, by one here.
#[tokio::test(flavor = "multi_thread")]
async fn an_addition_whose_reply_is_lost_counts_twice() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 5).await;
    cloud.wire.lose.store(1, Ordering::SeqCst);
    assert_eq!(passed(&cloud.store, &caller, 9).await, 4);
    assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_of_a_minute_holds_its_tenant_and_goes_an_hour_later() {
    let cloud = Cloud::start().await;
    let caller = caller(&cloud, 5).await;
    cloud.store.admit(&caller).await.unwrap();
    let minute = 1_750_000_000 / 60;
    let row = cloud.dynamodb.get_item().table_name(TABLE);
    let row = row.key("pk", AttributeValue::S(format!("R#acme#{}", caller.key)));
    let row = row.key("sk", AttributeValue::S(minute.to_string())).send().await.unwrap().item.unwrap();
    assert_eq!(row["requests"], AttributeValue::N("1".to_owned()));
    assert_eq!(row["expires"], AttributeValue::N(((minute + 61) * 60).to_string()));
}
