//! The journal of a task.

use std::sync::atomic::Ordering;

use millrace_store::{JournalRecord, NewTask, StoreError};
use serde_json::{Value, json};

use crate::cloud::{Cloud, noise, tenant};

pub(crate) fn record(cloud: &Cloud, key: &str, response: Value) -> JournalRecord {
    JournalRecord {
        key: key.to_owned(),
        kind: "http".to_owned(),
        hash: "a1b2c3".to_owned(),
        response,
        usage: json!({"input_tokens": 3}),
        at: cloud.store.host().now(),
        ms: 1_234,
        attempt: 1,
    }
}

async fn put(cloud: &Cloud, task: &NewTask, record: &JournalRecord) -> Option<JournalRecord> {
    cloud.store.record(&task.tenant, task.id, record).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_first_stands() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let first = record(&cloud, "call/00001/a#0000", json!({"text": "first"}));
    assert_eq!(put(&cloud, &task, &first).await, None);
    let second = JournalRecord { attempt: 2, response: json!("second"), ..first.clone() };
    assert_eq!(put(&cloud, &task, &second).await, Some(first.clone()), "adopted");
    let large = JournalRecord { response: noise(600_000), ..second.clone() };
    assert_eq!(put(&cloud, &task, &large).await, Some(first.clone()), "adopted");
    assert_eq!(cloud.store.journal(&task.tenant, task.id).await.unwrap(), [first]);
    let other = tenant("other");
    assert_eq!(cloud.store.journal(&other, task.id).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_every_size_and_key_come_back_in_order() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    let long = |letter: &str, length| letter.repeat(length);
    let mut records = vec![
        record(&cloud, "call/00001/a#0000", Value::Null),
        record(&cloud, "call/00001/a#0001", json!({"text": "x".repeat(50_000)})),
        record(&cloud, "call/00002/ü/b#0000", noise(300_000)),
        record(&cloud, "call/00003", noise(1_500_000)),
        record(&cloud, "call/00003#", noise(600_000)),
        record(&cloud, &long("d", 900), noise(600_000)),
        record(&cloud, &long("d", 901), json!("hashed")),
        record(&cloud, &long("e", 5_000), noise(600_000)),
    ];
    for record in records.iter().rev() {
        assert_eq!(put(&cloud, &task, record).await, None);
        assert_eq!(put(&cloud, &task, record).await, None, "its own record is none to adopt");
    }
    let read = cloud.store.journal(&task.tenant, task.id).await.unwrap();
    assert!(read[..5] == records[..5], "in the order of their keys");
    let by_key = |records: &mut Vec<JournalRecord>| records.sort_by(|a, b| a.key.cmp(&b.key));
    let mut read = read;
    by_key(&mut read);
    by_key(&mut records);
    assert!(read == records, "large responses are not printed");
    assert!(cloud.store.task(&task.tenant, task.id).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_reply_is_lost_is_its_own() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    for response in [json!("small"), noise(600_000)] {
        let key = response.to_string().len().to_string();
        let record = record(&cloud, &key, response);
        // The parts of the large one are written before.
        cloud.wire.answer_then_lose(if key.len() > 3 { 2 } else { 0 });
        assert_eq!(put(&cloud, &task, &record).await, None);
        assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0, "the fault was met");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fits_no_parts_is_refused_before_anything_is_written() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    cloud.meter.take();
    let huge = record(&cloud, "huge", noise(8_000_000));
    let refused = cloud.store.record(&task.tenant, task.id, &huge).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge { what: "journal record", .. })),
        "{:?}",
        refused.err()
    );
    assert!(cloud.meter.take().calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_starts_with_the_journal_of_the_task_that_failed() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let (old, new) = (cloud.submitted(&acme).await, cloud.submitted(&acme).await);
    let large = record(&cloud, "large", noise(900_000));
    put(&cloud, &old, &large).await;
    for index in 0..40 {
        put(&cloud, &old, &record(&cloud, &format!("small/{index:02}"), json!(index))).await;
    }
    let already = record(&cloud, "small/07", json!("of the new task"));
    put(&cloud, &new, &already).await;
    for _ in 0..2 {
        assert_eq!(cloud.store.copy_journal(&acme, old.id, new.id).await.unwrap(), 41);
    }
    let copied = cloud.store.journal(&acme, new.id).await.unwrap();
    assert_eq!(copied.len(), 41);
    assert!(copied[0] == JournalRecord { attempt: 0, ..large }, "with its parts");
    assert_eq!(copied[8], already);
    assert!(copied.iter().all(|record| record.attempt == u64::from(record.key == "small/07")));
    let originals = cloud.store.journal(&acme, old.id).await.unwrap();
    assert!(originals.iter().all(|record| record.attempt == 1), "they stay as they are");
    let unknown = cloud.store.new_task_id();
    assert_eq!(cloud.store.copy_journal(&acme, unknown, new.id).await.unwrap(), 0);
}
