//! Flows: created, found, changed, deleted.

use millrace_store::{FlowDraft, FlowId, FlowPatch, StoreError, flow_data_version};
use serde_json::json;

use crate::cloud::{Cloud, noise, tenant};

fn draft(name: &str, endpoint_name: Option<&str>) -> FlowDraft {
    FlowDraft {
        name: name.to_owned(),
        description: Some("what it is for".to_owned()),
        data: Some(json!({"nodes": [{"id": name}], "edges": []})),
        endpoint_name: endpoint_name.map(str::to_owned),
        ..FlowDraft::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_found_by_id_and_by_name() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let warnings = vec!["node X will not run".to_owned()];
    let flow = cloud.store.create_flow(&acme, draft("one", Some("chat")), warnings.clone()).await.unwrap();
    assert_eq!((flow.name.as_str(), &flow.warnings), ("one", &warnings));
    assert_eq!(cloud.store.flow(&acme, flow.id).await.unwrap().as_ref(), Some(&flow));
    assert_eq!(cloud.store.flow_by_name(&acme, "chat").await.unwrap().as_ref(), Some(&flow));
    assert_eq!(cloud.store.flow_by_name(&acme, "other").await.unwrap(), None);
    let data = cloud.store.flow_data(&acme, flow.id, flow.version.as_deref().unwrap()).await.unwrap();
    assert_eq!(data, draft("one", None).data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_may_have_no_data_and_no_description() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let bare = FlowDraft { name: String::new(), ..FlowDraft::default() };
    let flow = cloud.store.create_flow(&acme, bare, Vec::new()).await.unwrap();
    assert_eq!((flow.version.clone(), flow.description.clone()), (None, None));
    assert_eq!(cloud.store.flows(&acme).await.unwrap(), [flow]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_version_stays_as_it_was() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let flow = cloud.store.create_flow(&acme, draft("one", None), Vec::new()).await.unwrap();
    let data = json!({"nodes": [], "edges": []});
    let patch = FlowPatch { data: Some(data.clone()), warnings: Some(Vec::new()), ..FlowPatch::default() };
    let changed = cloud.store.update_flow(&acme, flow.id, patch.clone()).await.unwrap().unwrap();
    let (old, new) = (flow.version.unwrap(), changed.version.clone().unwrap());
    assert_eq!(new, flow_data_version(&data));
    assert_eq!(cloud.store.flow_data(&acme, flow.id, &new).await.unwrap(), Some(data));
    assert_eq!(cloud.store.flow_data(&acme, flow.id, &old).await.unwrap(), draft("one", None).data);
    let same = cloud.store.update_flow(&acme, flow.id, patch).await.unwrap().unwrap();
    assert_eq!(same.version, changed.version);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_patch_does_not_name_stays() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let flow = cloud.store.create_flow(&acme, draft("one", Some("chat")), vec!["w".into()]).await.unwrap();
    let patch = FlowPatch { name: Some("two".into()), folder: Some("f".into()), ..FlowPatch::default() };
    let changed = cloud.store.update_flow(&acme, flow.id, patch).await.unwrap().unwrap();
    let mut expected = flow.clone();
    expected.name = "two".into();
    expected.folder = Some("f".into());
    assert_eq!(changed, expected);
    assert_eq!(cloud.store.flow(&acme, flow.id).await.unwrap(), Some(expected));
    let nobody = FlowId::new(cloud.host.as_ref());
    assert_eq!(cloud.store.update_flow(&acme, nobody, FlowPatch::default()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_name_leads_to_one_flow() {
    let cloud = Cloud::start().await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    let first = cloud.store.create_flow(&acme, draft("one", Some("chat")), Vec::new()).await.unwrap();
    let second = cloud.store.create_flow(&acme, draft("two", None), Vec::new()).await.unwrap();
    let taken = cloud.store.create_flow(&acme, draft("three", Some("chat")), Vec::new()).await;
    assert!(matches!(taken, Err(StoreError::Conflict { what: "endpoint name" })));
    let rename = |name: &str| FlowPatch { endpoint_name: Some(name.to_owned()), ..FlowPatch::default() };
    let taken = cloud.store.update_flow(&acme, second.id, rename("chat")).await;
    assert!(matches!(taken, Err(StoreError::Conflict { what: "endpoint name" })));
    assert_eq!(cloud.store.flows(&acme).await.unwrap().len(), 2);
    cloud.store.create_flow(&other, draft("theirs", Some("chat")), Vec::new()).await.unwrap();

    cloud.store.update_flow(&acme, first.id, rename("talk")).await.unwrap();
    assert_eq!(cloud.store.flow_by_name(&acme, "chat").await.unwrap(), None);
    cloud.store.update_flow(&acme, second.id, rename("chat")).await.unwrap();
    let found =
        |name: &'static str| async { cloud.store.flow_by_name(&acme, name).await.unwrap().map(|f| f.id) };
    assert_eq!((found("talk").await, found("chat").await), (Some(first.id), Some(second.id)));
    cloud.store.update_flow(&acme, second.id, rename("")).await.unwrap();
    assert_eq!(found("chat").await, None);
    let endless = cloud.store.update_flow(&acme, second.id, rename(&"n".repeat(256))).await;
    assert!(matches!(endless, Err(StoreError::Invalid { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_flow_leaves_nothing() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let flow = cloud.store.create_flow(&acme, draft("one", Some("chat")), Vec::new()).await.unwrap();
    assert!(cloud.store.delete_flow(&acme, flow.id).await.unwrap());
    assert!(!cloud.store.delete_flow(&acme, flow.id).await.unwrap());
    assert_eq!(cloud.store.flow(&acme, flow.id).await.unwrap(), None);
    let left = cloud.dynamodb.scan().table_name(crate::cloud::TABLE).send().await.unwrap();
    assert_eq!(left.count, 0);
    assert!(cloud.store.create_flow(&acme, draft("again", Some("chat")), Vec::new()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_leaves_nothing_behind() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let rows = || async { cloud.dynamodb.scan().table_name(crate::cloud::TABLE).send().await.unwrap().count };
    cloud.store.create_flow(&acme, draft("one", Some("chat")), Vec::new()).await.unwrap();
    let before = rows().await;
    assert!(cloud.store.create_flow(&acme, draft("two", Some("chat")), Vec::new()).await.is_err());
    assert_eq!(rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_are_listed_by_age_however_many() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    for i in 0..12 {
        cloud.host.advance(std::time::Duration::from_secs(1));
        let mut flow = draft(&i.to_string(), None);
        flow.description = Some("d".repeat(150_000));
        cloud.store.create_flow(&acme, flow, Vec::new()).await.unwrap();
    }
    cloud.meter.take();
    let names: Vec<_> = cloud.store.flows(&acme).await.unwrap().into_iter().map(|flow| flow.name).collect();
    assert_eq!(names, (0..12).map(|i| i.to_string()).collect::<Vec<_>>());
    assert!(cloud.meter.take().calls_of("Query") > 1, "more than one page");
    assert!(cloud.store.flows(&tenant("other")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_flow_cannot_be_addressed() {
    let cloud = Cloud::start().await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    let flow = cloud.store.create_flow(&acme, draft("one", Some("chat")), Vec::new()).await.unwrap();
    let version = flow.version.clone().unwrap();
    assert_eq!(cloud.store.flow(&other, flow.id).await.unwrap(), None);
    assert_eq!(cloud.store.flow_by_name(&other, "chat").await.unwrap(), None);
    assert_eq!(cloud.store.flow_data(&other, flow.id, &version).await.unwrap(), None);
    assert_eq!(cloud.store.update_flow(&other, flow.id, FlowPatch::default()).await.unwrap(), None);
    assert!(!cloud.store.delete_flow(&other, flow.id).await.unwrap());
    assert_eq!(cloud.store.flow(&acme, flow.id).await.unwrap(), Some(flow));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_does_not_fit_is_refused() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let mut huge = draft("huge", Some("chat"));
    huge.data = Some(noise(600_000));
    let refused = cloud.store.create_flow(&acme, huge, Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { what: "flow", .. })));
    assert!(cloud.store.flows(&acme).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_patches_of_one_flow_all_count() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let flow = cloud.store.create_flow(&acme, draft("one", None), Vec::new()).await.unwrap();
    let rename = FlowPatch { name: Some("two".into()), ..FlowPatch::default() };
    let refile = FlowPatch { folder: Some("f".into()), ..FlowPatch::default() };
    let (a, b) = tokio::join!(
        cloud.store.update_flow(&acme, flow.id, rename),
        cloud.store.update_flow(&acme, flow.id, refile)
    );
    assert!(a.is_ok() && b.is_ok());
    let both = cloud.store.flow(&acme, flow.id).await.unwrap().unwrap();
    assert_eq!((both.name.as_str(), both.folder.as_deref()), ("two", Some("f")));
}
