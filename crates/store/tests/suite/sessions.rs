//! Conversations: in order, apart from each other, and gone when cleared.

use millrace_store::{FlowId, SessionId, StoreError, Turn};
use serde_json::{Value, json};

use crate::cloud::{Cloud, noise, tenant};

fn session(name: &str) -> SessionId {
    SessionId::try_from(name).unwrap()
}

fn turn(key: &str, body: Value) -> Turn {
    Turn { key: key.to_owned(), body }
}

fn keys(turns: &[Turn]) -> Vec<&str> {
    turns.iter().map(|turn| turn.key.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_come_back_oldest_first_all_or_the_newest() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    for key in ["0003", "0001", "0002"] {
        cloud
            .store
            .append_turn(&acme, flow, &chat, "memory", &turn(key, json!({"text": key})))
            .await
            .unwrap();
    }
    for (newest, expected) in [
        (None, vec!["0001", "0002", "0003"]),
        (Some(2), vec!["0002", "0003"]),
        (Some(9), vec!["0001", "0002", "0003"]),
        (Some(0), vec![]),
    ] {
        let turns = cloud.store.turns(&acme, flow, &chat, "memory", newest).await.unwrap();
        assert_eq!(keys(&turns), expected);
        assert!(turns.iter().all(|turn| turn.body == json!({"text": turn.key})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_appended_once() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    for body in ["first", "second"] {
        cloud.store.append_turn(&acme, flow, &chat, "m", &turn("1", json!(body))).await.unwrap();
    }
    assert_eq!(cloud.store.turns(&acme, flow, &chat, "m", None).await.unwrap(), [turn("1", json!("first"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_never_mix() {
    let cloud = Cloud::start().await;
    let flow = || FlowId::new(cloud.host.as_ref());
    let (one, two) = (flow(), flow());
    let places = [
        ("acme", one, "chat", "memory"),
        ("other", one, "chat", "memory"),
        ("acme", two, "chat", "memory"),
        ("acme", one, "chat#2", "memory"),
        ("acme", one, "chat", "memory#2"),
        ("acme", one, "chat", "mem"),
        ("acme", one, "chat", ""),
    ];
    for (i, (who, flow, chat, scope)) in places.iter().enumerate() {
        let turn = turn("2#x", json!(i));
        cloud.store.append_turn(&tenant(who), *flow, &session(chat), scope, &turn).await.unwrap();
    }
    for (i, (who, flow, chat, scope)) in places.iter().enumerate() {
        let turns = cloud.store.turns(&tenant(who), *flow, &session(chat), scope, None).await.unwrap();
        assert_eq!(turns, [turn("2#x", json!(i))]);
    }
    cloud.store.clear_session(&tenant("acme"), one, &session("chat")).await.unwrap();
    for (i, (who, flow, chat, scope)) in places.iter().enumerate() {
        let turns = cloud.store.turns(&tenant(who), *flow, &session(chat), scope, None).await.unwrap();
        assert_eq!(turns.is_empty(), [0, 4, 5, 6].contains(&i), "{i}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_conversation_is_paged_and_cleared_in_batches() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    for i in 0..60 {
        let turn = turn(&format!("{i:04}"), noise(30_000));
        cloud.store.append_turn(&acme, flow, &chat, "m", &turn).await.unwrap();
    }
    cloud.meter.take();
    assert_eq!(cloud.store.turns(&acme, flow, &chat, "m", None).await.unwrap().len(), 60);
    assert!(cloud.meter.take().calls_of("Query") > 1);
    let newest = cloud.store.turns(&acme, flow, &chat, "m", Some(50)).await.unwrap();
    assert_eq!((newest.len(), newest[0].key.as_str(), newest[49].key.as_str()), (50, "0010", "0059"));
    cloud.meter.take();
    cloud.store.clear_session(&acme, flow, &chat).await.unwrap();
    assert_eq!(cloud.meter.take().calls_of("BatchWriteItem"), 3);
    assert!(cloud.store.turns(&acme, flow, &chat, "m", None).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_expire_and_have_limits() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    cloud.store.append_turn(&acme, flow, &chat, "m", &turn("1", json!(1))).await.unwrap();
    cloud.host.advance(cloud.store.config().retention);
    assert!(cloud.store.turns(&acme, flow, &chat, "m", None).await.unwrap().is_empty());

    let huge = cloud.store.append_turn(&acme, flow, &chat, "m", &turn("2", noise(600_000))).await;
    assert!(matches!(huge, Err(StoreError::TooLarge { what: "conversation turn", .. })));
    for key in ["", &"k".repeat(1024)] {
        let refused = cloud.store.append_turn(&acme, flow, &chat, "m", &turn(key, json!(1))).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    }
}
