//! The functions of a stack, and what they run tasks with.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use millrace_local::{FunctionError, LocalCloud, from_async};
use millrace_outbound::{Outbound, OutboundConfig};
use millrace_runner::{Runner, RunnerConfig};
use millrace_store::metering::Meter;
use millrace_store::{Host, MasterKey, Store, StoreConfig, SystemHost};
use tokio_util::task::TaskTracker;

use super::Setup;
use crate::observer::Observer;
use crate::provider::Provider;

/// What each function runs tasks with: one for all, or, where they are observed, one for each.
pub struct Runners {
    /// The api's.
    pub api: Runner,
    /// The worker's.
    pub worker: Runner,
    /// The sweeper's.
    pub sweeper: Runner,
}

impl Runners {
    pub fn of(cloud: &LocalCloud, provider: &Provider, meter: &Meter, setup: &Setup) -> Self {
        let of = |observer| runner(cloud, provider, meter, setup, observer);
        match &setup.observed {
            Some(observed) => Self {
                api: of(Some(&observed.api)),
                worker: of(Some(&observed.worker)),
                sweeper: of(Some(&observed.sweeper)),
            },
            None => {
                let one = of(None);
                Self { api: one.clone(), worker: one.clone(), sweeper: one }
            }
        }
    }
}

pub fn runner(
    cloud: &LocalCloud,
    provider: &Provider,
    meter: &Meter,
    setup: &Setup,
    observer: Option<&Observer>,
) -> Runner {
    let sdk = cloud.sdk_config();
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(cloud.dynamodb_url());
    let sqs = aws_sdk_sqs::config::Builder::from(&sdk).endpoint_url(cloud.sqs_url());
    let s3 = cloud.s3_client().config().to_builder();
    let (mut dynamodb, mut sqs, mut s3) =
        (dynamodb.interceptor(meter.clone()), sqs.interceptor(meter.clone()), s3);
    let mut host: Arc<dyn Host> = Arc::new(SystemHost);
    let mut master_key = MasterKey::local([7; 32]);
    if let Some(observer) = observer {
        dynamodb = dynamodb.interceptor(observer.clone());
        sqs = sqs.interceptor(observer.clone());
        s3 = s3.interceptor(observer.clone());
        host = observer.host();
        master_key = MasterKey::Kms("alias/millrace".to_owned());
    }
    let store = Store::new(
        aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        aws_sdk_sqs::Client::from_conf(sqs.build()),
        StoreConfig {
            plain_keys: setup.plain_keys,
            master_key,
            max_failures: setup.max_failures,
            tenant_concurrency: setup.tenant_concurrency,
            requests_per_minute: setup.requests_per_minute,
            lease: setup.lease,
            ..StoreConfig::new("millrace", cloud.queue_url())
        },
        host,
    )
    .with_bucket(aws_sdk_s3::Client::from_conf(s3.build()), cloud.bucket());
    let store = match observer {
        Some(observer) => store.with_kms(observer.kms(&aws_sdk_kms::config::Builder::from(&sdk))),
        None => store,
    };
    let outbound =
        Outbound::new(OutboundConfig { allow_loopback: true, ..OutboundConfig::default() }).unwrap();
    let variables = [
        ("OPENAI_API_KEY", "sk-operator".to_owned()),
        ("OPENAI_BASE_URL", provider.base_url()),
        ("SERPAPI_API_BASE", provider.url()),
    ];
    let config = RunnerConfig {
        variables: variables.map(|(name, value)| (name.to_owned(), value)).into(),
        sync_timeout: setup.sync_timeout,
        files_root: setup.files.clone(),
        flow_limits: setup.flow_limits,
        run_limits: setup.run_limits,
        prices: setup.prices.clone(),
        task_budget: setup.task_budget,
        tenant_budget: setup.tenant_budget,
        ..RunnerConfig::default()
    };
    let registry = millrace_components::registry();
    let runner = match setup.background {
        true => Runner::with_background(store, registry, outbound, config, TaskTracker::new()),
        false => Runner::new(store, registry, outbound, config),
    };
    if let Some(collector) = &setup.collector {
        runner.export_to(collector.clone()).unwrap();
    }
    runner
}

pub fn api(router: Router) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let router = router.clone();
        async move {
            let answer = millrace_api::handle(&router, &event).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Api", error.to_string()))
        }
    })
}

pub fn worker_function(runner: Runner) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let answer = millrace_worker::handle_json(&runner, &event, None).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Worker", error.to_string()))
        }
    })
}

pub fn sweeper_function(runner: Runner) -> impl millrace_local::Function {
    from_async(move |event: Bytes| {
        let runner = runner.clone();
        async move {
            let answer = millrace_sweeper::handle_json(&runner, &event, None).await;
            answer.map(Bytes::from).map_err(|error| FunctionError::new("Sweeper", error.to_string()))
        }
    })
}
