//! What each call costs, counted from what the SDK really sends.

use std::time::Duration;

use millrace_store::Claim;
use millrace_store::metering::Usage;
use serde_json::{Value, json};

use crate::cloud::{Cloud, failed, noise, succeeded, tenant};
use crate::tasks::granted;

fn calls(usage: &Usage) -> Vec<(&str, u64)> {
    usage.calls.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submit_is_four_write_units_and_one_send() {
    let cloud = Cloud::start().await;
    cloud.submitted(&tenant("acme")).await;
    let usage = cloud.meter.take();
    assert_eq!(calls(&usage), [("PutItem", 2), ("SendMessage", 1)]);
    assert_eq!((usage.write_units, usage.read_units), (4, 0.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_and_an_end_are_three_write_units() {
    let cloud = Cloud::start().await;
    for outcome in [succeeded(json!({"text": "x".repeat(200)})), failed("it took too long")] {
        let task = cloud.submitted(&tenant("acme")).await;
        cloud.meter.take();
        let lease = granted(&cloud.store, &task).await;
        assert_eq!(cloud.meter.take().write_units, 1);
        cloud.store.finish(&lease, &outcome).await.unwrap();
        let usage = cloud.meter.take();
        assert_eq!((calls(&usage), usage.write_units), (vec![("UpdateItem", 1)], 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_delivery_is_one_write_unit() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    granted(&cloud.store, &task).await;
    cloud.meter.take();
    assert!(matches!(cloud.store.claim(&task.tenant, task.id).await.unwrap(), Claim::Refused(_)));
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("UpdateItem", 1)], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_an_item_of_its_own() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.meter.take();
    cloud.store.finish(&lease, &succeeded(noise(10_000))).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!(calls(&usage), [("PutItem", 1), ("UpdateItem", 1)]);
    // 8.2 KB compressed, the row, and the entry of the open index.
    assert_eq!(usage.write_units, 9 + 2);
}

/// JSON that stays below 4 KB with its row, compressed or not.
fn results_of_up_to_one_read_unit() -> [Value; 3] {
    [json!("hi"), noise(1_500), noise(3_500)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_one_read_unit_and_never_reads_the_input() {
    let cloud = Cloud::start().await;
    for result in results_of_up_to_one_read_unit() {
        let task = cloud.new_task(&tenant("acme"), noise(50_000));
        cloud.store.submit(&task).await.unwrap();
        let lease = granted(&cloud.store, &task).await;
        for ended in [false, true] {
            if ended {
                cloud.store.finish(&lease, &succeeded(result.clone())).await.unwrap();
            }
            cloud.meter.take();
            cloud.store.task(&task.tenant, task.id).await.unwrap().unwrap();
            let usage = cloud.meter.take();
            assert_eq!((calls(&usage), usage.read_units), (vec![("Query", 1)], 1.0));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_synchronous_run_is_one_item_and_its_index_entry() {
    let cloud = Cloud::start().await;
    let task = cloud.new_task(&tenant("acme"), json!(null));
    cloud.store.record_sync(&task, &succeeded(json!({"text": "hi"}))).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("PutItem", 1)], 2));
    for result in results_of_up_to_one_read_unit() {
        let task = cloud.new_task(&tenant("acme"), json!(null));
        cloud.store.record_sync(&task, &succeeded(result)).await.unwrap();
        assert_eq!(calls(&cloud.meter.take()), [("PutItem", 1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_costs_one_read_and_one_write_a_minute() {
    let cloud = Cloud::start().await;
    let key = cloud.store.create_key(&tenant("acme"), "test").await.unwrap();
    for _ in 0..3 {
        cloud.meter.take();
        for _ in 0..20 {
            assert!(cloud.store.authenticate(&key.text).await.unwrap().is_some());
        }
        let usage = cloud.meter.take();
        assert_eq!(calls(&usage), [("GetItem", 1), ("UpdateItem", 1)]);
        assert_eq!((usage.write_units, usage.read_units), (1, 1.0));
        cloud.host.advance(Duration::from_secs(60));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meter_agrees_with_what_the_service_says() {
    use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
    let cloud = Cloud::start().await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put = |padding: usize, open: Option<&str>| {
        let mut put = cloud.dynamodb.put_item().table_name(crate::cloud::TABLE);
        put = put.item("pk", text("p")).item("sk", text("s")).item("body", text(&"x".repeat(padding)));
        if let Some(due) = open {
            put = put.item("open_pk", text("open#0")).item("open_sk", text(due));
        }
        put.return_consumed_capacity(ReturnConsumedCapacity::Indexes)
    };
    let puts = [(100, None), (100, Some("1")), (2_000, Some("1")), (100, Some("2")), (5_000, None)];
    for (padding, open) in puts {
        cloud.meter.take();
        let said =
            put(padding, open).send().await.unwrap().consumed_capacity.unwrap().capacity_units.unwrap();
        assert_eq!(cloud.meter.take().write_units as f64, said, "{padding} {open:?}");
    }
}
