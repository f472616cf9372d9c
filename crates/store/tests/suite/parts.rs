//! Values that are larger than an item.

use aws_sdk_dynamodb::types::AttributeValue;
use millrace_store::{Finished, NewTask, StoreError};
use serde_json::{Value, json};

use crate::cloud::{Cloud, TABLE, failed, noise, succeeded, tenant};
use crate::journal::record;
use crate::tasks::granted;

/// The sort keys of a task's parts.
async fn parts(cloud: &Cloud, task: &NewTask) -> Vec<String> {
    let (mut found, mut start) = (Vec::new(), None);
    loop {
        let query = cloud.dynamodb.query().table_name(TABLE).set_exclusive_start_key(start);
        let page = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :x)")
            .expression_attribute_values(":pk", AttributeValue::S(format!("T#{}#{}", task.tenant, task.id)))
            .expression_attribute_values(":x", AttributeValue::S("X#".into()))
            .projection_expression("sk")
            .send()
            .await
            .unwrap();
        found.extend(page.items().iter().map(|row| row["sk"].as_s().unwrap().clone()));
        start = page.last_evaluated_key;
        if start.is_none() {
            return found;
        }
    }
}

async fn delete(cloud: &Cloud, task: &NewTask, sort: &str) {
    let delete = cloud.dynamodb.delete_item().table_name(TABLE).key("sk", AttributeValue::S(sort.into()));
    let partition = format!("T#{}#{}", task.tenant, task.id);
    delete.key("pk", AttributeValue::S(partition)).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_and_results_of_every_size_come_back() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let values = [
        (Value::Null, 0),
        (json!({"text": "x".repeat(20_000)}), 0),
        (noise(300), 0),
        (noise(2_000), 0),
        (noise(390_000), 0),
        (noise(600_000), 2),
        (noise(5_000_000), 12),
    ];
    for (value, pieces) in values {
        let task = cloud.new_task(&acme, value.clone());
        cloud.store.submit(&task).await.unwrap();
        cloud.store.submit(&task).await.unwrap();
        assert_eq!(parts(&cloud, &task).await.len(), pieces);
        let lease = granted(&cloud.store, &task).await;
        assert!(cloud.store.input(&lease).await.unwrap().value == value);
        cloud.store.finish(&lease, &succeeded(value.clone()), None).await.unwrap();
        let synchronous = cloud.new_task(&acme, json!(null));
        cloud.store.record_sync(&synchronous, &succeeded(value.clone()), None).await.unwrap();
        for task in [&task, &synchronous] {
            let record = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
            assert!(record.result.as_ref() == Some(&value));
        }
        assert_eq!(parts(&cloud, &task).await.len(), 2 * pieces);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_large_input_under_the_same_id_is_another_task() {
    let cloud = Cloud::start().await;
    let task = cloud.new_task(&tenant("acme"), noise(600_000));
    cloud.store.submit(&task).await.unwrap();
    for input in [noise(600_001), json!("small")] {
        let other = NewTask { input, ..task.clone() };
        assert!(matches!(cloud.store.submit(&other).await, Err(StoreError::Conflict { what: "task" })));
    }
    assert!(cloud.store.task_input(&task.tenant, task.id).await.unwrap().unwrap().value == task.input);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_no_parts_and_no_answer_is_refused_before_anything_is_written() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let huge = cloud.new_task(&acme, noise(8_000_000));
    assert!(matches!(cloud.store.submit(&huge).await, Err(StoreError::TooLarge { what: "input", .. })));
    assert!(cloud.store.task(&acme, huge.id).await.unwrap().is_none());

    let task = cloud.submitted(&acme).await;
    let lease = granted(&cloud.store, &task).await;
    cloud.meter.take();
    // Incompressible, and compressed to almost nothing.
    for result in [noise(8_000_000), json!("x".repeat(5_500_000))] {
        let refused = cloud.store.finish(&lease, &succeeded(result), None).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { what: "result", limit: 5_500_000, .. })));
    }
    assert!(cloud.meter.take().calls.is_empty());
    let finished = cloud.store.finish(&lease, &failed("result too large"), None).await.unwrap();
    assert_eq!(finished, Finished::Recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_with_a_part_missing_cannot_be_read() {
    let cloud = Cloud::start().await;
    let task = cloud.new_task(&tenant("acme"), noise(900_000));
    cloud.store.submit(&task).await.unwrap();
    let lease = granted(&cloud.store, &task).await;
    let effect = record(&cloud, "effect", noise(1_000_000));
    cloud.store.record(&task.tenant, task.id, &effect).await.unwrap();
    cloud.store.finish(&lease, &succeeded(noise(1_100_000)), None).await.unwrap();

    for part in parts(&cloud, &task).await.iter().filter(|part| part.ends_with("#001")) {
        delete(&cloud, &task, part).await;
    }
    let result = cloud.store.task(&task.tenant, task.id).await;
    assert!(matches!(result, Err(StoreError::Corrupt { what: "task result" })));
    let input = cloud.store.task_input(&task.tenant, task.id).await;
    assert!(matches!(input, Err(StoreError::Corrupt { what: "task input" })));
    let journal = cloud.store.journal(&task.tenant, task.id).await;
    assert!(matches!(journal, Err(StoreError::Corrupt { what: "journal record" })));
    let copied = cloud.store.copy_journal(&task.tenant, task.id, cloud.store.new_task_id()).await;
    assert!(matches!(copied, Err(StoreError::Corrupt { what: "journal record" })));
}
