//! What stands in the bucket: large values, uploads, indexes, each under its tenant.

use millrace_store::{FlowId, NewTask, StoreError, TenantId, UploadRef};
use serde_json::{Value, json};

use crate::cloud::{Cloud, noise, succeeded, tenant};
use crate::journal::record;
use crate::tasks::granted;

fn keys(cloud: &Cloud) -> Vec<String> {
    cloud.bucket.objects.lock().unwrap().keys().cloned().collect()
}

async fn result(cloud: &Cloud, tenant: &TenantId, task: &NewTask) -> Result<Option<Value>, StoreError> {
    Ok(cloud.store.task(tenant, task.id).await?.unwrap().result)
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_size_come_back() {
    let cloud = Cloud::with_bucket().await;
    let acme = tenant("acme");
    for (value, objects) in
        [(noise(2_000), 0), (noise(390_000), 0), (noise(600_000), 1), (noise(5_000_000), 2)]
    {
        let task = cloud.new_task(&acme, value.clone());
        cloud.store.submit(&task).await.unwrap();
        cloud.store.submit(&task).await.unwrap();
        let lease = granted(&cloud.store, &task).await;
        assert!(cloud.store.input(&lease).await.unwrap().value == value);
        let effect = record(&cloud, "effect", value.clone());
        assert_eq!(cloud.store.record(&acme, task.id, &effect).await.unwrap(), None);
        assert!(cloud.store.journal(&acme, task.id).await.unwrap()[0].response == value);
        cloud.store.finish(&lease, &succeeded(value.clone()), None).await.unwrap();
        let synchronous = cloud.new_task(&acme, json!(null));
        cloud.store.record_sync(&synchronous, &succeeded(value.clone()), None).await.unwrap();
        for task in [&task, &synchronous] {
            assert!(result(&cloud, &acme, task).await.unwrap() == Some(value.clone()));
        }
        // Equal values are one object.
        assert_eq!(keys(&cloud).len(), objects);
    }
    assert!(keys(&cloud).iter().all(|key| key.starts_with("acme/values/")), "{:?}", keys(&cloud));
    let objects = cloud.bucket.objects.lock().unwrap();
    assert!(objects.values().all(|(_, headers)| headers["x-amz-tagging"] == "kept=with-tasks"));
    assert!(objects.values().all(|(_, headers)| headers.contains_key("x-amz-checksum-sha256")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_whose_object_is_gone_or_another_cannot_be_read() {
    let cloud = Cloud::with_bucket().await;
    let acme = tenant("acme");
    let task = cloud.new_task(&acme, noise(600_000));
    cloud.store.submit(&task).await.unwrap();
    let other = NewTask { input: noise(600_001), ..task.clone() };
    assert!(matches!(cloud.store.submit(&other).await, Err(StoreError::Conflict { what: "task" })));
    let effect = record(&cloud, "effect", noise(700_000));
    cloud.store.record(&acme, task.id, &effect).await.unwrap();
    for (bytes, _) in cloud.bucket.objects.lock().unwrap().values_mut() {
        bytes.truncate(1_000);
    }
    for gone in [false, true] {
        if gone {
            cloud.bucket.objects.lock().unwrap().clear();
        }
        let input = cloud.store.task_input(&acme, task.id).await;
        assert!(matches!(input, Err(StoreError::Corrupt { what: "task input" })));
        let copied = cloud.store.copy_journal(&acme, task.id, cloud.store.new_task_id()).await;
        assert!(matches!(copied, Err(StoreError::Corrupt { what: "journal record" })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_puts_what_it_takes_over_again() {
    let cloud = Cloud::with_bucket().await;
    let (acme, task, next) = (tenant("acme"), cloud.store.new_task_id(), cloud.store.new_task_id());
    let effect = record(&cloud, "effect", noise(700_000));
    cloud.store.record(&acme, task, &effect).await.unwrap();
    // The header of the first put does not stay: the second one counts from now on.
    let key = keys(&cloud).remove(0);
    cloud.bucket.objects.lock().unwrap().get_mut(&key).unwrap().1.clear();
    assert_eq!(cloud.store.copy_journal(&acme, task, next).await.unwrap(), 1);
    assert!(cloud.bucket.objects.lock().unwrap()[&key].1.contains_key("x-amz-tagging"));
    assert!(cloud.store.journal(&acme, next).await.unwrap()[0].response == effect.response);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_content_and_its_tenant_s() {
    let cloud = Cloud::with_bucket().await;
    let (acme, flow) = (tenant("acme"), FlowId::new(cloud.host.as_ref()));
    let put = async |name: &str, bytes: &[u8]| {
        cloud.store.put_upload(&acme, flow, name, bytes.to_vec()).await.unwrap()
    };
    let reference = put("dir/Ünder.TXT", b"content").await;
    assert_eq!(put("b.txt", b"content").await, reference);
    assert_ne!(put("b.txt", b"other").await, reference);
    assert!(keys(&cloud).iter().all(|key| key.starts_with(&format!("acme/uploads/{flow}/"))));

    let reference = put("dir/Ünder.TXT", b"content").await;
    let read = async |tenant: &TenantId, limit| cloud.store.upload(tenant, &reference, limit).await;
    let upload = read(&acme, 7).await.unwrap().unwrap();
    assert_eq!((upload.name.as_str(), upload.bytes.as_slice()), ("Ünder.TXT", b"content".as_slice()));
    assert!(matches!(read(&acme, 6).await, Err(StoreError::TooLarge { size: 7, limit: 6, .. })));
    assert_eq!(read(&tenant("other"), 7).await.unwrap(), None);
    let unknown: UploadRef = reference.to_string().replace(".txt", ".csv").parse().unwrap();
    assert_eq!(cloud.store.upload(&acme, &unknown, 7).await.unwrap(), None);
    // A reference stands for its bytes and for no others.
    for (bytes, _) in cloud.bucket.objects.lock().unwrap().values_mut() {
        *bytes = b"changed".to_vec();
    }
    assert_eq!(read(&acme, 7).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_for_what_was_announced() {
    let cloud = Cloud::with_bucket().await;
    let (acme, flow) = (tenant("acme"), FlowId::new(cloud.host.as_ref()));
    let ticket = cloud.store.upload_ticket(&acme, flow, "a.csv", 7, Some([15; 32])).await.unwrap();
    assert_eq!(ticket.reference.to_string(), format!("millrace:upload/{flow}/{}.csv", "0f".repeat(32)));
    assert!(ticket.url.contains(&format!("/objects/acme/uploads/{flow}/")), "{}", ticket.url);
    let names: Vec<&str> = ticket.headers.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["content-length", "x-amz-checksum-sha256", "x-amz-meta-name"] {
        let signed = ticket.url.split('&').find(|part| part.starts_with("X-Amz-SignedHeaders")).unwrap();
        assert!(names.contains(&name) && signed.contains(name), "{name}: {names:?}, {signed}");
    }
    let one = cloud.store.upload_ticket(&acme, flow, "a.csv", 7, None).await.unwrap().reference;
    let other = cloud.store.upload_ticket(&acme, flow, "a.csv", 7, None).await.unwrap().reference;
    assert!(one != other && one.digest().is_none());
    let limit = cloud.store.config().max_upload_bytes;
    let large = cloud.store.upload_ticket(&acme, flow, "a.csv", limit + 1, None).await;
    assert!(matches!(large, Err(StoreError::TooLarge { what: "file", .. })));
    assert!(keys(&cloud).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_kept_under_its_tenant_flow_and_key() {
    let cloud = Cloud::with_bucket().await;
    let (acme, flow) = (tenant("acme"), FlowId::new(cloud.host.as_ref()));
    cloud.store.put_index(&acme, flow, "key/../#", vec![1, 2, 3]).await.unwrap();
    assert_eq!(cloud.store.index(&acme, flow, "key/../#").await.unwrap(), Some(vec![1, 2, 3]));
    for (tenant, flow, key) in [
        (tenant("other"), flow, "key/../#"),
        (acme.clone(), FlowId::new(cloud.host.as_ref()), "key/../#"),
        (acme.clone(), flow, "key"),
    ] {
        assert_eq!(cloud.store.index(&tenant, flow, key).await.unwrap(), None);
    }
    assert!(keys(&cloud)[0].starts_with(&format!("acme/indexes/{flow}/")));
    assert!(!cloud.bucket.objects.lock().unwrap().values().any(|(_, h)| h.contains_key("x-amz-tagging")));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bucket_there_are_no_uploads_and_no_indexes() {
    let cloud = Cloud::start().await;
    let (acme, flow) = (tenant("acme"), FlowId::new(cloud.host.as_ref()));
    let refused = cloud.store.put_upload(&acme, flow, "a", vec![1]).await;
    assert!(matches!(refused, Err(StoreError::Misconfigured(_))));
    let reference = format!("millrace:upload/{flow}/{}", "0f".repeat(32)).parse().unwrap();
    assert_eq!(cloud.store.upload(&acme, &reference, 1).await.unwrap(), None);
    cloud.store.put_index(&acme, flow, "key", vec![1]).await.unwrap();
    assert_eq!(cloud.store.index(&acme, flow, "key").await.unwrap(), None);
}
