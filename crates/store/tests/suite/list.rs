//! The list of a tenant's tasks: complete, in order, bounded, and nobody else's.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use millrace_store::schema::sortable;
use millrace_store::{
    Cursor, FlowId, Host, NewTask, State, Store, StoreError, TaskId, TaskPage, TaskQuery, TenantId,
};
use serde_json::json;

use crate::cloud::{Cloud, TABLE, tenant};
use crate::tasks::granted;

fn limit(limit: usize) -> TaskQuery {
    TaskQuery { limit, ..TaskQuery::default() }
}

fn ids(page: &TaskPage) -> Vec<TaskId> {
    page.tasks.iter().map(|task| task.id).collect()
}

/// All pages of a list, whose cursors go through a client as text.
async fn pages(store: &Store, tenant: &TenantId, mut query: TaskQuery) -> Vec<TaskPage> {
    let mut pages = Vec::new();
    loop {
        let page = store.tasks(tenant, &query).await.unwrap();
        let next = page.next.map(|cursor| cursor.to_string());
        pages.push(page);
        assert!(pages.len() < 100, "a list has an end");
        match next {
            Some(next) => query.cursor = Some(next.parse().unwrap()),
            None => return pages,
        }
    }
}

async fn all(store: &Store, tenant: &TenantId, query: TaskQuery) -> Vec<TaskId> {
    pages(store, tenant, query).await.iter().flat_map(ids).collect()
}

/// Submits tasks, some of them within one millisecond. Newest first.
async fn submitted(cloud: &Cloud, tenant: &TenantId, count: usize) -> Vec<NewTask> {
    let mut tasks = Vec::new();
    for i in 0..count {
        cloud.host.advance(Duration::from_millis(u64::from(i % 3 != 0)));
        tasks.push(((cloud.host.now(), i), cloud.submitted(tenant).await));
    }
    tasks.sort_by_key(|((created, _), task)| (*created, task.id));
    tasks.into_iter().rev().map(|(_, task)| task).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_is_listed_once_newest_first_whatever_the_page() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let expected: Vec<_> = submitted(&cloud, &acme, 25).await.iter().map(|task| task.id).collect();
    cloud.submitted(&tenant("other")).await;
    for size in [1, 5, 7, 24, 25, 26, 100] {
        let pages = pages(&cloud.store, &acme, limit(size)).await;
        assert!(pages.iter().rev().skip(1).all(|page| page.tasks.len() <= size && page.next.is_some()));
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{size}");
    }
    let none = cloud.store.tasks(&tenant("nobody"), &limit(10)).await.unwrap();
    assert_eq!(none, TaskPage { tasks: vec![], next: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_tells_what_a_poll_tells() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let task = cloud.submitted(&acme).await;
    cloud.host.advance(Duration::from_secs(2));
    granted(&cloud.store, &task).await;
    cloud.host.advance(Duration::from_secs(3));
    cloud.store.cancel(&acme, task.id).await.unwrap();
    let polled = cloud.store.task(&acme, task.id).await.unwrap().unwrap();
    let listed = cloud.store.tasks(&acme, &limit(10)).await.unwrap().tasks.remove(0);
    assert_eq!((listed.state, listed.attempt), (State::Cancelled, 1));
    assert!(listed.started_at.unwrap() > listed.created_at && listed.ended_at > listed.started_at);
    assert_eq!(
        (listed.id, listed.state, listed.flow, listed.session, listed.attempt),
        (task.id, polled.state, task.flow, task.session, polled.attempt)
    );
    assert_eq!(
        (listed.created_at, listed.started_at, listed.ended_at),
        (polled.created_at, polled.started_at, polled.ended_at)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_applied_to_the_task_as_it_is_now() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let flows = [FlowId::new(cloud.host.as_ref()), FlowId::new(cloud.host.as_ref())];
    let mut expected: BTreeMap<(FlowId, &str), Vec<TaskId>> = BTreeMap::new();
    for i in 0..18 {
        let mut task = cloud.new_task(&acme, json!(null));
        task.flow = flows[i % 2];
        cloud.store.submit(&task).await.unwrap();
        let state = ["queued", "running", "cancelled"][i % 3];
        match state {
            "running" => {
                granted(&cloud.store, &task).await;
            }
            "cancelled" => {
                cloud.store.cancel(&acme, task.id).await.unwrap();
            }
            _ => {}
        }
        expected.entry((task.flow, state)).or_default().insert(0, task.id);
        cloud.host.advance(Duration::from_millis(1));
    }
    for ((flow, state), expected) in expected {
        for limit in [1, 3, 100] {
            let query = TaskQuery { flow: Some(flow), state: state.parse().ok(), limit, cursor: None };
            assert_eq!(all(&cloud.store, &acme, query).await, expected, "{state} {limit}");
        }
    }
    for (flow, state, count) in [
        (Some(flows[0]), None, 9),
        (None, Some(State::Running), 6),
        (None, Some(State::Failed), 0),
        (Some(FlowId::new(cloud.host.as_ref())), None, 0),
    ] {
        let query = TaskQuery { flow, state, limit: 4, cursor: None };
        assert_eq!(all(&cloud.store, &acme, query).await.len(), count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_cursor_only_moves_within_the_own_list() {
    let cloud = Cloud::start().await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    let older: Vec<_> = submitted(&cloud, &acme, 3).await.iter().map(|task| task.id).collect();
    cloud.host.advance(Duration::from_millis(1));
    submitted(&cloud, &other, 4).await;
    cloud.host.advance(Duration::from_millis(1));
    submitted(&cloud, &acme, 3).await;

    let theirs = cloud.store.tasks(&other, &limit(2)).await.unwrap().next.unwrap();
    let page = cloud.store.tasks(&acme, &TaskQuery { cursor: Some(theirs), ..limit(10) }).await.unwrap();
    assert_eq!((ids(&page), page.next), (older, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_left_out() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    submitted(&cloud, &acme, 3).await;
    cloud.host.advance(cloud.store.config().retention - Duration::from_secs(1));
    let live = cloud.submitted(&acme).await;
    cloud.host.advance(Duration::from_secs(1));
    for size in [1, 10] {
        assert_eq!(all(&cloud.store, &acme, limit(size)).await, [live.id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_out_of_range_is_refused() {
    let cloud = Cloud::start().await;
    for size in [0, 101, usize::MAX] {
        let refused = cloud.store.tasks(&tenant("acme"), &limit(size)).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{size}");
    }
    assert!(cloud.meter.take().calls.is_empty());
}

/// Copies of a task's row under other ids, older and older, each with `padding` bytes more.
async fn copies(cloud: &Cloud, task: &NewTask, count: u64, padding: usize) {
    let text = |value: String| AttributeValue::S(value);
    let partition = |id: TaskId| text(format!("T#{}#{id}", task.tenant));
    let key =
        HashMap::from([("pk".to_owned(), partition(task.id)), ("sk".to_owned(), text("META".to_owned()))]);
    let row = cloud.dynamodb.get_item().table_name(TABLE).set_key(Some(key)).send().await.unwrap();
    let row = row.item.unwrap();
    let copy = |back: u64| {
        let id = cloud.store.new_task_id();
        let created = sortable(cloud.host.now() - Duration::from_millis(back));
        let mut copy = row.clone();
        copy.insert("pk".to_owned(), partition(id));
        copy.insert("list_sk".to_owned(), text(format!("{created}#{id}")));
        copy.insert("padding".to_owned(), text("x".repeat(padding)));
        let put = PutRequest::builder().set_item(Some(copy)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    for batch in (1..=count).collect::<Vec<_>>().chunks(25) {
        let writes = batch.iter().map(|back| copy(*back)).collect();
        let sent = cloud.dynamodb.batch_write_item().request_items(TABLE, writes).send().await.unwrap();
        assert!(sent.unprocessed_items.unwrap_or_default().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_fits_nothing_has_an_end() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    copies(&cloud, &task, 1_049, 0).await;
    cloud.meter.take();
    let mut query = TaskQuery { state: Some(State::Failed), ..limit(1) };
    let first = cloud.store.tasks(&task.tenant, &query).await.unwrap();
    assert!(first.tasks.is_empty());
    let usage = cloud.meter.take();
    assert_eq!((usage.calls_of("Query"), usage.calls_of("BatchGetItem")), (10, 10));

    query.cursor = Some(first.next.unwrap());
    assert_eq!(
        cloud.store.tasks(&task.tenant, &query).await.unwrap(),
        TaskPage { tasks: vec![], next: None }
    );
    assert_eq!(cloud.meter.take().calls_of("Query"), 1);
    assert_eq!(all(&cloud.store, &task.tenant, limit(100)).await.len(), 1_050);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_a_filter_is_one_query_and_one_batch() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    copies(&cloud, &task, 150, 0).await;
    for size in [1, 10, 100] {
        cloud.meter.take();
        assert_eq!(cloud.store.tasks(&task.tenant, &limit(size)).await.unwrap().tasks.len(), size);
        let usage = cloud.meter.take();
        assert_eq!((usage.calls_of("Query"), usage.calls_of("BatchGetItem")), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_one_answer_are_read_in_several() {
    let cloud = Cloud::start().await;
    let task = cloud.submitted(&tenant("acme")).await;
    // More than the 16 MB that one answer may have.
    copies(&cloud, &task, 49, 390_000).await;
    cloud.meter.take();
    let page = cloud.store.tasks(&task.tenant, &limit(100)).await.unwrap();
    assert_eq!((page.tasks.len(), page.next), (50, None));
    assert!(page.tasks.windows(2).all(|pair| pair[0].id != pair[1].id));
    assert_eq!(cloud.meter.take().calls_of("BatchGetItem"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_opaque_and_names_no_tenant() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    submitted(&cloud, &acme, 2).await;
    let cursor = cloud.store.tasks(&acme, &limit(1)).await.unwrap().next.unwrap().to_string();
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    let error = format!("{cursor}A").parse::<Cursor>().unwrap_err();
    assert_eq!(error.to_string(), "the cursor is not one that this list has given out");
}
