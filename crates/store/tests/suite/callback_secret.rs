//! The secret of a tenant's callbacks: made once, whoever asks first.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::cloud::{Cloud, tenant};

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_one_secret_of_its_own() {
    let cloud = Cloud::start().await;
    let first = cloud.store.callback_secret(&tenant("acme")).await.unwrap();
    // The tenant's data key, and the secret that is sealed under it.
    assert_eq!(cloud.meter.take().write_units, 2);
    let elsewhere = cloud.another(|_| ());
    assert_eq!(elsewhere.callback_secret(&tenant("acme")).await.unwrap(), first);
    let usage = cloud.meter.take();
    assert_eq!((usage.write_units, usage.read_units), (0, 0.5 + 1.0));

    let other = cloud.store.callback_secret(&tenant("other")).await.unwrap();
    assert_ne!(other, first);
    for secret in [&first, &other] {
        assert!(secret.text().starts_with("whsec_"));
        assert_eq!((secret.bytes().len(), secret.text().len()), (32, 6 + 44));
        assert!(secret.bytes().iter().any(|byte| *byte != 0));
        assert!(!format!("{secret:?}").contains(&secret.text()[6..]));
    }
    cloud.host.advance(cloud.store.config().retention * 2);
    assert_eq!(cloud.store.callback_secret(&tenant("acme")).await.unwrap(), first, "it does not expire");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_ask_first_at_once_get_the_same() {
    let cloud = Cloud::start().await;
    let calls = (0..20).map(|_| {
        let store = cloud.store.clone();
        tokio::spawn(async move { store.callback_secret(&tenant("acme")).await.unwrap().text() })
    });
    let calls: Vec<_> = calls.collect();
    let mut secrets = BTreeSet::new();
    for call in calls {
        secrets.insert(call.await.unwrap());
    }
    assert_eq!(secrets.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_whose_reply_is_lost_is_the_one_that_stands_there() {
    let cloud = Cloud::start().await;
    cloud.wire.answer_then_lose(1);
    let made = cloud.store.callback_secret(&tenant("acme")).await.unwrap();
    assert_eq!(cloud.meter.take().calls_of("PutItem"), 2);
    assert_eq!(cloud.wire.lose.load(Ordering::SeqCst), 0);
    assert_eq!(cloud.store.callback_secret(&tenant("acme")).await.unwrap(), made);
}
