//! The cap on a tenant's tasks: never more holders than slots, whoever comes, crashes or wakes late.

use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_store::{Slot, Store, TenantId};

use crate::cloud::{Cloud, TABLE, tenant};

fn capped(cloud: &Cloud, cap: u32) -> Store {
    cloud.another(|config| config.tenant_concurrency = cap)
}

/// The slot that a new task of the tenant gets.
async fn take(store: &Store, tenant: &TenantId) -> Option<Slot> {
    store.take_slot(tenant, store.new_task_id()).await.unwrap()
}

/// The slots that as many new tasks get, when all of them come at once.
async fn take_at_once(store: &Store, tenant: &TenantId, takers: usize) -> Vec<Slot> {
    let calls = (0..takers).map(|_| {
        let (store, tenant, task) = (store.clone(), tenant.clone(), store.new_task_id());
        tokio::spawn(async move { store.take_slot(&tenant, task).await.unwrap() })
    });
    let calls: Vec<_> = calls.collect();
    let mut slots = Vec::new();
    for call in calls {
        slots.extend(call.await.unwrap());
    }
    slots
}

/// How many of the slots are still their holders': no two of one row are.
async fn held(store: &Store, slots: &[Slot]) -> usize {
    let mut held = 0;
    for slot in slots {
        held += usize::from(store.renew_slot(slot).await.unwrap());
    }
    held
}

async fn rows(cloud: &Cloud, tenant: &TenantId) -> usize {
    let query = cloud.dynamodb.query().table_name(TABLE).key_condition_expression("pk = :pk");
    let partition = AttributeValue::S(format!("C#{tenant}"));
    query.expression_attribute_values(":pk", partition).send().await.unwrap().items().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_never_get_more_than_the_cap() {
    const CAP: usize = 7;
    let cloud = Cloud::start().await;
    let (store, acme) = (capped(&cloud, 7), tenant("acme"));
    // Taken, left to end, and taken again by tasks that find expired rows where there were none.
    for _ in 0..2 {
        let slots = take_at_once(&store, &acme, 50).await;
        assert_eq!((slots.len(), held(&store, &slots).await), (CAP, CAP));
        cloud.host.advance(store.config().lease - Duration::from_millis(1));
        assert!(take_at_once(&store, &acme, 10).await.is_empty());
        assert!(take(&store, &tenant("other")).await.is_some());
        cloud.host.advance(Duration::from_millis(1));
    }
    assert_eq!(rows(&cloud, &acme).await, CAP, "one row for a slot, however often it is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cap_can_be_used_up_and_is_given_back() {
    let cloud = Cloud::start().await;
    for cap in [1, 2, 3, 4, 11] {
        let (store, acme) = (capped(&cloud, cap), tenant(&format!("cap-{cap}")));
        let mut slots = Vec::new();
        while let Some(slot) = take(&store, &acme).await {
            slots.push(slot);
            assert!(slots.len() <= cap as usize);
        }
        assert_eq!((slots.len(), held(&store, &slots).await), (cap as usize, cap as usize));
        let given_back = slots.swap_remove(slots.len() / 2);
        store.free_slot(given_back).await.unwrap();
        slots.push(take(&store, &acme).await.unwrap());
        assert!(take(&store, &acme).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_is_kept_by_renewing_it() {
    let cloud = Cloud::start().await;
    let (store, acme) = (capped(&cloud, 1), tenant("acme"));
    let slot = take(&store, &acme).await.unwrap();
    for _ in 0..3 {
        cloud.host.advance(store.config().lease / 3);
        assert!(store.renew_slot(&slot).await.unwrap());
    }
    cloud.host.advance(store.config().lease - Duration::from_millis(1));
    assert!(take(&store, &acme).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_slot_is_left_to_its_new_holder() {
    let cloud = Cloud::start().await;
    let (store, acme) = (capped(&cloud, 1), tenant("acme"));
    let paused = take(&store, &acme).await.unwrap();
    cloud.host.advance(store.config().lease);
    assert!(store.renew_slot(&paused).await.unwrap(), "over, but nobody has taken it");

    cloud.host.advance(store.config().lease);
    let holder = take(&store, &acme).await.unwrap();
    assert!(!store.renew_slot(&paused).await.unwrap());
    store.free_slot(paused.clone()).await.unwrap();
    assert!(take(&store, &acme).await.is_none());
    assert!(store.renew_slot(&holder).await.unwrap());

    store.free_slot(holder.clone()).await.unwrap();
    assert!(!store.renew_slot(&holder).await.unwrap());
    store.free_slot(holder).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_whose_reply_is_lost_is_taken_kept_and_freed_once() {
    let cloud = Cloud::start().await;
    let (store, acme) = (capped(&cloud, 2), tenant("acme"));
    let lose_next = || cloud.wire.lose.store(1, Ordering::SeqCst);
    lose_next();
    let slot = take(&store, &acme).await.unwrap();
    lose_next();
    assert!(store.renew_slot(&slot).await.unwrap());
    assert!(take(&store, &acme).await.is_some(), "the first took one slot and not two");
    assert!(take(&store, &acme).await.is_none());
    lose_next();
    store.free_slot(slot).await.unwrap();
    assert!(take(&store, &acme).await.is_some());
    assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "every fault was met");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cap_a_slot_costs_nothing_and_with_one_three_writes() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    for (cap, calls, units) in [(0, 0, 0), (100, 3, 3)] {
        let store = capped(&cloud, cap);
        cloud.meter.take();
        let slot = take(&store, &acme).await.unwrap();
        assert!(store.renew_slot(&slot).await.unwrap());
        store.free_slot(slot).await.unwrap();
        let usage = cloud.meter.take();
        assert_eq!((usage.calls.values().sum::<u64>(), usage.write_units), (calls, units));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_tenant_costs_three_refused_writes_and_one_read() {
    let cloud = Cloud::start().await;
    let (store, acme) = (capped(&cloud, 5), tenant("acme"));
    for _ in 0..5 {
        take(&store, &acme).await.unwrap();
    }
    cloud.meter.take();
    assert!(take(&store, &acme).await.is_none());
    let usage = cloud.meter.take();
    assert_eq!((usage.calls_of("PutItem"), usage.calls_of("Query"), usage.calls.len()), (3, 1, 2));
    assert_eq!((usage.write_units, usage.read_units), (3, 1.0));
}
