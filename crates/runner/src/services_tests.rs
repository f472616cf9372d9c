//! The engine's ports over a local cloud.

use std::sync::Arc;

use millrace_engine::{ErrorKind, MemoryJournal, Services, Unsupervised};
use millrace_local::{LocalCloud, LocalConfig};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_store::{
    FlowDraft, FlowId, FlowPatch, SessionId, SharedCredentialsProvider, Store, StoreConfig, SystemHost,
    TenantId, create_table_if_absent,
};
use serde_json::{Value as Json, json};

use crate::{CallVariables, Runner, RunnerConfig};

struct Setup {
    runner: Runner,
    spool: std::path::PathBuf,
    _cloud: LocalCloud,
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.spool);
    }
}

impl Setup {
    async fn new(name: &str) -> Self {
        let cloud = LocalCloud::start(LocalConfig::default()).await.unwrap();
        create_table_if_absent(&cloud.dynamodb_client(), "millrace").await.unwrap();
        let config = StoreConfig {
            master_key: millrace_store::MasterKey::local([7; 32]),
            ..StoreConfig::new("millrace", cloud.queue_url())
        };
        let store = Store::new(cloud.dynamodb_client(), cloud.sqs_client(), config, Arc::new(SystemHost));
        let store = store.with_bucket(cloud.s3_client(), cloud.bucket());
        let store = store.with_credentials(cloud.sdk_config().credentials_provider().unwrap());
        let spool = std::env::temp_dir().join(format!("millrace-ports-{}-{name}", std::process::id()));
        let outbound = Outbound::new(OutboundConfig::default()).unwrap();
        let config = RunnerConfig { spool: spool.clone(), ..RunnerConfig::default() };
        let runner = Runner::new(store, millrace_components::registry(), outbound, config);
        Self { runner, spool, _cloud: cloud }
    }

    fn store(&self) -> &Store {
        self.runner.store()
    }

    fn services(&self, tenant: &str, flow: FlowId) -> Services {
        services(&self.runner, tenant, flow)
    }

    /// A flow of a 1.x chat that answers with its input.
    async fn flow(&self, tenant: &str, name: &str, endpoint: Option<&str>) -> FlowId {
        let draft = FlowDraft {
            name: name.to_owned(),
            endpoint_name: endpoint.map(str::to_owned),
            data: Some(echo()),
            ..FlowDraft::default()
        };
        self.store().create_flow(&of(tenant), draft, Vec::new()).await.unwrap().id
    }
}

fn services(runner: &Runner, tenant: &str, flow: FlowId) -> Services {
    let session = SessionId::try_from("chat").unwrap();
    let journal = Arc::new(MemoryJournal::default());
    let tenant = of(tenant);
    let variables = runner.variables(&tenant, CallVariables::new(), Arc::default());
    runner.services((&tenant, flow, &session), journal, variables, Arc::new(Unsupervised), &Arc::default())
}

fn of(tenant: &str) -> TenantId {
    tenant.parse().unwrap()
}

fn echo() -> Json {
    let event = include_str!("../../../events/api-flows-create-chat.json");
    let event: Json = serde_json::from_str(event).unwrap();
    serde_json::from_str::<Json>(event["body"].as_str().unwrap()).unwrap()["data"].take()
}

#[tokio::test]
async fn an_upload_is_read_and_put_on_the_disk_for_its_tenant_alone() {
    let setup = Setup::new("files").await;
    let flow = setup.flow("ann", "a flow", None).await;
    let reference = setup.store().put_upload(&of("ann"), flow, "Data.db", b"content".to_vec()).await.unwrap();
    let reference = reference.to_string();
    let files = setup.services("ann", flow).files;
    let file = files.read(&reference, 7).await.unwrap();
    assert_eq!((file.name.as_str(), &*file.bytes, file.immutable), ("Data.db", b"content".as_slice(), true));
    let large = files.read(&reference, 6).await.unwrap_err();
    assert!(
        large.kind == ErrorKind::Flow && large.message.contains("7 bytes; the limit is 6"),
        "{}",
        large.message
    );

    let place = files.on_disk(&reference).await.unwrap();
    assert_eq!(std::fs::read(&place).unwrap(), b"content");
    // What somebody wrote to it is not what the reference stands for.
    std::fs::write(&place, "changed").unwrap();
    assert_eq!(std::fs::read(files.on_disk(&reference).await.unwrap()).unwrap(), b"content");

    let foreign = setup.services("bob", flow).files;
    let nowhere = reference.replace(".db", ".csv");
    for (files, asked) in
        [(&foreign, reference.as_str()), (&files, &nowhere), (&files, "/etc/passwd"), (&files, "a")]
    {
        for error in [files.read(asked, 7).await.map(drop), files.on_disk(asked).await.map(drop)] {
            let error = error.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Flow);
            let same = error.message.replace(asked, "X");
            assert!(same.starts_with("There is no file \"X\" here"), "{}", error.message);
        }
    }
    assert!(files.list("").await.unwrap_err().message.contains("no folder was opened"));
}

#[tokio::test]
async fn a_flow_is_found_by_id_endpoint_or_the_name_that_it_alone_has() {
    let setup = Setup::new("flows").await;
    let own = setup.flow("ann", "own", Some("own-endpoint")).await;
    let (twin, _) = (setup.flow("ann", "twin", None).await, setup.flow("ann", "twin", None).await);
    let foreign = setup.flow("bob", "foreign", Some("foreign-endpoint")).await;
    let flows = setup.services("ann", own).flows;
    for name in [own.to_string(), "own".to_owned(), "own-endpoint".to_owned()] {
        assert_eq!(flows.load(&name, None).await.unwrap().id, own.to_string(), "{name}");
    }
    assert_eq!(flows.load(&twin.to_string(), None).await.unwrap().id, twin.to_string());
    let refused = async |name: &str| flows.load(name, None).await.err().unwrap();
    assert!(refused("twin").await.message.contains("2 flows with the name twin"));
    for name in [&foreign.to_string(), "foreign", "foreign-endpoint", "none"] {
        assert_eq!(refused(name).await.message, format!("There is no flow {name}"));
    }

    let loaded = flows.load("own", None).await.unwrap();
    let mut data = echo();
    data["nodes"].as_array_mut().unwrap().truncate(1);
    data["edges"] = json!([]);
    let patch = FlowPatch { data: Some(data), ..FlowPatch::default() };
    setup.store().update_flow(&of("ann"), own, patch).await.unwrap().unwrap();
    let pinned = flows.load(&own.to_string(), Some(&loaded.version)).await.unwrap();
    assert_eq!(pinned.version, loaded.version);
    assert_ne!(flows.load("own", None).await.unwrap().version, loaded.version);
    assert!(flows.load(&own.to_string(), Some("no version")).await.is_err());
}

#[tokio::test]
async fn conversations_of_flows_that_call_each_other_are_apart() {
    let setup = Setup::new("sessions").await;
    let (outer, inner) = (setup.flow("ann", "outer", None).await, setup.flow("ann", "inner", None).await);
    let services = setup.services("ann", outer);
    let called = services.flows.load(&inner.to_string(), None).await.unwrap();
    assert!(services.sessions.put_state("m", None, "w1", &json!("outer")).await.unwrap());
    assert!(called.sessions.put_state("m", None, "w1", &json!("inner")).await.unwrap());
    let state = services.sessions.state("m").await.unwrap().unwrap();
    assert_eq!((state.version, state.body), (1, json!("outer")));
    assert!(!services.sessions.put_state("m", None, "w2", &json!("late")).await.unwrap());
    assert!(services.sessions.put_state("m", None, "w1", &json!("outer")).await.unwrap());
    services.sessions.clear().await.unwrap();
    assert!(services.sessions.state("m").await.unwrap().is_none());
    assert_eq!(called.sessions.state("m").await.unwrap().unwrap().body, json!("inner"));
}

#[tokio::test]
async fn an_index_outlives_its_process() {
    let setup = Setup::new("indexes").await;
    let flow = FlowId::new(&SystemHost);
    let index: Arc<[u8]> = Arc::from([1, 2, 3].as_slice());
    setup.services("ann", flow).indexes.save("key", index.clone()).await.unwrap();
    let config = RunnerConfig { index_bytes: 0, ..RunnerConfig::default() };
    let outbound = Outbound::new(OutboundConfig::default()).unwrap();
    let registry = millrace_components::registry();
    let another = Runner::new(setup.store().clone(), registry, outbound, config);
    let services = |tenant| services(&another, tenant, flow);
    assert_eq!(services("ann").indexes.load("key").await.unwrap(), Some(index));
    assert_eq!(services("bob").indexes.load("key").await.unwrap(), None);
    assert!(services("ann").resources.get::<SharedCredentialsProvider>().is_some());
}
