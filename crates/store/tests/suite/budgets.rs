//! What each call costs, counted from what the SDK really sends.

use std::time::Duration;

use millrace_store::metering::Usage;
use millrace_store::schema::OPEN_SHARDS;
use millrace_store::{Claim, Counts, JournalMode, NewTask, Requeue};
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
        cloud.store.finish(&lease, &outcome, None).await.unwrap();
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
    cloud.store.finish(&lease, &succeeded(noise(10_000)), None).await.unwrap();
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
                cloud.store.finish(&lease, &succeeded(result.clone()), None).await.unwrap();
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
    cloud.store.record_sync(&task, &succeeded(json!({"text": "hi"})), None).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("PutItem", 1)], 2));
    for result in results_of_up_to_one_read_unit() {
        let task = cloud.new_task(&tenant("acme"), json!(null));
        cloud.store.record_sync(&task, &succeeded(result), None).await.unwrap();
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
    use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity, ReturnValue};
    type Attributes = std::collections::HashMap<String, AttributeValue>;
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
    for (due, padding) in [("3", 100), ("3", 2_500), ("4", 10)] {
        cloud.meter.take();
        let update = cloud.dynamodb.update_item().table_name(crate::cloud::TABLE);
        let update = update.key("pk", text("p")).key("sk", text("s"));
        let said = update
            .update_expression("SET open_pk = :pk, open_sk = :due, body = :body")
            .expression_attribute_values(":pk", text("open#0"))
            .expression_attribute_values(":due", text(due))
            .expression_attribute_values(":body", text(&"x".repeat(padding)))
            .return_values(ReturnValue::AllNew)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .unwrap();
        let said = said.consumed_capacity.unwrap().capacity_units.unwrap();
        assert_eq!(cloud.meter.take().write_units as f64, said, "{due} {padding}");
    }
    for consistent in [false, true] {
        cloud.meter.take();
        let keys =
            ["s", "absent"].map(|sk| Attributes::from([("pk".into(), text("p")), ("sk".into(), text(sk))]));
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys.into())).consistent_read(consistent);
        let batch =
            cloud.dynamodb.batch_get_item().request_items(crate::cloud::TABLE, wanted.build().unwrap());
        let said = batch.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
        let said = said.consumed_capacity.unwrap()[0].capacity_units.unwrap();
        assert_eq!(cloud.meter.take().read_units, said, "{consistent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_option_of_a_task_fits_the_budgets_too() {
    let cloud = Cloud::start().await;
    let origin = cloud.store.new_task_id();
    let task = NewTask {
        origin,
        mode: JournalMode::Memory,
        timeout: Some(Duration::from_secs(86_400)),
        session: "s".repeat(128),
        ..cloud.new_task_with_callback(&tenant("a-tenant-with-a-name-of-a-usual-length"))
    };
    cloud.store.submit(&task).await.unwrap();
    assert_eq!(cloud.meter.take().write_units, 4);
    let lease = granted(&cloud.store, &task).await;
    assert_eq!(cloud.meter.take().write_units, 1);
    cloud.host.advance(Duration::from_secs(1));
    cloud.store.finish(&lease, &succeeded(json!("hi")), Some(&json!({"input_tokens": 1234}))).await.unwrap();
    // The task stays in the index of open tasks, at another place.
    assert_eq!(cloud.meter.take().write_units, 1 + 2);
    cloud.store.callback_tried(&task.tenant, task.id, true).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((usage.write_units, usage.read_units), (1 + 1, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_lease_is_one_unit_each() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.meter.take();
    cloud.store.renew(&lease).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("UpdateItem", 1)], 1));
    cloud.store.put_progress(&lease, &json!({"done": 3, "of": 7})).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("PutItem", 1)], 1));
    cloud.store.lost(&lease).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.read_units), (vec![("GetItem", 1)], 1.0));
    cloud.store.task(&task.tenant, task.id).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.read_units), (vec![("Query", 1)], 1.0));
    cloud.store.requeue(&lease, Requeue { counts: Counts::Yield, delay: Duration::ZERO }).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.write_units), (vec![("SendMessage", 1), ("UpdateItem", 1)], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_kilobyte_is_one_write_unit() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let text = "Yes, the mill has stood beside the race for three hundred years. ".repeat(11);
    let chat = json!({"choices": [{"message": {"role": "assistant", "content": text}}]});
    cloud.meter.take();
    for (key, response) in [("call/00002/ChatOpenAI-x#0000", chat), ("call/00003/b#0000", json!("now"))] {
        let record = crate::journal::record(&cloud, key, response);
        assert_eq!(cloud.store.record(&task.tenant, task.id, &record).await.unwrap(), None);
        let usage = cloud.meter.take();
        assert_eq!((calls(&usage), usage.write_units), (vec![("PutItem", 1)], 1));
    }
    cloud.store.journal(&task.tenant, task.id).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.read_units), (vec![("Query", 1)], 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_reads_what_is_due_in_batches_and_writes_what_it_moves() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    for _ in 0..10 {
        let task = cloud.submitted(&acme).await;
        granted(&cloud.store, &task).await;
    }
    cloud.meter.take();
    let mut due = Vec::new();
    for shard in 0..OPEN_SHARDS {
        due.extend(cloud.store.due(shard, None, 100).await.unwrap());
    }
    let usage = cloud.meter.take();
    // Eventually consistent: half a unit for each shard.
    assert_eq!((calls(&usage), usage.read_units), (vec![("Query", 16)], 8.0));
    cloud.store.recover(&due).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!((calls(&usage), usage.read_units), (vec![("BatchGetItem", 1)], 10.0));
    assert_eq!(usage.write_units, 0, "a lease that holds is left alone");

    cloud.host.advance(cloud.store.config().lease);
    cloud.store.recover(&due).await.unwrap();
    let usage = cloud.meter.take();
    assert_eq!(calls(&usage), [("BatchGetItem", 1), ("SendMessage", 10), ("UpdateItem", 10)]);
    assert_eq!(usage.write_units, 10 * (1 + 2), "each row, and its place in the index");
}
