//! A tenant's variables: made, listed, changed, deleted, and never in the clear.

use millrace_store::{NewVariable, Secret, StoreError, TenantId, VariableKind, VariablePatch};
use uuid::Uuid;

use crate::cloud::{Cloud, tenant};

const VALUE: &str = "canary-0123456789";

fn new(name: &str, value: &str) -> NewVariable {
    NewVariable {
        name: name.to_owned(),
        kind: VariableKind::Credential,
        value: Secret::from(value.to_owned()),
        default_fields: vec!["OpenAI API Key".to_owned()],
    }
}

async fn value(cloud: &Cloud, tenant: &TenantId, id: Uuid) -> Option<String> {
    cloud.store.variable_value(tenant, id).await.unwrap().map(|value| value.expose().to_owned())
}

#[tokio::test]
async fn a_variable_is_its_tenants_and_sealed() {
    let (cloud, acme, other) = (Cloud::start().await, tenant("acme"), tenant("other"));
    let made = cloud.store.create_variables(&acme, &[new("KEY", VALUE)]).await.unwrap().remove(0);
    assert_eq!(value(&cloud, &acme, made.id).await.as_deref(), Some(VALUE));
    assert_eq!(cloud.store.variables(&acme).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(cloud.store.variables(&other).await.unwrap(), []);
    assert_eq!(value(&cloud, &other, made.id).await, None);
    assert!(!cloud.holds(VALUE).await);
    let patch = VariablePatch { value: Some(Secret::from("x".to_owned())), ..VariablePatch::default() };
    assert_eq!(cloud.store.update_variable(&other, made.id, &patch).await.unwrap(), None);
    assert!(!cloud.store.delete_variable(&other, made.id).await.unwrap());
    assert!(cloud.store.delete_variable(&acme, made.id).await.unwrap());
    assert_eq!(value(&cloud, &acme, made.id).await, None);
    assert!(!cloud.store.delete_variable(&acme, made.id).await.unwrap());
}

#[tokio::test]
async fn what_is_changed_is_what_is_read() {
    let (cloud, acme) = (Cloud::start().await, tenant("acme"));
    let made = cloud.store.create_variables(&acme, &[new("A", "1"), new("B", "2")]).await.unwrap();
    let patch = VariablePatch {
        name: Some("C".to_owned()),
        value: Some(Secret::from("3".to_owned())),
        default_fields: Some(Vec::new()),
    };
    let changed = cloud.store.update_variable(&acme, made[0].id, &patch).await.unwrap().unwrap();
    assert_eq!((changed.name.as_str(), changed.version, changed.default_fields.len()), ("C", 2, 0));
    assert_eq!(value(&cloud, &acme, made[0].id).await.as_deref(), Some("3"));
    let renamed = VariablePatch { name: Some("B".to_owned()), ..VariablePatch::default() };
    let refused = cloud.store.update_variable(&acme, made[0].id, &renamed).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { what: "variable name" }));
    let refused = cloud.store.create_variables(&acme, &[new("D", "4"), new("B", "5")]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { what: "variable name" }));
    assert_eq!(cloud.store.variables(&acme).await.unwrap().len(), 2, "all or none");
}

#[tokio::test]
async fn a_tenant_has_so_many_and_no_more() {
    let (cloud, acme) = (Cloud::start().await, tenant("acme"));
    let store = cloud.another(|config| config.max_variables = 3);
    for number in 0..3 {
        store.create_variables(&acme, &[new(&number.to_string(), "v")]).await.unwrap();
    }
    let refused = store.create_variables(&acme, &[new("3", "v")]).await.unwrap_err();
    assert_eq!(refused.to_string(), "too many variables: the limit is 3");
}

#[tokio::test]
async fn equal_credentials_are_found_by_their_value() {
    let (cloud, acme, other) = (Cloud::start().await, tenant("acme"), tenant("other"));
    let made = cloud.store.create_variables(&acme, &[new("KEY", VALUE)]).await.unwrap().remove(0);
    let secret = Secret::from(VALUE.to_owned());
    assert_eq!(cloud.store.credential_of_value(&acme, &secret).await.unwrap().unwrap().id, made.id);
    assert_eq!(cloud.store.credential_of_value(&other, &secret).await.unwrap(), None);
    let generic = NewVariable { kind: VariableKind::Generic, ..new("SHOWN", "shown") };
    cloud.store.create_variables(&acme, &[generic]).await.unwrap();
    assert_eq!(
        cloud.store.credential_of_value(&acme, &Secret::from("shown".to_owned())).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn two_who_make_at_once_both_get_theirs() {
    let (cloud, acme) = (Cloud::start().await, tenant("acme"));
    let names: Vec<String> = (0..4).map(|number| format!("V{number}")).collect();
    let made = names.iter().map(|name| {
        let new = [new(name, "v")];
        let (store, acme) = (cloud.store.clone(), acme.clone());
        async move { store.create_variables(&acme, &new).await }
    });
    let made = futures::future::join_all(made).await;
    let stands = cloud.store.variables(&acme).await.unwrap().len();
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), stands);
    assert!(stands >= 1);
}
