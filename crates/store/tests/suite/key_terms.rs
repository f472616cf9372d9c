//! What a key may do and how long: scopes, expiry, rotation.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use millrace_store::{Host as _, KeyTerms, NewKey, Rotation, Scope, Scopes, Store};

use crate::cloud::{Cloud, TABLE, tenant};

const DAY: Duration = Duration::from_secs(86_400);

fn ending_in(cloud: &Cloud, seconds: i64) -> KeyTerms {
    let end = cloud.host.now() + SignedDuration::from_secs(seconds);
    KeyTerms { expires_at: Some(end), ..KeyTerms::default() }
}

async fn is_good(store: &Store, key: &NewKey) -> bool {
    store.authenticate(&key.text).await.unwrap().is_some()
}

fn made(rotation: Rotation) -> (NewKey, jiff::Timestamp) {
    match rotation {
        Rotation::Made { key, old_until } => (key, old_until),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terms_of_a_key_come_with_whoever_uses_it_and_stand_in_the_list() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let scopes: Scopes = [Scope::Run, Scope::Read].into_iter().collect();
    let terms = KeyTerms { scopes, requests_per_minute: Some(7), ..ending_in(&cloud, 100) };
    let key = cloud.store.create_key_with(&acme, "laptop", &terms).await.unwrap();
    let plain = cloud.store.create_key(&acme, "plain").await.unwrap();
    for (key, terms) in [(&key, &terms), (&plain, &KeyTerms::default())] {
        assert_eq!(&cloud.store.authenticate(&key.text).await.unwrap().unwrap().terms, terms);
        assert_eq!(&key.record.terms, terms);
    }
    let listed = cloud.store.keys(&acme).await.unwrap();
    assert_eq!([&listed[0].terms, &listed[1].terms], [&terms, &KeyTerms::default()]);
}

/// A row from before there were scopes, as it was written then.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_row_has_all_scopes_and_no_end() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let key = cloud.store.create_key(&acme, "old").await.unwrap();
    for (pk, sk) in [
        (format!("K#{}", &key.text[3..19]), "KEY".to_owned()),
        ("KT#acme".to_owned(), key.record.id.to_string()),
    ] {
        let update = cloud.dynamodb.update_item().table_name(TABLE).key("pk", AttributeValue::S(pk));
        let update = update.key("sk", AttributeValue::S(sk)).update_expression("REMOVE scopes");
        update.condition_expression("attribute_exists(scopes)").send().await.unwrap();
    }
    let caller = cloud.store.authenticate(&key.text).await.unwrap().unwrap();
    assert_eq!(caller.terms, KeyTerms::default());
    assert_eq!(cloud.store.keys(&acme).await.unwrap()[0].terms, KeyTerms::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_on_time_also_where_it_is_remembered() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let key = cloud.store.create_key_with(&acme, "laptop", &ending_in(&cloud, 30)).await.unwrap();
    assert!(is_good(&cloud.store, &key).await);
    cloud.host.advance(Duration::from_millis(29_999));
    cloud.meter.take();
    assert!(is_good(&cloud.store, &key).await);
    cloud.host.advance(Duration::from_millis(1));
    assert!(!is_good(&cloud.store, &key).await);
    assert!(cloud.meter.take().calls.is_empty(), "both were remembered");
    cloud.host.advance(Duration::from_secs(60));
    assert!(!is_good(&cloud.store, &key).await);
    assert_eq!(cloud.meter.take().calls_of("UpdateItem"), 0, "no use is counted");
    assert!(!cloud.store.keys(&acme).await.unwrap()[0].is_active);
    assert!(cloud.store.delete_key(&acme, key.record.id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_has_a_successor_and_a_grace() {
    let cloud = Cloud::start().await;
    let (acme, elsewhere) = (tenant("acme"), cloud.another(|_| {}));
    let scopes = [Scope::Run].into_iter().collect();
    let terms = KeyTerms { scopes, requests_per_minute: Some(5), expires_at: None };
    let old = cloud.store.create_key_with(&acme, "laptop", &terms).await.unwrap();
    assert!(is_good(&elsewhere, &old).await);
    cloud.host.advance(Duration::from_secs(60));
    let (new, until) = made(cloud.store.rotate_key(&acme, old.record.id, DAY).await.unwrap());
    assert_eq!(until, cloud.host.now() + SignedDuration::from_hours(24));
    assert_eq!((new.record.name.as_str(), &new.record.terms), ("laptop", &terms));
    assert_ne!((new.record.id, &new.text), (old.record.id, &old.text));

    cloud.host.advance(DAY - Duration::from_millis(1));
    for store in [&cloud.store, &elsewhere] {
        assert!(is_good(store, &old).await && is_good(store, &new).await);
    }
    cloud.host.advance(Duration::from_millis(1));
    for store in [&cloud.store, &elsewhere] {
        assert!(!is_good(store, &old).await && is_good(store, &new).await);
    }
    assert_eq!(cloud.store.keys(&acme).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_of_nothing_ends_the_old_key_at_once_here_and_within_a_minute_elsewhere() {
    let cloud = Cloud::start().await;
    let (acme, elsewhere) = (tenant("acme"), cloud.another(|_| {}));
    let old = cloud.store.create_key(&acme, "laptop").await.unwrap();
    assert!(is_good(&cloud.store, &old).await && is_good(&elsewhere, &old).await);
    made(cloud.store.rotate_key(&acme, old.record.id, Duration::ZERO).await.unwrap());
    assert!(!is_good(&cloud.store, &old).await);
    assert!(is_good(&elsewhere, &old).await);
    cloud.host.advance(Duration::from_secs(60));
    assert!(!is_good(&elsewhere, &old).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grace_never_makes_a_key_live_longer() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let terms = ending_in(&cloud, 100);
    let old = cloud.store.create_key_with(&acme, "laptop", &terms).await.unwrap();
    let (new, until) = made(cloud.store.rotate_key(&acme, old.record.id, DAY).await.unwrap());
    assert_eq!((Some(until), &new.record.terms), (terms.expires_at, &terms));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rotated_stays_as_it_is() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let key = cloud.store.create_key_with(&acme, "laptop", &ending_in(&cloud, 100)).await.unwrap();
    let rotate = async |name: &str| cloud.store.rotate_key(&tenant(name), key.record.id, DAY).await.unwrap();
    assert!(matches!(rotate("other").await, Rotation::NoKey));
    assert!(matches!(rotate("acme").await, Rotation::Made { .. }));
    assert!(matches!(rotate("acme").await, Rotation::Rotated));
    let over = cloud.store.create_key_with(&acme, "over", &ending_in(&cloud, 0)).await.unwrap();
    assert!(matches!(cloud.store.rotate_key(&acme, over.record.id, DAY).await.unwrap(), Rotation::Expired));
    assert!(cloud.store.delete_key(&acme, key.record.id).await.unwrap());
    assert!(matches!(rotate("acme").await, Rotation::NoKey));
    assert_eq!(cloud.store.keys(&acme).await.unwrap().len(), 2);
}

/// The table forgets a key's rows some time after its end, one by one.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_which_only_one_row_is_left_can_be_deleted() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let key = cloud.store.create_key_with(&acme, "laptop", &ending_in(&cloud, 100)).await.unwrap();
    let rows = cloud.dynamodb.scan().table_name(TABLE).send().await.unwrap();
    let kept_until = |row: &std::collections::HashMap<String, AttributeValue>| row["expires"].clone();
    let end = 1_750_000_000 + 100 + 7 * 86_400;
    assert!(rows.items().iter().all(|row| kept_until(row) == AttributeValue::N(end.to_string())));
    let lookup = AttributeValue::S(format!("K#{}", &key.text[3..19]));
    let delete = cloud.dynamodb.delete_item().table_name(TABLE).key("pk", lookup);
    delete.key("sk", AttributeValue::S("KEY".to_owned())).send().await.unwrap();
    assert!(cloud.store.delete_key(&acme, key.record.id).await.unwrap());
    assert!(cloud.store.keys(&acme).await.unwrap().is_empty());
}
