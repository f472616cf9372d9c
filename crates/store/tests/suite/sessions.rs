//! Conversations: in order, apart from each other, and gone when cleared.

use millrace_store::{FlowId, SessionId, SessionState, StoreError, Turn};
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

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_of_a_state_one_stands() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    let read = || cloud.store.session_state(&acme, flow, &chat, "m");
    let put = async |expected, writer: &str, body: Value| {
        cloud.store.put_session_state((&acme, flow, &chat), "m", expected, writer, &body).await.unwrap()
    };
    assert_eq!(read().await.unwrap(), None);
    assert!(put(None, "a", json!("first")).await);
    assert!(!put(None, "b", json!("second")).await);
    assert_eq!(read().await.unwrap(), Some(SessionState { version: 1, body: json!("first") }));
    assert!(put(Some(1), "b", json!("both")).await);
    assert!(!put(Some(1), "c", json!("late")).await);
    assert!(!put(Some(7), "c", json!("of nothing")).await);
    assert_eq!(read().await.unwrap(), Some(SessionState { version: 2, body: json!("both") }));
    // Whoever wrote before and does not know it is told that it stands, though others wrote since.
    assert!(put(None, "a", json!("first")).await);
    assert!(put(Some(1), "b", json!("both")).await);
    assert_eq!(read().await.unwrap().unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_whose_reply_was_lost_is_written_once() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    cloud.wire.answer_then_lose(0);
    let put = cloud.store.put_session_state((&acme, flow, &chat), "m", None, "a", &json!(1)).await;
    assert!(put.unwrap());
    assert!(cloud.meter.take().calls_of("UpdateItem") >= 1);
    let state = cloud.store.session_state(&acme, flow, &chat, "m").await.unwrap();
    assert_eq!(state, Some(SessionState { version: 1, body: json!(1) }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_of_one_scope_and_goes_with_its_conversation() {
    let cloud = Cloud::start().await;
    let (acme, flow, chat) = (tenant("acme"), FlowId::new(cloud.host.as_ref()), session("chat"));
    let place = (&acme, flow, &chat);
    let read = |scope: &'static str| cloud.store.session_state(&acme, flow, &chat, scope);
    for scope in ["m", "m#", ""] {
        assert!(cloud.store.put_session_state(place, scope, None, "a", &json!(scope)).await.unwrap());
    }
    cloud.store.append_turn(&acme, flow, &chat, "", &turn("state", json!("a turn"))).await.unwrap();
    assert_eq!(read("m#").await.unwrap().unwrap().body, json!("m#"));
    for scope in ["", "m", "%state", "%state#m"] {
        let turns = cloud.store.turns(&acme, flow, &chat, scope, None).await.unwrap();
        assert_eq!(turns.len(), usize::from(scope.is_empty()), "{scope}");
    }
    let others = [(tenant("other"), flow, session("chat")), (acme.clone(), flow, session("else"))];
    for (tenant, flow, session) in &others {
        assert_eq!(cloud.store.session_state(tenant, *flow, session, "m").await.unwrap(), None);
    }
    cloud.store.clear_session(&acme, flow, &chat).await.unwrap();
    assert_eq!(read("m").await.unwrap(), None);

    assert!(cloud.store.put_session_state(place, "m", None, "b", &json!(1)).await.unwrap());
    cloud.host.advance(cloud.store.config().retention);
    assert_eq!(read("m").await.unwrap(), None);
    assert!(cloud.store.put_session_state(place, "m", None, "c", &json!(2)).await.unwrap());

    let huge = cloud.store.put_session_state(place, "m", Some(1), "d", &noise(600_000)).await;
    assert!(matches!(huge, Err(StoreError::TooLarge { what: "conversation state", .. })));
    let long = cloud.store.session_state(&acme, flow, &chat, &"s".repeat(1024)).await;
    assert!(matches!(long, Err(StoreError::Invalid { .. })));
}
