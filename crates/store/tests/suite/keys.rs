//! API keys: who gets in, and for how long.

use std::time::Duration;

use millrace_store::{Host as _, StoreError};

use crate::cloud::{Cloud, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_leads_to_its_tenant() {
    let cloud = Cloud::start().await;
    let (acme, other) = (tenant("acme"), tenant("other"));
    let key = cloud.store.create_key(&acme, "laptop").await.unwrap();
    cloud.store.create_key(&other, "theirs").await.unwrap();
    let principal = cloud.store.authenticate(&key.text).await.unwrap().unwrap();
    assert_eq!((principal.tenant, principal.key, principal.name.as_str()), (acme, key.record.id, "laptop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_key_is_refused_without_a_read_and_a_wrong_one_after_it() {
    let cloud = Cloud::start().await;
    let key = cloud.store.create_key(&tenant("acme"), "laptop").await.unwrap();
    let unknown = Cloud::start().await;
    unknown.host.random(&mut [0; 7]);
    let unknown = unknown.store.create_key(&tenant("acme"), "laptop").await.unwrap();
    cloud.meter.take();
    let mistyped = key.text.replace("sk-", "sk_");
    for malformed in ["", "sk-", "Bearer x", &key.text[..68], &mistyped] {
        assert_eq!(cloud.store.authenticate(malformed).await.unwrap(), None);
    }
    assert!(cloud.meter.take().calls.is_empty());
    assert_eq!(cloud.store.authenticate(&unknown.text).await.unwrap(), None);
    assert_eq!(cloud.meter.take().calls_of("GetItem"), 1);
    assert_eq!(cloud.store.authenticate(&unknown.text).await.unwrap(), None);
    assert!(cloud.meter.take().calls.is_empty(), "unknown ids are remembered too");
}

/// The public id of one key with the secret of another, and a checksum that fits.
fn crossed(public: &str, secret: &str) -> String {
    use sha2::{Digest, Sha256};
    const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = format!("{}{}", &public[..20], &secret[20..63]);
    let mut number = u128::from_be_bytes(Sha256::digest(&text)[..16].try_into().unwrap());
    for _ in 0..6 {
        text.push(char::from(BASE62[(number % 62) as usize]));
        number /= 62;
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_opens_nothing_before_or_after_the_right_one() {
    let cloud = Cloud::start().await;
    let mine = cloud.store.create_key(&tenant("acme"), "mine").await.unwrap();
    let theirs = cloud.store.create_key(&tenant("other"), "theirs").await.unwrap();
    assert_eq!(crossed(&mine.text, &mine.text), mine.text);
    let forged = crossed(&mine.text, &theirs.text);
    assert_eq!(cloud.store.authenticate(&forged).await.unwrap(), None);
    assert!(cloud.store.authenticate(&mine.text).await.unwrap().is_some());
    assert_eq!(cloud.store.authenticate(&forged).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_key_stops_at_once_here_and_within_a_minute_elsewhere() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let elsewhere = cloud.another(|_| {});
    let key = cloud.store.create_key(&acme, "laptop").await.unwrap();
    for store in [&cloud.store, &elsewhere] {
        assert!(store.authenticate(&key.text).await.unwrap().is_some());
    }
    assert!(!cloud.store.delete_key(&tenant("other"), key.record.id).await.unwrap());
    assert!(cloud.store.delete_key(&acme, key.record.id).await.unwrap());
    assert!(!cloud.store.delete_key(&acme, key.record.id).await.unwrap());
    assert_eq!(cloud.store.authenticate(&key.text).await.unwrap(), None);
    cloud.host.advance(Duration::from_secs(59));
    assert!(elsewhere.authenticate(&key.text).await.unwrap().is_some());
    cloud.host.advance(Duration::from_secs(1));
    assert_eq!(elsewhere.authenticate(&key.text).await.unwrap(), None);
    assert!(cloud.store.keys(&acme).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_masked_with_their_uses() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let key = cloud.store.create_key(&acme, "laptop").await.unwrap();
    let listed = cloud.store.keys(&acme).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&key.record));
    assert_eq!((listed[0].total_uses, listed[0].last_used_at, listed[0].is_active), (0, None, true));
    assert_eq!(listed[0].masked, format!("{}{}", &key.text[..8], "*".repeat(61)));

    for _ in 0..5 {
        cloud.store.authenticate(&key.text).await.unwrap();
    }
    cloud.host.advance(Duration::from_secs(60));
    cloud.store.authenticate(&key.text).await.unwrap();
    let used = cloud.store.keys(&acme).await.unwrap().remove(0);
    assert_eq!(used.total_uses, 6);
    assert_eq!(used.last_used_at.unwrap().duration_since(used.created_at).as_secs(), 60);
    assert!(cloud.store.keys(&tenant("other")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_never_holds_a_secret() {
    let cloud = Cloud::start().await;
    let key = cloud.store.create_key(&tenant("acme"), "laptop").await.unwrap();
    let rows = cloud.dynamodb.scan().table_name(crate::cloud::TABLE).send().await.unwrap();
    assert_eq!(rows.count, 2);
    let stored = format!("{:?}", rows.items());
    assert!(stored.contains(&key.text[3..19]), "the public id is there");
    assert!(!stored.contains(&key.text[20..63]));
    assert!(!format!("{key:?}").contains(&key.text[20..63]));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_keys_work_only_where_they_are_allowed() {
    let cloud = Cloud::start().await;
    let acme = tenant("acme");
    let local = cloud.another(|config| config.plain_keys = true);
    assert_eq!(local.authenticate("demo").await.unwrap(), None);
    for _ in 0..2 {
        local.seed_key(&acme, "demo", "local").await.unwrap();
    }
    let taken = local.seed_key(&tenant("other"), "demo", "local").await;
    assert!(matches!(taken, Err(StoreError::Conflict { .. })));
    assert_eq!(local.authenticate("demo").await.unwrap().unwrap().tenant, acme);
    assert_eq!(local.authenticate("demo2").await.unwrap(), None);
    let listed = local.keys(&acme).await.unwrap();
    assert_eq!((listed.len(), listed[0].masked.as_str()), (1, "de**"));

    assert_eq!(cloud.store.authenticate("demo").await.unwrap(), None);
    let refused = cloud.store.seed_key(&acme, "demo", "local").await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })));
    let proper = cloud.store.create_key(&acme, "proper").await.unwrap();
    assert!(local.authenticate(&proper.text).await.unwrap().is_some());
}
